"""Views of clips: what is fitted on train alone, what stands in for what is missing, remarks by hand."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from workbench.data import datasets
from workbench.errors import UserError
from workbench.recommenders.music.reasons import reason, remark
from workbench.recommenders.music.views import (
    TEST,
    TRAIN,
    VALID,
    ClipViews,
    _vectorizer,
    clip_views,
    lacking_tags,
    words_of_tags,
)


def bench(dataset):
    return SimpleNamespace(dataset=dataset)


@pytest.fixture(scope="module")
def clips():
    return datasets.load("synthetic-clips", users=60, items=200)


def test_parts_are_by_hash_or_as_published(clips):
    views = clip_views(bench(clips))
    assert views.part[0] == -1 and np.bincount(views.part[1:]).tolist() == [140, 30, 30]
    published = replace(clips, items=clips.items.assign(part=np.where(np.arange(200) % 2, "test", "train")))
    part = clip_views(bench(published)).part[1:]
    assert ((part == TEST) == (np.arange(200) % 2 == 1)).all() and np.bincount(part).tolist() == [90, 10, 100]


def test_nothing_is_fitted_on_other_clips_than_those_of_train(clips):
    """With other words and features of validation and test the views of train clips stay bit for bit what they were."""
    views = clip_views(bench(clips))
    later = views.part[1:] > TRAIN
    items = clips.items.assign(text=np.where(later, "something else altogether", clips.items["text"]),
                               aspects=np.where(later, "strange|things", clips.items["aspects"]))  # fmt: skip
    tables = {}
    for name, table in clips.tables.items():
        table = table.set_index("item")
        tables[name] = table.where(~pd.Series(later, clips.items.index).reindex(table.index), 7.0).reset_index()
    other = clip_views(bench(replace(clips, items=items, tables=tables)))
    train = np.flatnonzero(views.part == TRAIN)
    for name in ("video", "music", "words", "tags"):
        ours, theirs = (getattr(each, name)[train] for each in (views, other))
        assert (abs(ours - theirs)).max() == 0, name
    assert list(views.tag_names) == list(other.tag_names) and (views.tag_words != other.tag_words).nnz == 0


def test_shuffled_texts_are_those_of_another_clip_of_the_part(clips):
    own, other = (clip_views(bench(clips), text=text) for text in ("own", "shuffled"))
    rows = [own.words[[row]].toarray().tobytes() for row in range(1, 201)]
    moved = [other.words[[row]].toarray().tobytes() for row in range(1, 201)]
    for part in (TRAIN, VALID, TEST):
        chosen = own.part[1:] == part
        assert sorted(np.array(rows, object)[chosen]) == sorted(np.array(moved, object)[chosen])
    assert np.mean([a == b for a, b in zip(rows, moved)]) < 0.2, "few have the same words by chance"
    with pytest.raises(UserError, match="did you mean 'shuffled'"):
        clip_views(bench(clips), text="shufled")


def test_a_tagger_and_a_template_stand_in_where_there_are_no_words(clips):
    views = clip_views(bench(replace(clips, items=clips.items[["raw_id"]])))
    assert (views.tags.sum(axis=1)[1:] == 3).all() and len(views.tag_names) == 12
    told = np.asarray((views.words @ views.tag_words.T > 0).multiply(views.tags).sum(axis=1)).ravel()
    assert (told[1:] == 2).all(), "a description names two of a clip's own three tags"
    spread = [np.ptp([views.music[1:][tags.toarray().ravel() > 0].mean() for tags in views.tags[1:].T])]
    assert spread[0] > 0.05, "clips of different tags sound different"


def test_words_stand_in_where_there_are_no_features(clips):
    bare = replace(clips, tables={})
    with pytest.raises(UserError, match="neither the table image nor the column labels"):
        clip_views(bench(bare))
    labelled = replace(bare, items=bare.items.assign(labels=bare.items["aspects"]))
    views = clip_views(bench(labelled))
    assert views.video.shape[0] == 201 and views.video.shape[1] <= 64 and not views.video[0].any()
    x = views.music / np.maximum(np.linalg.norm(views.music, axis=1, keepdims=True), 1e-9)
    same = (views.tags @ views.tags.T).toarray()[1:, 1:] == 3
    assert (x[1:] @ x[1:].T)[same].min() > 0.99, "the same aspects give the same music"


def toy() -> ClipViews:
    tags = csr_matrix(np.array([[0, 0, 0, 0], [1, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 1]], np.float32))
    words = csr_matrix(np.array([[1, 0], [0, 1], [0, 2], [3, 4]], np.float32))
    names = np.array(["loud", "fast", "old", "sad song"], object)
    return ClipViews(np.zeros((4, 1)), np.zeros((4, 1)), csr_matrix((4, 2)), tags, words, names, np.zeros(4))


def test_a_remark_names_the_most_frequent_tags_that_the_offer_lacks():
    views = toy()
    found = lacking_tags(views, np.array([1, 1, 2, 3, 1]), np.array([2, 3, 1, 1, 1]), 1).toarray()
    assert found.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    two = lacking_tags(views, np.array([1]), np.array([2]), 2)
    assert two.toarray().tolist() == [[0, 1, 0, 1]]
    assert words_of_tags(views, two)[0] == pytest.approx(np.array([3, 5]) / np.sqrt(34))
    assert words_of_tags(views, lacking_tags(views, np.array([3]), np.array([1]), 2)).tolist() == [[0, 0]]


def test_reasons_say_what_was_asked_for_and_met():
    views, wish = toy(), np.array(["fast", "sad song"], object)
    assert remark(wish) == "More fast and sad song, please." and remark([]) == "This is it."
    assert reason(views, wish, 1) == "You asked for fast and sad song; this has fast and sad song."
    assert reason(views, wish, 3) == "You asked for fast and sad song; this has sad song."
    assert reason(views, wish, 2).endswith("this does not say so, but sounds closest to it.")
    assert reason(views, np.array([], object), 2) == "Nothing was missing."


def test_words_joined_by_an_ampersand_are_one():
    vectorizer = _vectorizer(["an r&b tune", "r&b and rock & roll"], np.array([True, True]), 1)
    assert set(vectorizer.get_feature_names_out()) == {"an", "r&b", "tune", "and", "rock", "roll"}

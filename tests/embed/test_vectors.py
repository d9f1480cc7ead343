"""Item vectors: text and co-occurrence vectors are informative, control vectors are not."""
import importlib.util
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench import embed
from workbench.data import assemble, protocol_for, split, synthetic
from workbench.embed import documents, text
from workbench.embed.kinds.permuted import permuted_vectors
from workbench.errors import UserError


@pytest.fixture(scope="module")
def world():
    dataset = synthetic.load("synthetic", users=400, items=200)
    return dataset, split(dataset, protocol_for(dataset))


def small(**columns):
    """Three items with the given columns."""
    events = pd.DataFrame({"user": [0, 0, 0, 1, 1, 1], "item": [0, 1, 2, 2, 1, 0]})
    dataset = assemble("small", events, items=pd.DataFrame({"raw_id": [0, 1, 2], **columns}), order="sequence")
    return dataset, split(dataset, protocol_for(dataset))


@pytest.mark.parametrize("kind", ["text", "collaborative", "random", "permuted"])
def test_shape_padding_and_repeatability(world, kind):
    dataset, cut = world
    vectors = embed.item_vectors(kind, dataset, cut, dim=16, seed=3)
    assert vectors.shape == (dataset.n_items + 1, 16) and vectors.dtype == np.float32
    assert not vectors[0].any() and np.isfinite(vectors).all()
    length = np.linalg.norm(vectors, axis=1)
    assert np.all(np.isclose(length, 1, atol=1e-5) | (length == 0)) and (length > 0).mean() > 0.9
    assert np.array_equal(vectors, embed.item_vectors(kind, dataset, cut, dim=16, seed=3))


def test_text_vectors_put_a_category_together(world):
    dataset, cut = world
    for kind, least in (("text", 2.0), ("permuted", 0.0), ("random", 0.0)):
        vectors = embed.item_vectors(kind, dataset, cut, dim=32)[1:]
        cosine = vectors @ vectors.T
        np.fill_diagonal(cosine, -2)
        category = dataset.items["category"].to_numpy()
        same = (category[cosine.argmax(1)] == category).mean()
        chance = (pd.Series(category).value_counts(normalize=True) ** 2).sum()
        assert same > least * 3 * chance
        assert least or same < 3 * chance


def test_text_shows_the_features_that_the_walk_follows():
    walk = synthetic.load("synthetic-walk")
    cut = split(walk, protocol_for(walk))
    last = cut.test.histories.items[cut.test.histories.offsets[1:] - 1]
    near = {}
    for kind in ("text", "permuted"):
        vectors = embed.item_vectors(kind, walk, cut)
        cosine = vectors[last] @ vectors.T
        near[kind] = (cosine > cosine[np.arange(len(last)), cut.test.targets][:, None]).mean()
    assert near["text"] < 0.1 and near["permuted"] == pytest.approx(0.5, abs=0.05)


def test_near_duplicates_have_almost_the_same_text_vector(world):
    dataset, cut = world
    vectors = embed.item_vectors("text", dataset, cut)
    titles = dataset.items["title"]
    near_duplicates = titles[titles.str.endswith(", twin pack")]
    result = 0
    for item, title in near_duplicates.items():
        original = titles.index[titles == title.removesuffix(", twin pack")]
        if len(original):
            result += 1
            assert vectors[item] @ vectors[original[0]] > 0.9
    assert result


def test_collaborative_vectors_are_fitted_on_train_alone(world):
    """Every test and validation event replaced: the vectors do not move by a bit. A train event replaced: they do."""
    dataset, cut = world
    before = embed.item_vectors("collaborative", dataset, cut)
    events = dataset.interactions.sort_values(["user", "timestamp", "row"], kind="stable").reset_index(drop=True)
    spread = events.assign(timestamp=events["timestamp"] + events.groupby("user").cumcount())  # no ties to reorder
    plain = replace(dataset, interactions=spread)
    position, size = spread.groupby("user").cumcount(), spread.groupby("user")["user"].transform("size")
    held_out = (size >= 3) & (position >= size - 2)

    def fitted(item):
        changed = replace(plain, interactions=spread.assign(item=item.astype(np.int32)))
        return embed.item_vectors("collaborative", changed, split(changed, protocol_for(changed)))

    base = fitted(spread["item"])
    other = spread["item"] % dataset.n_items + 1
    assert np.array_equal(base, fitted(spread["item"].where(~held_out, other)))
    assert not np.array_equal(base, fitted(spread["item"].where(held_out, other)))
    assert before.shape == base.shape


def test_collaborative_vectors_of_consecutive_items_are_similar(world):
    dataset, cut = world
    vectors = embed.item_vectors("collaborative", dataset, cut)
    random = embed.item_vectors("random", dataset, cut)
    last = cut.test.histories.items[cut.test.histories.offsets[1:] - 1]
    mean = [(v[last] * v[cut.test.targets]).sum(1).mean() for v in (vectors, random)]
    assert mean[0] > mean[1] + 0.1


def test_permuted_keeps_the_rows_and_loses_their_items(world):
    vectors = embed.item_vectors("text", *world, dim=8)
    moved = permuted_vectors(vectors, seed=1)
    assert np.array_equal(np.unique(moved, axis=0), np.unique(vectors, axis=0))
    assert sorted(map(bytes, moved)) == sorted(map(bytes, vectors))
    assert (moved != vectors).any(axis=1).mean() > 0.9
    assert not np.array_equal(moved, permuted_vectors(vectors, seed=2))


def test_text_ignores_columns_that_are_not_text(world):
    dataset, cut = world
    changed = replace(dataset, items=dataset.items.assign(decoy=~dataset.items["decoy"], price=1.0))
    assert np.array_equal(embed.item_vectors("text", dataset, cut), embed.item_vectors("text", changed, cut))


def test_item_without_text_has_a_zero_row_and_few_words_zero_columns():
    vectors = text.tfidf_svd(small(title=["red soap", None, "blue soap"])[0], dim=64)
    raw = small(title=["red soap", None, "blue soap"])[0].items["raw_id"]
    assert vectors.shape == (4, 64)
    assert not vectors[raw.index[raw == "1"][0]].any()
    assert (np.linalg.norm(vectors, axis=1) > 0).sum() == 2
    assert not vectors[:, 3:].any()
    same = text.tfidf_svd(small(title=["soap", "soap", None])[0], dim=8)
    assert sorted(same[:, 0]) == [0, 0, 1, 1] and not same[:, 1:].any()


def test_entities_are_words():
    a = documents.documents(small(title=["salt &amp; pepper", "x", "y"])[0])
    assert "salt & pepper" in set(a)


@pytest.mark.parametrize("columns", [{}, {"title": [None, None, None]}, {"title": ["", " ", ""]}])
def test_no_text_names_the_kinds_that_need_none(columns):
    with pytest.raises(UserError, match="collaborative"):
        embed.item_vectors("text", *small(**columns))


@pytest.mark.parametrize(
    ("kind", "keywords", "words"),
    [
        ("txet", {}, "did you mean 'text'"),
        ("text", {"model": "some-encoder"}, "kind 'sentence'"),
        ("sentence", {"model": "no/such/folder"}, "no such folder of a model"),
        ("random", {"dim": 0}, "at least 1"),
    ],
)
def test_bad_requests_are_named(world, kind, keywords, words):
    with pytest.raises(UserError, match=words):
        embed.item_vectors(kind, *world, **keywords)


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is not None, reason="the extra is installed")
def test_missing_extra_is_named(world):
    with pytest.raises(UserError, match=r"workbench-recsys\[text\]"):
        embed.item_vectors("sentence", *world, model="some/folder")

"""Clips of a dataset by two views: what is seen, what is heard, and what is said about what is heard."""
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, diags

from workbench.data import Dataset
from workbench.data.formats.attributes.feature_arrays import features_of_items
from workbench.errors import UserError, unknown_name
from workbench.train import named_rng

TRAIN, VALID, TEST = range(3)
SHARES = (0.7, 0.85)  # of the clips, by id: where validation and test begin; ids follow a seeded hash
PUBLISHED_VALID = 0.1  # of the published train clips
DIM = 64  # of vectors that are made of words
SLICES, KINDS = 3, 4  # of the tagger: parts of the sound, and kinds of each
SAID = 2  # of the tagger's tags, that a description of it names
TEXTS = ("own", "shuffled")


class ClipViews(NamedTuple):
    """Row 0 is padding. video: (I+1, Fv), music: (I+1, Fm) float32. words: (I+1, V) TF-IDF of the descriptions. tags:
    (I+1, A) 0 or 1, those that train knows, most frequent first. tag_words: (A, V) their words. tag_names: (A,). part:
    (I+1,) TRAIN, VALID or TEST, -1 for row 0."""

    video: np.ndarray
    music: np.ndarray
    words: csr_matrix
    tags: csr_matrix
    tag_words: csr_matrix
    tag_names: np.ndarray
    part: np.ndarray


def clip_views(bench: Any, *, text: str = "own") -> ClipViews:
    """The views of the items of a bench.

    video: the table image or else the column labels; music: the table audio or else the column aspects, whose words are
    weighted by TF-IDF and reduced to DIM directions. text: the column text, or else SAID of the clip's tags. tags: the
    column aspects, or else those of a tagger (k-means of slices of the sound). All is fitted on train clips alone:
    those of the column `part`, less a tenth for validation, or 70 % by a hash. text: shuffled is the placebo, every
    clip has the description of another of its part. UserError for another, or data without two views.
    """
    if text not in TEXTS:
        raise unknown_name("text", text, TEXTS)
    dataset = bench.dataset
    part = _parts(dataset)
    train = part == TRAIN
    if min(np.bincount(part[1:], minlength=3)) < 1:
        raise UserError(f"{dataset.name}: train, validation or test has no clip", code=3)
    music = _view(dataset, "audio", "aspects", train)
    tags, names = _tags(dataset, train) if "aspects" in dataset.items else _tagged(music, train)
    said = _column(dataset, "text") if "text" in dataset.items else _described(tags, names)
    words, tag_words = _words(said, names, train)
    if text == "shuffled":
        words = words[_within_parts(part)]
    return ClipViews(_view(dataset, "image", "labels", train), music, words, tags, tag_words, names, part)


def _parts(dataset: Dataset) -> np.ndarray:
    place = np.arange(dataset.n_items) / dataset.n_items
    if "part" not in dataset.items:
        return np.concatenate([[-1], np.digitize(place, SHARES)])
    test = dataset.items["part"].to_numpy() == "test"
    place = np.cumsum(~test) / max(1, (~test).sum())
    return np.concatenate([[-1], np.where(test, TEST, np.where(place > 1 - PUBLISHED_VALID, VALID, TRAIN))])


def _column(dataset: Dataset, name: str) -> np.ndarray:
    return np.concatenate([[""], dataset.items[name].fillna("").astype(str).to_numpy(object)])


def _view(dataset: Dataset, table: str, column: str, train: np.ndarray) -> np.ndarray:
    """(I+1, F): standardised features, or words reduced to their first directions of train."""
    if table in dataset.tables:
        features = features_of_items(dataset, table)
        x = (features - features[train].mean(axis=0)) / (features[train].std(axis=0) + 1e-6)
    elif column in dataset.items:
        from sklearn.decomposition import TruncatedSVD

        parts = [text.split("|") for text in _column(dataset, column)]
        terms = _tfidf([" ".join(each) for each in parts] if column == "aspects" else parts, train)
        svd = TruncatedSVD(min(DIM, min(terms[train].shape) - 1), random_state=0).fit(terms[train])
        x = svd.transform(terms)
        x = x / (x[train].std() + 1e-6)
    else:
        raise UserError(f"{dataset.name}: music is found by two views of a clip; this has neither the table {table} "
                        f"nor the column {column}", code=3)  # fmt: skip
    x[0] = 0
    return np.ascontiguousarray(x, np.float32)


def _tfidf(texts: list, train: np.ndarray, *, least: int = 2) -> csr_matrix:
    """(I+1, V) rows of length 1; terms of `least` train texts or more. texts: of words, or lists of terms."""
    return _vectorizer(texts, train, least).transform(texts).tocsr()


def _vectorizer(texts: list, train: np.ndarray, least: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = isinstance(texts[0], str)  # of two letters or more; "r&b" is one
    known = [texts[row] for row in np.flatnonzero(train)]
    how = {"token_pattern": r"(?u)\b\w[\w&]*\w\b"} if words else {"analyzer": lambda terms: terms}
    try:
        return TfidfVectorizer(min_df=least, sublinear_tf=True, dtype=np.float32, **how).fit(known)
    except ValueError as error:
        raise UserError(f"no word is in {least} train clips or more, so there is nothing to go by", code=3) from error


def _words(said: np.ndarray, names: np.ndarray, train: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
    """Of descriptions (I+1, V) and of tags (A, V), in one vocabulary: what is said in train, tags among it."""
    vectorizer = _vectorizer([*said, *names, *names], np.r_[train, np.ones(2 * len(names), bool)], 2)
    return vectorizer.transform(said).tocsr(), vectorizer.transform(names).tocsr()


def _tags(dataset: Dataset, train: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """The aspects of two train clips or more."""
    lists = pd.Series(_column(dataset, "aspects")).str.split("|").explode()
    lists = lists[lists != ""].reset_index().drop_duplicates()
    counts = lists[0][train[lists["index"]]].value_counts()
    counts = counts[counts > 1].reset_index().sort_values(["count", 0], ascending=[False, True])
    names = counts[0].to_numpy(object)
    if not len(names):
        raise UserError(f"{dataset.name}: no aspect is of two train clips or more", code=3)
    place = pd.Series(np.arange(len(names)), names).reindex(lists[0])
    known = place.notna().to_numpy()
    row, column = lists["index"].to_numpy()[known], place.to_numpy()[known].astype(int)
    return csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(train), len(names))), names


def _tagged(music: np.ndarray, train: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """What a tagger hears: the kind of each slice of the sound's principal directions."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    width = max(1, min(8, min(music[train].shape) // SLICES))
    x = PCA(SLICES * width, random_state=0, svd_solver="full").fit(music[train]).transform(music)
    slices = [x[:, width * each : width * (each + 1)] for each in range(SLICES)]
    kinds = [KMeans(KINDS, n_init=3, random_state=0).fit(part[train]).predict(part) for part in slices]
    code = np.stack([kind + KINDS * each for each, kind in enumerate(kinds)], axis=1)[1:]
    row = np.repeat(np.arange(1, len(music)), SLICES)
    names = np.array([f"sound{'abc'[each // KINDS]}{each % KINDS}" for each in range(SLICES * KINDS)], object)
    tags = csr_matrix((np.ones(len(row), np.float32), (row, code.ravel())), shape=(len(music), len(names)))
    order = np.argsort(-np.asarray(tags[train].sum(axis=0)).ravel(), kind="stable")
    return tags[:, order].tocsr(), names[order]


def _described(tags: csr_matrix, names: np.ndarray) -> np.ndarray:
    """(I+1,) a template over SAID tags of each clip, chosen by chance once."""
    rows, columns = tags.nonzero()
    order = np.lexsort((named_rng(0, "described tags").random(len(rows)), rows))
    place = np.arange(len(rows)) - np.searchsorted(rows[order], rows[order])
    chosen = order[place < SAID]
    said = pd.Series(names[columns[chosen]]).groupby(rows[chosen]).agg(" and ".join)
    return "music with " + said.reindex(np.arange(tags.shape[0]), fill_value="").to_numpy(object)


def _within_parts(part: np.ndarray) -> np.ndarray:
    """(I+1,) rows, each another one's of the same part."""
    rows = np.arange(len(part))
    for number in (TRAIN, VALID, TEST):
        members = named_rng(0, "shuffled descriptions", number).permutation(np.flatnonzero(part == number))
        rows[members] = np.roll(members, 1)
    return rows


def lacking_tags(views: ClipViews, wanted: np.ndarray, shown: np.ndarray, n: int) -> csr_matrix:
    """(B, A): of the tags that clips wanted (B,) have and clips shown (B,) lack, the n that are most frequent in train.

    What a remark is made of; it knows the clip that is wanted.
    """
    lacking = views.tags[wanted] - views.tags[wanted].multiply(views.tags[shown])
    lacking = lacking.tocsr()
    lacking.eliminate_zeros()
    lacking.sort_indices()
    place = np.arange(lacking.nnz) - np.repeat(lacking.indptr[:-1], np.diff(lacking.indptr))
    lacking.data[place >= n] = 0
    lacking.eliminate_zeros()
    return lacking


def words_of_tags(views: ClipViews, tags: csr_matrix) -> np.ndarray:
    """(B, V) float32: the words of tags (B, A), rows of length 1, or 0 where there is none."""
    words = (tags @ views.tag_words).tocsr()
    length = np.sqrt(np.asarray(words.multiply(words).sum(axis=1)).ravel())
    return (diags(1 / np.maximum(length, 1e-9)) @ words).toarray().astype(np.float32)

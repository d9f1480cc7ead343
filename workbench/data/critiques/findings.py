"""What critiques give away: words of the target in them, and of which steps they are. Rows of a lint report."""
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data.critiques.attribute_differences import CRITIQUE, CRITIQUES, steps
from workbench.data.lint.finding import NOTE, OK, WARNING, Finding
from workbench.data.protocol import Protocol
from workbench.data.schema import Dataset
from workbench.data.tables import required_table
from workbench.errors import UserError

WORD = r"(?u)\b\w\w+\b"


def critique_findings(dataset: Dataset, protocol: Protocol | None = None) -> list[Finding]:
    """The share of steps that have a critique, and how many of its words stand in the title (or raw id) of the next
    item; the reference is the title of the next item of another step, drawn at random.

    UserError where a dataset has no critiques, or its events no order.
    """
    table = required_table(dataset, CRITIQUES)
    if CRITIQUE not in dataset.interactions:
        raise UserError(f"{dataset.name}: no event column {CRITIQUE!r}; dataset critiqued makes one", code=3)
    pairs = steps(dataset, protocol)
    said = dataset.interactions[CRITIQUE].to_numpy()[pairs.events]
    return list(_findings(dataset, table, said, pairs.following))


def _findings(dataset: Dataset, table: pd.DataFrame, said: np.ndarray, following: np.ndarray) -> Iterator[Finding]:
    has = said > 0
    share = float(has.mean()) if len(has) else 0.0
    yield Finding("critiques: steps that have one", share, np.nan, NOTE if share < 1 else OK,
                  f"{share:.0%} of {len(has):,} steps have a critique: those whose items are alike.")  # fmt: skip
    if not has.any():
        return
    overlap = word_overlap(table, dataset, said[has], following[has])
    others = word_overlap(table, dataset, said[has], np.random.default_rng(0).permutation(following[has]))
    yield Finding(
        "critiques: words of the target's title", overlap, others, WARNING if overlap > 2 * others + 0.01 else NOTE,
        f"{overlap:.1%} of the words of a critique stand in the title of the item that follows, {others:.1%} in the "
        "title of another; a critique is made with the target in sight and is no input of a recommender without one.",
    )  # fmt: skip


def word_overlap(table: pd.DataFrame, dataset: Dataset, said: np.ndarray, following: np.ndarray) -> float:
    """The mean share of the distinct words of critiques (S,), numbers of rows of `table`, that stand in the titles of
    items (S,)."""
    from sklearn.feature_extraction.text import CountVectorizer

    texts = table.set_index(CRITIQUE)["text"].astype(str)
    read = CountVectorizer(token_pattern=WORD, binary=True)
    words: csr_matrix = read.fit_transform(texts)
    titles = read.transform(dataset.titles()[1:].astype(str))
    rows = words[texts.index.get_indexer(said)]
    shared = np.asarray(rows.multiply(titles[following - 1]).sum(axis=1)).ravel()
    return float((shared / np.maximum(1, np.asarray(rows.sum(axis=1)).ravel())).mean())

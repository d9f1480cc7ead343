"""Critiques as a recommender reads them: their words, the number of one at each event, and the placebo of both."""
import re

import numpy as np
import pandas as pd

from workbench.artifacts import digest
from workbench.data import Dataset, Histories
from workbench.data.critiques.attribute_differences import CRITIQUE, CRITIQUES
from workbench.data.splits import splitmix64
from workbench.errors import UserError
from workbench.recommenders.sequential import EventInputs, padded_column
from workbench.stages import draw

WORD = re.compile(r"[^\W_]{2,}")
WHERE = (
    "dataset critiqued makes them for office, movielens-small and others (of=NAME), synthetic-critiques invents them"
)


def critique_table(dataset: Dataset) -> pd.DataFrame:
    """The table `critiques`, whose content becomes part of the key of what is built with it. UserError (code 3) where a
    dataset lacks it or the event column `critique`, or where they do not fit."""
    if CRITIQUES not in dataset.tables or CRITIQUE not in dataset.interactions:
        raise UserError(f"{dataset.name} has no critiques, an event column {CRITIQUE!r} and a table {CRITIQUES!r}; "
                        f"{WHERE}", code=3)  # fmt: skip
    table = dataset.tables[CRITIQUES]
    said = dataset.interactions[CRITIQUE]
    if unknown := int((~said.isin([0, *table[CRITIQUE]])).sum()):
        raise UserError(f"{dataset.name}: {unknown:,} events name a critique that is not among the {len(table):,} of "
                        f"the table {CRITIQUES!r}", code=3)  # fmt: skip
    draw(CRITIQUES, digest(table.astype(str).to_numpy().tolist()))
    return table


def said_in(histories: Histories) -> np.ndarray:
    """(N,) int64 numbers of critiques, 0 where nothing was said, as in histories without that column."""
    found = histories.columns.get(CRITIQUE)
    return np.zeros(len(histories.items), np.int64) if found is None else found.astype(np.int64)


def said_in_train(train: Histories) -> np.ndarray:
    """(n,) the critiques whose next item is in train too: the last one of a history is about a held-out item."""
    inside = np.ones(len(train.items), bool)
    inside[train.offsets[1:][train.lengths > 0] - 1] = False
    said = said_in(train)[inside]
    return said[said > 0]


def words_of(text: str) -> list[str]:
    """The words of a critique, in lower case, in their order.

    >>> words_of("More like this in Paper, but by 3M")
    ['more', 'like', 'this', 'in', 'paper', 'but', 'by', '3m']
    """
    return WORD.findall(text.lower())


def critique_words(table: pd.DataFrame, train: Histories) -> tuple[np.ndarray, int]:
    """(C+1, L) int64 ids of the words of each critique, right-padded with 0, each word once; and their number W.

    A word has an id if a critique of train has it, but not if all have it, as `more` and `like` of a template. Row 0,
    that of no critique, is empty; C is the highest number of a critique. UserError where train has no such word.
    """
    texts = dict(zip(table[CRITIQUE].tolist(), table["text"].astype(str).map(words_of)))
    trained = [set(texts[number]) for number in np.unique(said_in_train(train)).tolist()]
    kept = sorted(set().union(*trained) - (set.intersection(*trained) if trained else set()))
    if not kept:
        raise UserError(f"of {len(trained)} critiques of train none has a word that another one lacks, so there is "
                        "nothing to tell them apart", code=3)  # fmt: skip
    ids = {word: number for number, word in enumerate(kept, 1)}
    rows = {n: [ids[word] for word in dict.fromkeys(words) if word in ids] for n, words in texts.items()}
    out = np.zeros((max(texts) + 1, max(map(len, rows.values()))), np.int64)
    for number, row in rows.items():
        out[number, : len(row)] = row
    return out, len(kept)


def critique_inputs(train: Histories, shuffled: int | None = None) -> EventInputs:
    """The `Additions.inputs` of critiques, one array (B, T) int64. shuffled: the seed of the placebo, in which a
    critique is replaced by one that was said anywhere in train."""
    pool = said_in_train(train)

    def inputs(histories: Histories, T: int) -> list[np.ndarray]:
        said = said_in(histories)
        if shuffled is not None and len(pool):
            said = shuffled_among(said, histories, pool, shuffled)
        return [padded_column(histories, said, T)]

    return inputs


def shuffled_among(said: np.ndarray, histories: Histories, pool: np.ndarray, seed: int) -> np.ndarray:
    """(N,) critiques drawn from `pool` in the place of those said, 0 where nothing was said. The draw is a hash of user
    and item, so that an event has the same one in whatever part of a history it is read."""
    place = splitmix64(histories.users[histories.rows()], histories.items, seed=seed % 2**32) % np.uint64(len(pool))
    return np.where(said > 0, pool[place.astype(np.int64)], 0)

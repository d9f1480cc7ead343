"""Critiques from attributes: like the last item, with something that the next one has and the last one lacks.

After the construction of REGEN (arXiv 2503.11924), where a language model writes a request that turns one item of a
user into the next; here a template does, so that it is the same on every machine and for any catalogue.
"""
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data.links.attributes import LEAST, item_attributes
from workbench.data.protocol import Protocol, protocol_for
from workbench.data.schema import Dataset
from workbench.data.splits import splitmix64, user_sequences
from workbench.errors import UserError

CRITIQUE, CRITIQUES = "critique", "critiques"  # event column of numbers, 0 for none; side table of their texts
SHARED = "category "  # attributes that are kept
CLOSE = 0.5  # of the items have a category that makes two of them alike, at most; the root of a tree does not
WORDS = {"category": "in {}", "brand": "by {}", "tag": "that is {}", "price": "at a {} price",
         "decade": "of the {}s"}  # fmt: skip


class Steps(NamedTuple):
    """S pairs of one user's consecutive events. events: (S,) row of the earlier one in `interactions`. last, following:
    (S,) its item and the next one."""

    events: np.ndarray
    last: np.ndarray
    following: np.ndarray


def steps(dataset: Dataset, protocol: Protocol | None = None) -> Steps:
    """Every pair of consecutive events, in the order of a protocol (default: the dataset's own). UserError where events
    have no order."""
    protocol = protocol or protocol_for(dataset)
    if protocol.random_order:
        raise UserError(f"{dataset.name}: a critique is said between two events, and split={protocol.split} puts them "
                        "in a random order", code=3)  # fmt: skip
    log = dataset.interactions.assign(**{ROWS: np.arange(len(dataset.interactions))})
    ordered = user_sequences(replace(dataset, interactions=log), protocol)
    row, users = ordered.columns[ROWS], ordered.rows()
    pairs = np.flatnonzero(users[1:] == users[:-1])
    return Steps(row[pairs], ordered.items[pairs], ordered.items[pairs + 1])


ROWS = "row of the log"


def with_critiques(dataset: Dataset, *, protocol: Protocol | None = None, least: int = LEAST, seed: int = 0) -> Dataset:
    """The dataset with the event column `critique`, int32, 0 for none: what is said after an event about the next one;
    and the table `critiques`: critique (1..C), text, keeps and adds (names of attributes).

    A critique keeps the rarest category of both items, of those of at most half of the catalogue, and adds one
    attribute of the next item that the last one lacks, chosen by a seeded hash among all such. A pair without either
    has none, so that the steps with critiques are the similar ones.

    protocol: whose order of events is meant; under another order of ties a critique may precede the wrong event. least:
    items of an attribute. UserError for events without order, and as `item_attributes`.
    """
    names, matrix = item_attributes(dataset, least=least)
    pairs = steps(dataset, protocol)
    has = matrix.tocsr()
    before, after = has[pairs.last], has[pairs.following]
    both = before.multiply(after)
    counts = np.asarray(has.sum(axis=0)).ravel()
    near = np.array([name.startswith(SHARED) for name in names]) & (counts <= CLOSE * dataset.n_items)
    keeps = _first(both.tocsr(), counts, near)
    users = dataset.interactions["user"].to_numpy()[pairs.events]
    adds = _drawn((after - both).tocsr(), users, pairs, seed)
    said = (keeps >= 0) & (adds >= 0)
    code, kinds = pd.factorize(keeps[said] * len(names) + adds[said], sort=True)
    column = np.zeros(len(dataset.interactions), np.int32)
    column[pairs.events[said]] = code + 1
    kept, added = (np.array(names, object)[part] for part in np.divmod(kinds, len(names)))
    table = pd.DataFrame({CRITIQUE: np.arange(1, len(kinds) + 1), "text": list(map(rendered, kept, added)),
                          "keeps": kept, "adds": added})  # fmt: skip
    notes = [*dataset.about.get("notes", []), f"critiques: of {said.mean():.0%} of {len(said):,} steps, made of the "
             "attributes of the next item, which they therefore give away in part"]  # fmt: skip
    return replace(
        dataset, interactions=dataset.interactions.assign(**{CRITIQUE: column}),
        tables={**dataset.tables, CRITIQUES: table}, about={**dataset.about, "notes": notes},
    )  # fmt: skip


def rendered(keeps: str, adds: str) -> str:
    """The critique in words.

    >>> rendered("category Office > Paper", "brand Avery"), rendered("category Drama", "decade 1990")
    ('More like this in Paper, but by Avery', 'More like this in Drama, but of the 1990s')
    """
    return f"More like this {_phrase(keeps)}, but {_phrase(adds)}"


def _phrase(attribute: str) -> str:
    kind, _, name = attribute.partition(" ")
    return WORDS.get(kind, "with {}").format(name.split(" > ")[-1] if kind in WORDS else attribute)


def _first(pairs: csr_matrix, cost: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(S,) the column of each row (S, A) of least cost (A,) among those allowed (A,), ties to the lower one; -1 for
    none."""
    row, column = pairs.nonzero()
    usable = allowed[column]
    row, column = row[usable], column[usable]
    return _lowest(row, column, (column, cost[column]), pairs.shape[0])


def _drawn(pairs: csr_matrix, users: np.ndarray, steps: Steps, seed: int) -> np.ndarray:
    """(S,) a column of each row (S, A) by a seeded hash; -1 where there is none."""
    row, column = pairs.nonzero()
    key = splitmix64(users[row], steps.last[row], steps.following[row], column, seed=seed)
    return _lowest(row, column, (key,), pairs.shape[0])


def _lowest(row: np.ndarray, column: np.ndarray, keys: tuple, n: int) -> np.ndarray:
    """(n,) the column whose keys, the last of which counts first, are lowest in each row; -1 for a row without one."""
    order = np.lexsort((*keys, row))
    found, first = np.unique(row[order], return_index=True)
    out = np.full(n, -1, np.int64)
    out[found] = column[order][first]
    return out

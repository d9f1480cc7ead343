"""Ask a recommender about test cases while it reads something other than their histories."""
from typing import NamedTuple

import numpy as np

from workbench.data import Cases, Histories, Split, reorder
from workbench.data.splits import mix
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.metrics import parse
from workbench.roles import Recommendations, Recommender

TOP = 10  # items of a list that are held against another list


class Answers(NamedTuple):
    """values: (C,) a metric per case. lists: (C, TOP) the first items, 0 where a list is shorter."""

    values: np.ndarray
    lists: np.ndarray


class _Reader:
    """A recommender that reads other histories than it is asked about: `users` of what it is asked are row numbers of
    `read`. Targets, masks and code groups thus stay those of the cases."""

    def __init__(self, recommender: Recommender, asked: Histories, read: Histories):
        self.recommender, self.asked, self.read = recommender, asked, read
        self.codes = getattr(recommender, "codes", None)
        self.lists = np.zeros((len(asked), TOP), np.int64)

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        rows = histories.users
        exclude = None if exclude is None else self.asked.take(rows)
        found = self.recommender.recommend(self.read.take(rows), k, exclude)
        self.lists[rows, : min(k, TOP)] = found.items[:, :TOP]
        return found


def ask(
    recommender: Recommender, cases: Cases, split: Split, *, read: Histories | None = None,
    known: Answers | None = None, metric: str = "ndcg@10",
) -> Answers:  # fmt: skip
    """What the recommender answers to the cases where it reads `read` instead of their histories.

    Under a protocol that masks, what may not be recommended is still what the cases' own histories hold. known: the
    answers to the histories themselves; then only cases are asked again whose history `read` shows otherwise.
    """
    read = cases.histories if read is None else read
    rows = np.arange(len(read)) if known is None else np.flatnonzero(reorder.differs(cases.histories, read))
    values = np.zeros(len(read)) if known is None else known.values.copy()
    lists = np.zeros((len(read), TOP), np.int64) if known is None else known.lists.copy()
    if len(rows):
        part, n = cases.take(rows), np.arange(len(rows))
        reader = _Reader(recommender, part.histories, read.take(rows))
        own = part.histories
        numbered = part._replace(histories=Histories(own.offsets, own.items, n, own.times))
        found = evaluate(reader, numbered, split, depth=max(TOP, parse(metric)[1]), quiet=True)
        values[rows], lists[rows] = per_case(metric, found.ranks, found.groups), reader.lists
    return Answers(values, lists)


def sample(cases: Cases, n: int, *, seed: int = 0) -> Cases:
    """At most n of the cases, by a seeded hash of their users, in their own order; all for n=0. UserError below 0."""
    if n < 0:
        raise UserError(f"cases={n}: must be 0, for all, or more")
    if not n or n >= len(cases.targets):
        return cases
    hashed = mix(cases.histories.users, cases.targets, seed=seed)
    return cases.take(np.sort(np.argsort(hashed, kind="stable")[:n]))


def jaccard(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(C,) items in both lists over items in either, for lists (C, k) of distinct items; zeros are no items.

    >>> jaccard(np.array([[1, 2, 3]]), np.array([[3, 4, 1]]))
    array([0.5])
    """
    both = ((a[:, :, None] == b[:, None, :]) & (a > 0)[:, :, None]).sum(axis=(1, 2))
    return both / np.maximum((a > 0).sum(axis=1) + (b > 0).sum(axis=1) - both, 1)

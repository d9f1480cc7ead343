"""What a re-ranker learns from: events of train, and the candidates that a first stage retrieves before each.

A first stage that was fitted on an event ranks it far higher than one that it is to predict: it has counted the answer.
So the users are in folds, and the candidates of a fold come from the first stage fitted on the users of the others; at
test time it is the one fitted on everybody. Events whose item is not retrieved are left out. No order of the candidates
could reach them, and an item that is put in would be told from the others as what the first stage would not retrieve.
"""
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.data import Histories
from workbench.errors import UserError
from workbench.interfaces import Recommender
from workbench.recommenders.reranked import Reranked

FOLDS = 4
MOST = 100_000  # events that are asked about
BATCH = 512  # histories that a first stage ranks for at a time


class FirstStages(NamedTuple):
    """whole: the first stage fitted on all of train. others: the first stages of the folds, and of_user: (U,) which of
    them was fitted without this user's events."""

    whole: Recommender
    others: Sequence[Recommender]
    of_user: np.ndarray


class Lists(NamedTuple):
    """C cases to learn from. events: (C,) of train, in their order. candidates: (C, n) item ids, in the order of the
    first stage. places: (C,) of the event's item among them."""

    train: Histories
    events: np.ndarray
    candidates: np.ndarray
    places: np.ndarray

    def histories(self, at: np.ndarray) -> Histories:
        """The events before those at places (B,) of the cases."""
        return before(self.train, self.events[at])


def check_candidates(system: str, n: int, n_items: int) -> None:
    """UserError for a number of candidates that there are not."""
    if not 0 <= n <= n_items:
        raise UserError(f"{system}: n={n} candidates of {n_items:,} items; give 0, the order of `first`, to all")


def first_stage_alone(bench: Any, system: str) -> Reranked:
    """The stored run of a system on the bench, without a second stage."""
    return Reranked(bench.teacher(system).recommender(), None, n=0)


def first_stages(bench: Any, system: str, *, folds: int = FOLDS) -> FirstStages:
    """The stored runs of a system on the bench, and on its train events without a fold of the users, for each fold.

    A first stage with vectors of users knows nothing of those of its fold, whom it serves as it does unknown ones.
    """
    train = bench.split.train
    fold = bench.rng("folds of the first stage").permutation(np.arange(bench.split.n_users) % folds)
    of_event = fold[train.users[train.rows()]]
    variants = [bench.variant(train=of_event != k, label=f"first stage {k}") for k in range(folds)]
    others = [variant.teacher(system).recommender() for variant in variants]
    return FirstStages(bench.teacher(system).recommender(), others, fold)


def before(train: Histories, events: np.ndarray) -> Histories:
    """One history for each of the events (B,) of train: all that its user did before it, without it."""
    row = train.rows()[events]
    lengths = events - train.offsets[row]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(offsets[-1]) + np.repeat(train.offsets[row] - offsets[:-1], lengths)
    return train.select(offsets, train.users[row], at)


def training_lists(
    train: Histories, stages: FirstStages, n: int, *, masked: bool, rng: np.random.Generator
) -> Lists:
    """The cases of train: every event that has one before it, at most MOST of them at random, whose item is among the n
    that the first stage of its fold retrieves after the events before it. masked: without the items of the history, as
    in the protocol. UserError if there is none."""
    later = np.ones(len(train.items), bool)
    later[train.offsets[:-1][train.lengths > 0]] = False
    events = np.flatnonzero(later)
    events = np.sort(rng.choice(events, MOST, replace=False)) if len(events) > MOST else events
    fold = stages.of_user[train.users[train.rows()[events]]]
    parts = []
    for place, first in enumerate(stages.others):
        own = events[fold == place]
        for start in range(0, len(own), BATCH):
            at = own[start : start + BATCH]
            histories = before(train, at)
            items = first.recommend(histories, n, histories if masked else None).items
            hit = items == train.items[at, None]
            found = np.flatnonzero(hit.any(axis=1))
            parts.append((at[found], items[found], hit[found].argmax(axis=1)))
    if not sum(len(at) for at, _, _ in parts):
        raise UserError(f"none of {len(events):,} events of train is among the {n} items that the first stage "
                        "retrieves before it, so there is no order to learn; give more candidates", code=3)  # fmt: skip
    found, candidates, places = map(np.concatenate, zip(*parts))
    order = np.argsort(found)
    return Lists(train, found[order], candidates[order].astype(np.int32), places[order])

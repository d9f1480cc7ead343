"""What a model says of the forgotten events, of events that it never learned, and of the users that stay.

A model is asked by its scores of all items, after a history: of an event of train after the events before it, as it was
learned; of a held-out event after all of its history. The signal that tells members is how much more probable the item
is than to a reference, an oracle of another seed: a popular or an obvious item is probable to everybody (the
likelihood ratio of Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022, with one
reference).
"""
from typing import Any, NamedTuple

import numpy as np

from workbench.data import Cases, Histories, Split
from workbench.errors import UserError
from workbench.evaluate.evaluation import evaluate, recommend_all
from workbench.evaluate.unlearning.forget_sets import event_cases, whole_users, without
from workbench.evaluate.unlearning.measures import (
    Auc,
    list_distance,
    log_probabilities,
    membership,
    rank_distance,
    ranks_of,
    score_distance,
)  # fmt: skip
from workbench.interfaces import Scorer

BATCH = 256  # histories whose scores of all items are held at a time
EVENTS, CASES = 2000, 1000  # at most: forgotten events that are asked for, cases of those who stay


class Probe(NamedTuple):
    """The cases of a forget set. forgotten: its events, each after those before it. unseen: held-out events of the same
    users. retained: the test cases of users of whom something is left, whose histories lack what was forgotten."""

    forgotten: Cases
    unseen: Cases
    retained: Cases


class Distance(NamedTuple):
    """A model beside an oracle. ndcg: (C,) NDCG@10 of the retained cases. ranks: Kolmogorov-Smirnov distance of the
    ranks of the forgotten items. lists, scores: means over retained cases. auc: of membership."""

    ndcg: np.ndarray
    ranks: float
    lists: float
    scores: float
    auc: Auc


def make_probe(split: Split, rows: np.ndarray, rng: np.random.Generator) -> Probe:
    """The cases by which the forgetting of rows (n,) of train is measured. UserError where there are none."""
    train = split.train
    first = np.zeros(len(train.items), bool)
    first[train.offsets[:-1][train.lengths > 0]] = True
    asked = rows[~first[rows]]  # the first event of a user was in no sequence that predicts it
    asked = np.sort(rng.permutation(asked)[:EVENTS])
    users = np.unique(train.rows()[asked])
    unseen = [part.take(np.flatnonzero(np.isin(part.histories.users, users))).one_each()
              for part in (split.valid, split.test)]  # fmt: skip
    stay = np.flatnonzero(~np.isin(split.test.histories.users, whole_users(train, rows)))[:CASES]
    if not len(asked) or not sum(len(part.targets) for part in unseen) or not len(stay):
        raise UserError("what is forgotten leaves nothing to measure by: it needs an event that is not the first of "
                        "its user, who has a test case, and users with one who stay")  # fmt: skip
    kept = split.test.take(stay)
    kept = kept._replace(histories=without(kept.histories, train, rows))
    return Probe(event_cases(train, asked), _joined(*unseen), kept)


def _joined(first: Cases, second: Cases) -> Cases:
    """The cases of both, one target each."""
    a, b = first.histories, second.histories
    offsets = np.concatenate([a.offsets, a.offsets[-1] + b.offsets[1:]])
    columns = {name: np.concatenate([values, b.columns[name]]) for name, values in a.columns.items()}
    histories = Histories(offsets, np.concatenate([a.items, b.items]), np.concatenate([a.users, b.users]), columns)
    return Cases(histories, np.concatenate([first.targets, second.targets]))


class Said(NamedTuple):
    """What a model says of a probe. ranks: (n,) of the forgotten items. inside, outside: (n,), (m,) log-probabilities
    of the forgotten and the unseen. ndcg: (C,). lists: (C, 10) of the retained cases."""

    ranks: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    ndcg: np.ndarray
    lists: np.ndarray


def ask(model: Any, probe: Probe, split: Split) -> Said:
    """UserError for a model without scores of all items."""
    if not isinstance(model, Scorer):
        raise UserError(f"{type(model).__name__} gives no scores of all items, by which what it knows is measured")
    ranks, inside = of_targets(model, probe.forgotten)
    _, outside = of_targets(model, probe.unseen)
    ndcg = evaluate(model, probe.retained, split, quiet=True).per_case("ndcg@10")
    lists = recommend_all(model, probe.retained.histories, min(10, split.n_items), batch=BATCH,
                          masked=split.protocol.mask_history)
    return Said(ranks, inside, outside, ndcg, lists.items)


def of_targets(model: Scorer, cases: Cases) -> tuple[np.ndarray, np.ndarray]:
    """(n,) ranks among all items and (n,) log-probabilities of the targets of cases."""
    ranks, logs = np.zeros(len(cases.targets)), np.zeros(len(cases.targets))
    for index in cases.histories.batches(BATCH):
        scores, targets = model.score(cases.histories.take(index)), cases.targets[index].astype(np.int64)
        ranks[index] = ranks_of(scores, targets)
        logs[index] = np.take_along_axis(log_probabilities(scores), targets[:, None] - 1, axis=1)[:, 0]
    return ranks, logs


def distance(model: Any, said: Said, oracle: Any, truth: Said, reference: Said, probe: Probe) -> Distance:
    """A model beside an oracle, and what is known of members beside a reference, an oracle of another seed. said,
    truth, reference: what they say of the probe."""
    auc = membership(said.inside - reference.inside, said.outside - reference.outside,
                     probe.forgotten.histories.users, probe.unseen.histories.users)  # fmt: skip
    histories, apart = probe.retained.histories, np.zeros(len(probe.retained.histories))
    for index in histories.batches(BATCH):
        rows = histories.take(index)
        apart[index] = score_distance(model.score(rows), oracle.score(rows))
    lists = list_distance(said.lists, truth.lists)
    return Distance(said.ndcg, rank_distance(said.ranks, truth.ranks), float(lists.mean()), float(apart.mean()), auc)

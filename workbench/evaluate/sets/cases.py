"""Who is tested: the users of a bench in equal parts, each the test of one fold, and how models are measured.

Every visit is tested once, by a model that saw no visit of its user. The parts follow the seed of the bench, so several
seeds are repeated splits of the same visits.
"""
from typing import Any, NamedTuple

import numpy as np

from workbench.artifacts import digest
from workbench.data.visits.records import Visits, read_visits
from workbench.errors import UserError, is_integer
from workbench.evaluate.sets.measures import Prescribed, choose, conflict_rate, f1, jaccard, prauc
from workbench.set_interfaces import Prescriber
from workbench.stages import draw
from workbench.train.rng import named_rng

BATCH = 1024  # visits that are predicted at a time
FIRST, LATER = "first", "later"  # groups: a user's first visit, and the others


class Fold(NamedTuple):
    """Rows of visits, ascending. train: to learn from. valid: to choose the epoch and the threshold on. test."""

    number: int
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


class Cases(NamedTuple):
    """The visits and the folds in which they are tested."""

    visits: Visits
    folds: list[Fold]


def cases_of(bench: Any, *, folds: int = 5) -> Cases:
    """The visits of the users of a bench, in folds by user.

    UserError for data without visits, folds that are not a whole number of 3 or more, fewer users than folds, or a
    variant with other train events.
    """
    if not is_integer(folds, 3):
        raise UserError(f"{folds=} is a whole number of 3 or more: of the parts one is test, one validation")
    if "-" in bench.split.data_hash:  # of a variant
        raise UserError("visits are split by user in folds; this bench is a variant with other train events")
    visits = read_visits(bench.dataset, bench.split.n_users)
    tables = bench.dataset.tables
    draw("visits", digest([tables[name].astype(str).to_numpy().tolist() for name in sorted(tables)]))
    return Cases(visits, by_user(visits.users, folds, bench.seed))


def by_user(users: np.ndarray, n: int, seed: int) -> list[Fold]:
    """n folds of visits (V,) of users: part f is the test of fold f, part f + 1 its validation. UserError for fewer
    users than folds."""
    distinct = np.unique(users)
    if len(distinct) < n:
        raise UserError(f"{len(distinct):,} users with visits are fewer than {n} folds: ask for fewer", code=3)
    order = named_rng(seed, "folds").permutation(len(distinct))
    part = np.empty(len(distinct), np.int64)
    part[order] = np.arange(len(distinct)) % n
    of = part[np.searchsorted(distinct, users)]
    test = [np.flatnonzero(of == fold) for fold in range(n)]
    valid = [test[(fold + 1) % n] for fold in range(n)]
    train = [np.flatnonzero((of != fold) & (of != (fold + 1) % n)) for fold in range(n)]
    return [Fold(fold, *rows) for fold, rows in enumerate(zip(train, valid, test, strict=True))]


def dense(visits: Visits, rows: np.ndarray) -> np.ndarray:
    """(n, I+1) bool: the true sets of rows (n,)."""
    return visits.sets[rows].toarray()


def measure(found: Prescribed, visits: Visits, rows: np.ndarray) -> dict[str, np.ndarray]:
    """A value a visit: jaccard, f1, prauc, items (how many are chosen), and where conflicts are known the rate of
    interactions, of what was chosen and of what was really prescribed."""
    truth = dense(visits, rows)
    measures = {"jaccard": jaccard(found.chosen, truth), "f1": f1(found.chosen, truth),
                "prauc": prauc(found.scores, truth), "items": found.chosen.sum(axis=1).astype(float)}  # fmt: skip
    if visits.conflicts is not None:
        measures["interaction_rate"] = conflict_rate(found.chosen, visits.conflicts)
        measures["interaction_rate_true"] = conflict_rate(truth, visits.conflicts)
    return measures


def evaluate_sets(model: Prescriber) -> dict[str, np.ndarray]:
    """The measures of every visit, in order of `visits`, and of first and later ones apart, such as jaccard_first.

    UserError where what is prescribed are no sets.
    """
    visits = model.cases.visits
    parts = [measure(checked(model, rows), visits, rows) for rows in _batches(np.arange(len(visits)))]
    measures = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    groups = {FIRST: visits.position == 0, LATER: visits.position > 0}
    return measures | {f"{name}_{group}": measures[name][rows] for name in ("jaccard", "f1", "prauc")
                       for group, rows in groups.items() if rows.any()}  # fmt: skip


def checked(model: Any, rows: np.ndarray) -> Prescribed:
    """What a model prescribes at rows. UserError unless these are sets and scores from 0 to 1 of as many visits."""
    found, shape = model.prescribe(rows), (len(rows), model.cases.visits.n_items + 1)
    scores, chosen = np.asarray(found.scores), np.asarray(found.chosen)
    if scores.shape != shape or chosen.shape != shape or chosen.dtype != bool or chosen[:, 0].any():
        raise UserError(f"{type(model).__name__}.prescribe gave scores {scores.shape} and sets {chosen.shape} "
                        f"{chosen.dtype}; there must be {shape} of both, sets bool and without column 0", code=1)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise UserError(f"{type(model).__name__}.prescribe gave scores that are not from 0 to 1", code=1)
    return Prescribed(scores, chosen)


def validation(model: Any) -> dict[str, float]:
    """The mean measures of the model of one fold on its validation visits."""
    rows = model.fold.valid
    found = model.prescribe(rows)
    return {name: float(values.mean()) for name, values in measure(found, model.visits, rows).items()}


def at_threshold(scores: np.ndarray, threshold: float) -> Prescribed:
    """Scores (n, I+1) with the sets that a threshold chooses."""
    return Prescribed(scores, choose(scores, threshold))


def _batches(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]

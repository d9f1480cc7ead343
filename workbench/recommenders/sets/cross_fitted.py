"""A model a fold, by which every visit is predicted without sight of its user's other visits in training."""
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from workbench.data.visits.records import Visits
from workbench.evaluate.sets.cases import Cases, Fold
from workbench.evaluate.sets.measures import Prescribed


class FoldModel(Protocol):
    """What is trained on the train visits of one fold."""

    visits: Visits
    fold: Fold

    def fit(self, session: Any) -> list[dict]:
        """Learn; returns the learning curve."""

    def prescribe(self, rows: np.ndarray) -> Prescribed:
        """Scores and sets at rows of the visits."""

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore it."""


class CrossFitted:
    """A `set_interfaces.Prescriber` of one model a fold. make: a new model of a fold."""

    def __init__(self, cases: Cases, make: Callable[[Fold], FoldModel]):
        self.cases, self.models = cases, [make(fold) for fold in cases.folds]
        self.tested = np.full(len(cases.visits), -1, np.int64)  # by which model each visit is predicted
        for fold in cases.folds:
            self.tested[fold.test] = fold.number

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Train the models one after the other. Returns the mean of their learning curves."""
        return mean_curve([model.fit(session.phase(f"fold-{model.fold.number}")) for model in self.models])

    def prescribe(self, rows: np.ndarray) -> Prescribed:
        """Scores and sets (n, I+1) at rows (n,), each by the model that tests it."""
        shape = (len(rows), self.cases.visits.n_items + 1)
        found = Prescribed(np.zeros(shape, np.float32), np.zeros(shape, bool))
        for model in self.models:
            own = self.tested[rows] == model.fold.number
            if own.any():
                found.scores[own], found.chosen[own] = model.prescribe(rows[own])
        return found

    def state(self) -> dict[str, np.ndarray]:
        """What the models learned, with the number of the fold before each name."""
        return {f"{model.fold.number}/{name}": array for model in self.models for name, array in model.state().items()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the models."""
        for model in self.models:
            start = f"{model.fold.number}/"
            own = {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
            model.load_state(own)


def mean_curve(curves: Sequence[list[dict]]) -> list[dict]:
    """One learning curve of several: the means, epoch by epoch, of which one that stopped earlier gives its last; the
    seconds are added up.

    >>> mean_curve([[{"epoch": 1, "loss": 4.0}, {"epoch": 2, "loss": 2.0}], [{"epoch": 1, "loss": 1.0}]])
    [{'epoch': 1, 'loss': 2.5}, {'epoch': 2, 'loss': 1.5}]
    """
    curves = [curve for curve in curves if curve]
    rows = []
    for at in range(max(map(len, curves), default=0)):
        now = [curve[min(at, len(curve) - 1)] for curve in curves]
        names = [name for name in now[0] if name != "epoch" and all(name in row for row in now)]
        row = {name: float(np.sum([each[name] for each in now]) / (1 if name == "seconds" else len(now)))
               for name in names}  # fmt: skip
        rows.append({"epoch": at + 1, **row})
    return rows

"""What follows a training: a phase with a smaller learning rate, from the weights that were found."""
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories, Split
from workbench.interfaces import ReadoutPositions
from workbench.recommenders import score_methods
from workbench.recommenders.vector import VectorRecommender
from workbench.train.fit import TrainingSession

RATE = 0.1  # of the learning rate of the training


class Log:
    """Means over steps. A training that is resumed within an epoch has those of its later part."""

    def __init__(self, name: str) -> None:
        self.name, self.steps = name, 0
        self.sums: dict[str, float] = {}

    def add(self, **values: Tensor) -> None:
        """Count a step with these scalars."""
        self.sums = {name: self.sums.get(name, 0.0) + value.item() for name, value in values.items()}
        self.steps += 1

    def means(self) -> dict[str, float]:
        """The means since the last call, as columns of a learning curve, each with the name of the log before it."""
        means = {f"{self.name}/{name}": total / self.steps for name, total in self.sums.items()}
        self.sums, self.steps = {}, 0
        return means


def phase_after(session: TrainingSession, name: str, recommender: Any, log: Log) -> TrainingSession:
    """The session of a phase with RATE of the learning rate, constant; it stops early as every training does.
    recommender: what is validated, in place of the one that is trained. log: joins what validation says."""
    validate, phase = session.validate, session.phase(name, lr=RATE * session.recipe.lr, schedule="constant")
    both: Callable[[Any], dict[str, float]] | None = validate and (lambda _: validate(recommender) | log.means())
    return replace(phase, validate=both)


class AfterTraining:
    """An `interfaces.Recommender`, `Scorer`, `Likelihood`, `Traceable` and `ScoredByItems`: a `VectorRecommender` that
    is trained from given weights.

    own: untrained, with the objective of the phase. start: the state of a trained one of its shapes, with which the
    module begins when it is trained. name: of the phase. log: of what its steps say.
    """

    def __init__(self, own: VectorRecommender, start: dict[str, np.ndarray], *, name: str, log: Log):
        self.own, self.start, self.name, self.log = own, start, name, log
        self.module, self.likelihood = own.module, own.likelihood
        self.max_length, self.batch = own.max_length, own.batch

    @property
    def device(self) -> torch.device:
        return self.own.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train from the start weights. UserError where train has nothing to learn from."""
        self.own.load_state(self.start)
        return self.own.fit(split, phase_after(session, self.name, self, self.log))

    def states(self, histories: Histories) -> Tensor:
        """(B, D) on the module's device."""
        return self.own.states(histories)

    def trace(self, histories: Histories) -> ReadoutPositions:
        """Run histories of at most `max_length` events, at most `batch` of them."""
        return self.own.trace(histories)

    def scores(self, histories: Histories) -> Tensor:
        """(B, I+1) on the module's device."""
        return self.own.scores(histories)

    score = score_methods.score
    recommend = score_methods.recommend
    log_prob = score_methods.log_prob
    state = score_methods.state
    load_state = score_methods.load_state

"""The phase that follows a training: fewer epochs, a smaller learning rate, and the weights that were found."""
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workbench.train.fit import TrainingSession

EPOCHS, RATE = 0.2, 0.1  # of those of the training


def phase_after(session: TrainingSession, name: str, recommender: Any) -> TrainingSession:
    """The session of a phase with EPOCHS of the epochs, at least two, and RATE of the learning rate, constant.
    recommender: what is validated in place of the one that is trained."""
    recipe = session.recipe
    epochs = max(2, round(EPOCHS * recipe.epochs))
    phase = session.phase(name, epochs=epochs, lr=RATE * recipe.lr, schedule="constant")
    validate: Callable[[Any], dict[str, float]] | None = session.validate
    return replace(phase, validate=validate and (lambda _: validate(recommender)))

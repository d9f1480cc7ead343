"""What the verb prescribe asks for (workbench/systems/verbs.py).

Beside workbench/verb_interfaces.py and not in it: that file is part of what every policy stands on, and a line more
would make the evidence of all of them stale. Shape letters, ids and arrays as in workbench/interfaces.py.
"""
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Prescriber(Protocol):
    """What predicts the set of a visit from what is known at it and from the user's earlier visits; trained by `fit`,
    saved and restored as `Recommender`.

    cases: the `evaluate.sets.cases.Cases` of the bench: the visits, and the folds in which they are tested.
    """

    cases: Any

    def fit(self, split: Any, session: Any) -> list[dict]:
        """As `Recommender.fit`, fold by fold: of each a model that reads the train visits of the fold only, and its
        validation visits to choose an epoch and a threshold; `session.validate(model)` measures these."""

    def prescribe(self, rows: np.ndarray) -> Any:
        """An `evaluate.sets.measures.Prescribed` for rows (n,) of `cases.visits`, each by the model of the fold in
        which it is tested. The set of the visit itself is not read."""

    def state(self) -> dict[str, np.ndarray]:
        """As `Recommender.state`, of the models of all folds."""

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """As `Recommender.load_state`."""

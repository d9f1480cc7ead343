"""Methods of a recommender whose `scores(histories)` is a tensor (B, I+1) and whose weights are those of `module`.

The classes of this folder do not inherit; one that qualifies takes these as its own: `score = score_methods.score`.
"""
from typing import Any

import numpy as np

from workbench.data import Histories
from workbench.evaluate.top_k import top_k
from workbench.interfaces import Recommendations
from workbench.recommenders.state_dict import get_weights, load_weights


def score(self: Any, histories: Histories) -> np.ndarray:
    """(B, I+1) float32; column 0 is meaningless."""
    return self.scores(histories).cpu().numpy()


def recommend(self: Any, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
    """The top-k items by score."""
    return top_k(self.scores(histories), k, exclude)


def log_prob(self: Any, histories: Histories, items: np.ndarray) -> np.ndarray:
    """(B, n) log-probability of items (B, n) under a softmax over the catalogue."""
    logits = self.scores(histories)[:, 1:].log_softmax(1).cpu().numpy()
    return np.take_along_axis(logits, np.asarray(items) - 1, axis=1)


def state(self: Any) -> dict[str, np.ndarray]:
    """The weights of the module."""
    return get_weights(self.module)


def load_state(self: Any, state: dict[str, np.ndarray]) -> None:
    """Load weights into the module."""
    load_weights(self.module, state)

"""What could be asked or recommended next: entropy of attributes among the candidates, and their best items."""
import numpy as np
from scipy.sparse import csc_matrix

from workbench.envs.conversation import Observation
from workbench.envs.greatest import greatest


def best_items(observation: Observation, k: int, scores: np.ndarray | None = None) -> np.ndarray:
    """(B, k) the candidates of highest score, best first; 0 where there are fewer than k. scores: (B, I+1), by default
    those of the observation."""
    scores = np.where(observation.candidates, observation.scores if scores is None else scores, -np.inf)
    found = min(k, scores.shape[1])
    items = greatest(scores, found)
    items = np.where(np.take_along_axis(observation.candidates, items, 1), items, 0)
    return np.pad(items, ((0, 0), (0, k - found)))


def shares(observation: Observation, attributes: csc_matrix, weights: np.ndarray | None = None) -> np.ndarray:
    """(B, A) the share of the candidates, by weight, that has each attribute. weights: (B, I+1), positive, by default
    all alike."""
    w = observation.candidates.astype(np.float32)
    w = w if weights is None else w * weights
    return np.asarray((attributes.T @ w.T).T) / np.maximum(w.sum(axis=1, keepdims=True), 1e-9)


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy in bits of an answer that is yes with probability p; 0 where it is certain."""
    p = np.clip(p, 0, 1)
    return -sum(np.where(q > 0, q * np.log2(np.maximum(q, 1e-12)), 0) for q in (p, 1 - p))


def unasked(observation: Observation, values: np.ndarray) -> np.ndarray:
    """(B, A) values of attributes, -inf for those that were asked already."""
    return np.where(observation.asked, -np.inf, values)


def actions(ask: np.ndarray, attribute: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(B, 1 + k) actions: to ask about attribute (B,), columns from 0, where ask (B,) holds, else to recommend."""
    first = np.where(ask, attribute + 1, 0)
    return np.column_stack([first, np.where(ask[:, None], 0, items)])

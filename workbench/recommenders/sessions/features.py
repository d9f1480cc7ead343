"""What a policy sees of a session: the user's profile, what was shown lately, how it goes. Actions are drawn here."""
import numpy as np

from workbench.envs.sessions import WINDOW, Observation
from workbench.envs.streams import uniform


def n_features(n_categories: int) -> int:
    """F of `features`."""
    return 2 * n_categories + 3


def features(observation: Observation, categories: np.ndarray) -> np.ndarray:
    """(B, F) float32: log profile against a uniform one (C), how often each category was shown in the last WINDOW steps
    (C), whether the last item was clicked, clicks so far and steps so far as shares of the horizon. categories: (I+1,)
    """
    C, T = observation.profile.shape[1], observation.shown.shape[1]
    last = np.clip(observation.step - 1, 0, T - 1)
    clicked = observation.clicked[np.arange(len(last)), last] * (observation.step > 0)
    progress = [clicked, observation.clicked.sum(axis=1) / T, observation.step / T]
    liked = np.log(np.maximum(observation.profile, 1e-6) * C)
    return np.column_stack([liked, recent_counts(observation, categories), *progress]).astype(np.float32)


def recent_counts(observation: Observation, categories: np.ndarray) -> np.ndarray:
    """(B, C) how often each category was shown in the last WINDOW steps."""
    B, C = observation.profile.shape
    counts, rows = np.zeros((B, C)), np.arange(B)
    for back in range(1, WINDOW + 1):
        step = observation.step - back
        items = observation.shown[rows, np.maximum(step, 0)]
        shown = (step >= 0) & (items > 0)
        counts[rows[shown], categories[items[shown]]] += 1
    return counts


def drawn(probabilities: np.ndarray, name: str, observation: Observation, seed: int = 0) -> np.ndarray:
    """(B,) columns drawn with probabilities (B, N), which need not sum to 1, by chance of the step and the episode."""
    sums = np.cumsum(probabilities, axis=1, dtype=np.float64)
    step = int(observation.step[0]) if len(observation.step) else 0
    chance = uniform(seed, name, step, observation.episodes) * sums[:, -1:]
    return np.minimum((sums <= chance).sum(axis=1), probabilities.shape[1] - 1)

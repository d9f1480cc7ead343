"""Planners: of which categories a policy may show items at a step."""
import numpy as np
import torch
from torch import nn

from workbench.envs.sessions import WINDOW, Observation
from workbench.envs.streams import uniform
from workbench.recommenders.sessions.features import recent_counts
from workbench.recommenders.sessions.vector_policy import Played


class CategoryBandit:
    """A `vector_policy.Planner`: UCB over categories, which are told apart by their place in the user's profile and by
    how often they were shown in the last steps; the `keep` best are allowed.

    An arm is (place, times shown); its worth is by how much, in standard deviations, what followed when it was shown
    was better than what followed in other sessions from that step on. While training, explore sqrt(log steps / times
    tried) is added (Auer et al. 2002). Among arms of equal worth the user's favourite is first.
    """

    def __init__(self, categories: np.ndarray, n_categories: int, *, keep: int, explore: float):
        self.categories, self.keep, self.explore = categories, keep, explore
        self.module = nn.Module()
        for name in ("total", "tried"):
            self.module.register_buffer(name, torch.zeros(n_categories, WINDOW + 1, dtype=torch.float64))

    def allowed(self, observation: Observation, *, exploring: bool, seed: int) -> np.ndarray:
        """(B, C) bool, `keep` of each row."""
        total, tried = (self.module.get_buffer(name).cpu().numpy() for name in ("total", "tried"))
        worth = total / np.maximum(tried, 1)
        if exploring:
            worth = worth + self.explore * np.sqrt(np.log1p(tried.sum()) / np.maximum(tried, 1))
        place = places(observation.profile)
        shown = recent_counts(observation, self.categories).astype(np.int64)
        return best(worth[place, shown] - 1e-9 * place, self.keep)

    def learn(self, played: Played) -> None:
        """Add the steps of an epoch to the arms that were shown."""
        n, T = played.items.shape
        C = len(self.module.total)
        place = places(played.states[:, 0, :C])
        real = played.items > 0
        mean = np.where(real, played.to_go, 0).sum(axis=0) / np.maximum(real.sum(axis=0), 1)
        better = (played.to_go - mean)[real]
        chosen = self.categories[played.items]
        repeats = np.zeros((n, T), np.int64)
        for back in range(1, min(WINDOW, T - 1) + 1):
            repeats[:, back:] += chosen[:, back:] == chosen[:, :-back]
        arm = np.take_along_axis(place, chosen, axis=1) * (WINDOW + 1) + repeats
        for buffer, weights in ((self.module.total, better / max(better.std(), 1e-9)), (self.module.tried, None)):
            sums = np.bincount(arm[real], weights, minlength=C * (WINDOW + 1)).reshape(C, -1)
            buffer += torch.from_numpy(sums.astype(np.float64)).to(buffer.device)


class RandomCategories:
    """A `vector_policy.Planner`: `keep` categories by chance, whoever the user is and whatever was shown."""

    def __init__(self, keep: int):
        self.keep, self.module = keep, nn.Module()

    def allowed(self, observation: Observation, *, exploring: bool, seed: int) -> np.ndarray:
        """(B, C) bool, `keep` of each row."""
        step = int(observation.step[0])
        chance = uniform(seed, "categories", step, observation.episodes, observation.profile.shape[1])
        return best(chance, self.keep)

    def learn(self, played: Played) -> None:
        """Nothing."""


def places(profile: np.ndarray) -> np.ndarray:
    """(B, C) the place of each category among those of the user, 0 for the favourite."""
    order = np.argsort(-profile, axis=1, kind="stable")
    out = np.empty_like(order)
    np.put_along_axis(out, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return out


def best(worth: np.ndarray, keep: int) -> np.ndarray:
    """(B, C) bool: the `keep` greatest of each row (B, C)."""
    return places(worth) < keep

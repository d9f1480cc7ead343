"""A policy that recommends at every turn, and whose scores follow what the user found wrong with earlier lists."""
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.envs.critiques import CritiquedObservation, CritiquedWorld
from workbench.nets.conversation.critique_blend import CritiqueBlend
from workbench.recommenders.conversation.asking import actions, best_items
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.recommenders.state_dict import get_weights, load_weights
from workbench.train import derive_seed, named_rng
from workbench.train.fit import TrainingSession, fit

EPISODES = 512  # of an epoch, at most


class Critiquing:
    """A `verb_interfaces.Policy`. world_of: makes a world with critiques of one without. blend: how they are taken in,
    trained in play with the simulated user if `learnt`; else as it begins."""

    def __init__(
        self, worlds: ConversationWorlds, world_of: Callable[..., CritiquedWorld], blend: CritiqueBlend, *,
        learnt: bool,
    ):  # fmt: skip
        self.worlds, self.world_of, self.blend = worlds, world_of, blend
        self.module = blend if learnt else None

    def world(self, part: str) -> CritiquedWorld:
        """Of a part of the split."""
        return self.world_of(self.worlds.world(part))

    def start(self, observation: CritiquedObservation) -> None:
        """As `verb_interfaces.Policy.start`."""
        self.z, self.spread = self.blend.start(len(observation.turn)), spread_of_scores(observation)

    @torch.no_grad()
    def act(self, observation: CritiquedObservation) -> np.ndarray:
        """As `verb_interfaces.Policy.act`."""
        self.z = self.blend(self.z, torch.from_numpy(observation.critique).to(self.z.device))
        return self._list(observation, self.blend.added(self.z).cpu().numpy(), self.spread)

    def fit(self, split: Any, session: TrainingSession) -> list[dict]:
        """Learn by play in episodes of train. Returns the learning curve, [] where nothing is learned."""
        if self.module is None:
            return []
        world, size = self.world("train"), session.recipe.batch_size
        n = min(world.n, EPISODES)

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "episodes", epoch).permutation(world.n)[:n]
            return [order[at : at + size] for at in range(0, n, size)]

        def loss(episodes: np.ndarray, step: int) -> Tensor:
            return self.play(world, episodes, seed=derive_seed(session.seed, "play", step))

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(self.blend.to(session.device), batches, loss, session, validate=validate)

    def play(self, world: CritiquedWorld, episodes: np.ndarray, *, seed: int) -> Tensor:
        """The cross-entropy of the target among the candidates, a mean over the turns of conversations (B,), each of
        which shows what the blend would recommend and takes in what is said of it."""
        observation = world.reset(episodes, seed=seed)
        z, spread, over = self.blend.start(len(episodes)), spread_of_scores(observation), np.zeros(len(episodes), bool)
        target, losses = torch.from_numpy(world.targets[episodes]), []
        for _ in range(world.horizon):
            device = z.device
            z = self.blend(z, torch.from_numpy(observation.critique).to(device))
            added = self.blend.added(z)
            logits = (torch.from_numpy(observation.scores / spread).to(device) + added) * self.blend.sharpness.exp()
            rows = torch.from_numpy(np.flatnonzero(~over)).to(device)
            open_items = torch.from_numpy(observation.candidates).to(device)
            log_p = logits.masked_fill(~open_items, -torch.inf)[rows].log_softmax(1)
            losses.append(-log_p.gather(1, target.to(device)[rows, None])[:, 0])
            observation, _, over = world.step(self._list(observation, added.detach().cpu().numpy(), spread))
            if over.all():
                break
        return torch.cat(losses).mean()

    def _list(self, observation: CritiquedObservation, added: np.ndarray, spread: np.ndarray) -> np.ndarray:
        items = best_items(observation, self.worlds.options["k"], observation.scores + spread * added)
        return recommendations(items)

    def state(self) -> dict[str, np.ndarray]:
        """As `verb_interfaces.Policy.state`."""
        return get_weights(self.blend)

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """As `verb_interfaces.Policy.load_state`."""
        load_weights(self.blend, state)


def recommendations(items: np.ndarray) -> np.ndarray:
    """(B, 1 + k) actions that recommend items (B, k)."""
    return actions(np.zeros(len(items), bool), np.zeros(len(items), np.int64), items)


def spread_of_scores(observation: CritiquedObservation) -> np.ndarray:
    """(B, 1) float32 standard deviation of the candidates' scores, 1 where they are all alike."""
    here, scores = observation.candidates, observation.scores
    n = np.maximum(here.sum(axis=1, keepdims=True), 1)
    mean = np.where(here, scores, 0).sum(axis=1, keepdims=True) / n
    spread = np.sqrt(np.where(here, (scores - mean) ** 2, 0).sum(axis=1, keepdims=True) / n)
    return np.where(spread > 0, spread, 1).astype(np.float32)

"""The assembly of policies that imitate logged sessions, those with returns such as are asked for."""
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.envs.sessions import Observation, SessionWorld
from workbench.evaluate.episodes.rollout import rollout
from workbench.recommenders import score_methods
from workbench.recommenders.sessions.features import drawn, features
from workbench.recommenders.sessions.logs import Trajectories, collect
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit


class Returns(NamedTuple):
    """What a network is told of the returns. of(rewards): (n, T, R) from rewards (n, T, 2), now and long-term, of whole
    sessions. after(told, rewards): (B, R) at the next step, from (B, R) at this one and the rewards (B, 2) that came.
    ask(told): (R,) to ask for at the first step, from (n, R) of the log there; R of a name each in `names`."""

    names: tuple[str, ...]
    of: Callable[[np.ndarray], np.ndarray]
    after: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ask: Callable[[np.ndarray], np.ndarray]


class Batch(NamedTuple):
    """B sessions. states: (B, T, F). items: (B, T), 0 after the end. told: (B, T, R) returns, R is 0 where nothing is
    told. rewards: (B, T, 2)."""

    states: Tensor
    items: Tensor
    told: Tensor
    rewards: Tensor

    @property
    def real(self) -> Tensor:
        """(B, T) bool: steps of the session."""
        return self.items > 0


class FollowingReturns:
    """A `verb_interfaces.Policy`.

    module(states, items, told): hidden states (B, T, D) before the actions, of which it gives `logits(hidden)`; where
    returns are told it has the buffers `asked` (R,) and `scale` (R,), which are set from the log. returns: None for
    what imitates whatever it saw. loss(batch, step): a scalar, by default that of `imitation`. shuffled: sessions of
    the log are told the returns of others. passes: sessions of each user in the log.
    """

    def __init__(
        self, worlds: SessionWorlds, module: nn.Module, returns: Returns | None = None, *,
        loss: Callable[[Batch, int], Tensor] | None = None, shuffled: bool = False, passes: int = 1,
    ):  # fmt: skip
        self.worlds, self.module, self.returns, self.loss = worlds, module, returns, loss
        self.shuffled, self.passes = shuffled, passes

    def world(self, part: str) -> SessionWorld:
        """Of a part of the split."""
        return self.worlds.world(part)

    def fit(self, split: Any, session: TrainingSession) -> list[dict]:
        """Imitate the log. Returns the learning curve."""
        module = self.module.to(session.device)
        log = collect(self.worlds, session.seed, self.passes)
        told = self.returns_told(log, session.seed)

        def batches(epoch: int) -> list[np.ndarray]:
            order = named_rng(session.seed, "order", epoch).permutation(len(log.lengths))
            return np.array_split(order, -(-len(order) // session.recipe.batch_size))

        def loss(index: np.ndarray, step: int) -> Tensor:
            batch = batch_of(log, told, index, session.device)
            if self.loss is not None:
                return self.loss(batch, step)
            return imitation(module, module(batch.states, batch.items, batch.told), batch)

        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(module, batches, loss, session, validate=validate)

    def returns_told(self, log: Trajectories, seed: int) -> np.ndarray:
        """(n, T, R) what is told at each step of the log, scaled so that the most of each is 1. The network keeps the
        scale, and what of the log to ask for."""
        if self.returns is None:
            return np.zeros((*log.items.shape, 0), np.float32)
        told = self.returns.of(log.rewards).astype(np.float32)
        most = np.abs(told[log.items > 0]).max(axis=0)
        scale = np.where(most > 0, most, 1).astype(np.float32)
        if self.shuffled:
            told = told[named_rng(seed, "shuffled returns").permutation(len(told))]
        with torch.no_grad():
            self.module.scale.copy_(torch.from_numpy(scale))
            self.module.asked.copy_(torch.from_numpy(self.returns.ask(told[:, 0])))
        return told / scale

    def start(self, observation: Observation) -> None:
        """As `verb_interfaces.Policy.start`."""
        self.module.eval()
        self.seen: list[np.ndarray] = []
        self.said: list[np.ndarray] = []

    def act(self, observation: Observation) -> np.ndarray:
        """(B,) items, drawn from what the network gives."""
        B, module, t = len(observation.step), self.module, len(self.seen)
        self.seen.append(features(observation, self.worlds.categories))
        if self.returns is not None:
            first, most = np.tile(module.asked.cpu().numpy(), (B, 1)), module.scale.cpu().numpy()
            said = self.returns.after(self.said[-1], observation.rewards) if self.said else first
            self.said.append(np.clip(said, -most, most))  # no more than the log has
        device = next(module.parameters()).device
        told = np.stack(self.said, 1) / most if self.said else np.zeros((B, t + 1, 0))
        with torch.no_grad():
            inputs = np.stack(self.seen, 1), observation.shown[:, : t + 1], told.astype(np.float32)
            hidden = module(*(torch.from_numpy(array).to(device) for array in inputs))[:, -1]
            chances = module.logits(hidden).softmax(-1).cpu().numpy()
        return drawn(chances, "following returns", observation)

    state = score_methods.state
    load_state = score_methods.load_state


def imitation(module: nn.Module, hidden: Tensor, batch: Batch) -> Tensor:
    """Mean cross-entropy of the logged items, from hidden states (B, T, D) before the actions."""
    return F.cross_entropy(module.logits(hidden[batch.real]), batch.items[batch.real])


def batch_of(log: Trajectories, told: np.ndarray, index: np.ndarray, device: Any) -> Batch:
    """The trajectories at index (B,), as long as the longest of them. told: (n, T, R)."""
    T = int(log.lengths[index].max())
    arrays = (array[index, :T] for array in (log.states, log.items, told, log.rewards))
    return Batch(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays))


def returns_to_go(rewards: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """(n, T, ...) the discounted sum of rewards (n, T, ...) from each step on.

    >>> returns_to_go(np.array([[1.0, 0, 2]]), 0.5).tolist()
    [[1.5, 1.0, 2.0]]
    """
    out = np.array(rewards, float)
    for t in range(out.shape[1] - 2, -1, -1):
        out[:, t] += gamma * out[:, t + 1]
    return out


def asked_and_obtained(
    policy: FollowingReturns, asked: list[tuple[float, ...]], *, part: str = "valid", episodes: np.ndarray | None = None
) -> list[dict[str, float]]:
    """What a policy gets for what it is asked: for each of the returns asked for (R,), in the units of the rewards, the
    means of the world's measures. The policy asks for what it did before afterwards."""
    before, rows = policy.module.asked.clone(), []
    for each in asked:
        with torch.no_grad():
            policy.module.asked.copy_(torch.tensor(each))
        found = rollout(policy, policy.world(part), episodes=episodes, quiet=True)
        named = {f"asked {name}": float(value) for name, value in zip(policy.returns.names, each, strict=True)}
        rows.append(named | {name: float(values.mean()) for name, values in found.items()})
    with torch.no_grad():
        policy.module.asked.copy_(before)
    return rows

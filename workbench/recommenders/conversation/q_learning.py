"""Policies that act by the greatest value: a network values the actions of a state, and learns from episodes of train.

Double Q-learning with a memory. What acts in the episodes of an epoch is the network as the epoch begins, and its copy
then gives the targets; copy and memory are buffers, so a training that goes on is bit for bit one without a stop.
"""
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from workbench.envs.conversation import ConversationWorld, Observation
from workbench.envs.streams import uniform
from workbench.losses.temporal_difference import double_q_targets, temporal_difference
from workbench.recommenders import score_methods
from workbench.recommenders.conversation.replay import Replay, State, play
from workbench.recommenders.conversation.worlds import ConversationWorlds
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit
from workbench.train.rng import derive_seed


class View(Protocol):
    """What a policy makes of observations, and what its numbered actions are in the state that it saw last."""

    def start(self, observation: Observation) -> None:
        """Forget the episodes before these."""

    def state(self, observation: Observation) -> State:
        """What the network reads, called once a turn."""

    def actions(self, chosen: np.ndarray) -> np.ndarray:
        """(B, 1 + k) what the world takes, for numbers of actions (B,)."""


@dataclass(frozen=True)
class Learning:
    """gamma: how much the next turn counts. episodes: played before each epoch. steps: of an epoch. capacity: of the
    memory. alpha, beta: of its priorities (`Replay`). first, last: chance of a random action in the first epoch, and in
    the end; it falls by a factor e in a share `fall` of the epochs."""

    gamma: float = 0.99
    episodes: int = 128
    steps: int = 64
    capacity: int = 8_000
    alpha: float = 0.0
    beta: float = 0.0
    first: float = 0.9
    last: float = 0.05
    fall: float = 0.2

    def exploration(self, epoch: int, epochs: int) -> float:
        """The chance of a random action in an epoch of `epochs`, from 0.

        >>> [round(Learning().exploration(epoch, 50), 2) for epoch in (0, 1, 10, 49)]
        [0.9, 0.82, 0.36, 0.06]
        """
        return self.last + (self.first - self.last) * math.exp(-epoch / (self.fall * epochs))


class Learner(nn.Module):
    """A network in training. target: its copy, in buffers. memory: `Replay`."""

    def __init__(self, network: nn.Module, example: State, how: Learning):
        super().__init__()
        self.network, self.how, self.memory = network, how, Replay(example, how.capacity)
        for name, tensor in self._current().items():
            self.register_buffer(_buffer(name), tensor.detach().clone())

    def _current(self) -> dict[str, Tensor]:
        return dict(self.network.named_parameters())

    @torch.no_grad()
    def copy(self) -> None:
        """Make the target what the network is now."""
        for name, tensor in self._current().items():
            self.get_buffer(_buffer(name)).copy_(tensor)

    def by_target(self, state: State) -> Tensor:
        """(B, n) values by the target."""
        copied = {name: self.get_buffer(_buffer(name)) for name in self._current()}
        return torch.func.functional_call(self.network, copied, (state,))

    def loss(self, chance: np.ndarray, step: int) -> Tensor:
        """Of transitions drawn by chance (b,), whose priorities it renews."""
        rows, weights = self.memory.draw(chance, alpha=self.how.alpha, beta=self.how.beta)
        seen = self.memory.take(rows)
        with torch.no_grad():
            worth = double_q_targets(
                seen.reward, seen.over, self.network(seen.after), self.by_target(seen.after), self.how.gamma
            )
        values = self.network(seen.before).gather(1, seen.action[:, None])[:, 0]
        self.memory.set_priority(rows, values - worth)
        return temporal_difference(values, worth, weights)


class QPolicy:
    """A `verb_interfaces.Policy`: the action of greatest value.

    network: a state to values (B, n), -inf for actions that are not allowed, of which there is always one that is.
    view: see `View`.
    """

    def __init__(self, worlds: ConversationWorlds, network: nn.Module, view: View, how: Learning):
        self.worlds, self.module, self.view, self.how = worlds, network, view, how

    def world(self, part: str) -> ConversationWorld:
        """Of a part of the split."""
        return self.worlds.world(part)

    def start(self, observation: Observation) -> None:
        """As `verb_interfaces.Policy.start`."""
        self.view.start(observation)

    def act(self, observation: Observation) -> np.ndarray:
        """As `verb_interfaces.Policy.act`."""
        return self.view.actions(self.values(self.view.state(observation)).argmax(axis=1))

    @torch.no_grad()
    def values(self, state: State) -> np.ndarray:
        """(B, n) of the actions in a state."""
        self.module.eval()
        device = next(self.module.parameters()).device
        return self.module({name: tensor.to(device) for name, tensor in state.items()}).cpu().numpy()

    def fit(self, split: Any, session: TrainingSession) -> list[dict]:
        """Play, learn, play. Returns the learning curve."""
        world, how, epochs = self.world("train"), self.how, session.recipe.epochs
        first = world.reset(np.arange(1), seed=0)
        self.view.start(first)
        learner = Learner(self.module, self.view.state(first), how).to(session.device)

        def renew(epoch: int) -> None:
            learner.copy()
            if epoch < epochs:
                learner.memory.write(self._play(world, session.seed, epoch, how.exploration(epoch, epochs)))

        def batches(epoch: int) -> list[np.ndarray]:
            return list(named_rng(session.seed, "replay", epoch).random((how.steps, session.recipe.batch_size)))

        renew(0)
        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(learner, batches, learner.loss, session, validate=validate, each_epoch=renew)

    def _play(self, world: ConversationWorld, seed: int, epoch: int, random: float):
        """The transitions of an epoch's episodes, actions being random with a chance."""
        drawn = named_rng(seed, "episodes", epoch).permutation(world.n)[: self.how.episodes]
        turn = iter(range(world.horizon))

        def choose(state: State) -> np.ndarray:
            values = self.values(state)
            chance = uniform(seed, f"exploration {epoch}", next(turn), drawn, 1 + values.shape[1])
            other = np.where(np.isfinite(values), chance[:, 1:], -1).argmax(axis=1)
            return np.where(chance[:, 0] < random, other, values.argmax(axis=1))

        return play(world, drawn, seed=derive_seed(seed, "play", epoch), start=self.view.start, state=self.view.state,
                    choose=choose, actions=self.view.actions)  # fmt: skip

    state = score_methods.state
    load_state = score_methods.load_state


def _buffer(name: str) -> str:
    return "target_" + name.replace(".", "-")

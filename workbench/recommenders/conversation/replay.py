"""Transitions of episodes, and a memory of them in buffers, so that a checkpoint holds what it goes on with."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench.verb_interfaces import World

State = dict[str, Tensor]  # what a network reads, by name: (B, ...)


class Transitions(NamedTuple):
    """n steps: before, action (n,), reward (n,), over (n,) bool, after."""

    before: State
    action: Tensor
    reward: Tensor
    over: Tensor
    after: State


def play(
    world: World, episodes: np.ndarray, *, seed: int, start: Callable, state: Callable[..., State],
    choose: Callable[[State], np.ndarray], actions: Callable[[np.ndarray], np.ndarray],
) -> Transitions:  # fmt: skip
    """The transitions of episodes (B,), played side by side until each is over.

    start(observation) begins them, state(observation) is called once a turn, choose(state) gives numbers (B,) of
    actions, actions(numbers) what the world takes.
    """
    observation = world.reset(episodes, seed=seed)
    start(observation)
    over, before, steps = np.zeros(len(episodes), bool), state(observation), []
    for _ in range(world.horizon):
        chosen, running = choose(before), torch.from_numpy(np.flatnonzero(~over))
        observation, rewards, over = world.step(actions(chosen))
        after = state(observation)
        whole = Transitions(before, torch.from_numpy(chosen), torch.from_numpy(rewards).float(),
                            torch.from_numpy(over.copy()), after)  # fmt: skip
        steps.append(_rows(whole, running))
        before = after
        if over.all():
            break
    return _joined(steps)


class Replay(nn.Module):
    """The last `capacity` transitions, drawn by how wrong their value was (Schaul et al., "Prioritized experience
    replay", ICLR 2016, proportional variant).

    example: a state, from which names, shapes and kinds are taken. All is in buffers.
    """

    def __init__(self, example: State, capacity: int):
        super().__init__()
        self.names, self.capacity = list(example), capacity
        for name, tensor in example.items():
            for side in ("before", "after"):
                self.register_buffer(f"{side}_{name}", tensor.new_zeros((capacity, *tensor.shape[1:])))
        self.register_buffer("action", torch.zeros(capacity, dtype=torch.int64))
        self.register_buffer("reward", torch.zeros(capacity))
        self.register_buffer("over", torch.zeros(capacity, dtype=torch.bool))
        self.register_buffer("priority", torch.zeros(capacity))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    def write(self, new: Transitions) -> None:
        """Add transitions; the oldest make room. A new one has the highest priority, so that it is drawn."""
        n = min(len(new.action), self.capacity)
        device = self.action.device
        rows = (int(self.written) + torch.arange(n, device=device)) % self.capacity
        for name in self.names:
            self.get_buffer(f"before_{name}")[rows] = new.before[name][-n:].to(device)
            self.get_buffer(f"after_{name}")[rows] = new.after[name][-n:].to(device)
        for buffer, values in ((self.action, new.action), (self.reward, new.reward), (self.over, new.over)):
            buffer[rows] = values[-n:].to(device)
        self.priority[rows] = self.priority.max().clamp(min=1.0)
        self.written += n

    def draw(self, chance: np.ndarray, *, alpha: float, beta: float) -> tuple[Tensor, Tensor]:
        """(b,) rows for uniform numbers chance (b,), a row in proportion to priority^alpha, and their weights (b,), 1
        at most, which undo the share beta of that. alpha 0 draws all alike, with weights of 1."""
        filled = min(int(self.written), self.capacity)
        mass = (self.priority[:filled] ** alpha).cumsum(0)
        at = torch.from_numpy(chance).to(mass) * mass[-1]
        rows = torch.searchsorted(mass, at, right=True).clamp(max=filled - 1)
        probability = self.priority[rows] ** alpha / mass[-1]
        weights = (filled * probability) ** -beta
        return rows, weights / weights.max()

    def take(self, rows: Tensor) -> Transitions:
        """The transitions at rows (b,)."""
        before, after = ({name: self.get_buffer(f"{side}_{name}")[rows] for name in self.names}
                         for side in ("before", "after"))  # fmt: skip
        return Transitions(before, self.action[rows], self.reward[rows], self.over[rows], after)

    def set_priority(self, rows: Tensor, errors: Tensor) -> None:
        """Keep how wrong the values of rows (b,) were, errors (b,)."""
        self.priority[rows] = errors.detach().abs() + 1e-3


def _rows(whole: Transitions, rows: Tensor) -> Transitions:
    def of(state: State) -> State:
        return {name: tensor[rows] for name, tensor in state.items()}

    return Transitions(of(whole.before), whole.action[rows], whole.reward[rows], whole.over[rows], of(whole.after))


def _joined(steps: list[Transitions]) -> Transitions:
    def of(states: list[State]) -> State:
        return {name: torch.cat([state[name] for state in states]) for name in states[0]}

    return Transitions(
        of([step.before for step in steps]), torch.cat([step.action for step in steps]),
        torch.cat([step.reward for step in steps]), torch.cat([step.over for step in steps]),
        of([step.after for step in steps]),
    )  # fmt: skip

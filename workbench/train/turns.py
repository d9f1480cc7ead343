"""Turns: which parameters a step of training updates, with which losses, each turn with an optimiser of its own.

A plain training has one turn over all parameters. Alternating and bi-level trainings have several in every step, taken
in order on the same batch. Parameters that no turn trains are frozen: no gradient, no optimiser state, no weight decay.
"""
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import unknown_id
from workbench.train.distributed import Ranks, rank
from workbench.train.recipe import Recipe
from workbench.train.rng import derive_seed
from workbench.train.session import TrainingSession


@dataclass(frozen=True)
class Turn:
    """One update of a step: `loss(batch, step)`, a scalar, is minimised over some parameters.

    parameters: a glob over their names, such as "generator.*", or several. lr_ratio: their learning rate, as a multiple
    of the recipe's.
    """

    loss: Callable[[Any, int], Tensor]
    parameters: str | Sequence[str] = "*"
    lr_ratio: float = 1.0


@dataclass(frozen=True)
class Update:
    """A turn with its parameters and their optimiser. inputs: what its gradient is taken of, None for whatever the loss
    depends on, where there is no other turn."""

    turn: Turn
    parameters: list[nn.Parameter]
    optimiser: torch.optim.Optimizer
    inputs: list[nn.Parameter] | None


def make_updates(module: nn.Module, turns: Sequence[Turn], recipe: Recipe, device: str) -> list[Update]:
    """The turns with their optimisers. UserError where a glob matches no parameter."""
    updates = []
    for turn in turns:
        parameters = match(module, turn.parameters)
        optimiser = torch.optim.AdamW(
            parameters, lr=recipe.lr, betas=(0.9, recipe.beta2), weight_decay=recipe.weight_decay,
            fused=device != "mps",
        )  # fmt: skip
        inputs = [p for p in parameters if p.requires_grad] if len(turns) > 1 else None
        updates.append(Update(turn, parameters, optimiser, inputs))
    return updates


def match(module: nn.Module, globs: str | Sequence[str]) -> list[nn.Parameter]:
    """The parameters with a name that one of the globs matches. UserError, with the nearest name, for one that matches
    none.

    >>> len(match(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "0.*"))
    2
    """
    named, found = dict(module.named_parameters(remove_duplicate=False)), {}
    for glob in [globs] if isinstance(globs, str) else globs:
        matched = {id(p): p for name, p in named.items() if fnmatchcase(name, glob)}
        if not matched:
            raise unknown_id("parameter", glob, list(named))
        found |= matched
    return [p for p in module.parameters() if id(p) in found]


@contextmanager
def frozen(module: nn.Module, updates: list[Update]) -> Iterator[set[str]]:
    """Inside the block the parameters that no turn trains need no gradient. Gives their names."""
    trained = {id(p) for update in updates for p in update.parameters}
    others = {name: p for name, p in module.named_parameters(remove_duplicate=False) if id(p) not in trained}
    before = [(p, p.requires_grad) for p in others.values()]
    try:
        for p in others.values():
            p.requires_grad_(False)
        yield set(others)
    finally:
        for p, needed in before:
            p.requires_grad_(needed)


def take_step(
    updates: list[Update], batch: Any, step: int, session: TrainingSession, rate: float, ranks: Ranks | None = None
) -> list[float]:
    """Every turn's update of one step; returns their losses. The step ends at a loss that is not finite. ranks: the
    processes that share the batch."""
    losses = []
    for place, update in enumerate(updates):
        # the first turn's stream does not know of others, nor that of the first process
        others = [*([place] if place else []), *(["rank", rank()] if ranks is not None and rank() else [])]
        torch.manual_seed(derive_seed(session.seed, "dropout", step, *others))
        for group in update.optimiser.param_groups:
            group["lr"] = rate * update.turn.lr_ratio
        update.optimiser.zero_grad(set_to_none=True)
        if ranks is None:
            value = update.turn.loss(batch, step)
            value.backward(inputs=update.inputs)
            losses.append(value.item())
        else:
            losses.append(ranks.gradients(update, batch, step, first=place == 0))
        if not math.isfinite(losses[-1]):
            break
        if session.recipe.clip:
            nn.utils.clip_grad_norm_(update.parameters, session.recipe.clip)
        update.optimiser.step()
    return losses


def optimiser_tensors(updates: list[Update]) -> dict[str, Tensor]:
    """The state of all optimisers by names such as 0.3.exp_avg: of the turn, the parameter and the moment."""
    tensors = {}
    for place, update in enumerate(updates):
        for index, moments in update.optimiser.state_dict()["state"].items():
            tensors |= {f"{place}.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return tensors


def load_optimisers(updates: list[Update], tensors: dict[str, Tensor]) -> None:
    """Load the result of `optimiser_tensors`."""
    states: list[dict] = [{} for _ in updates]
    for full, tensor in tensors.items():
        place, index, name = full.split(".", 2)
        states[int(place)].setdefault(int(index), {})[name] = tensor
    for update, state in zip(updates, states, strict=True):
        update.optimiser.load_state_dict({**update.optimiser.state_dict(), "state": state})

"""One training in several processes, started by `torchrun`: each takes a part of every batch; gradients are summed.

The loss is a mean over targets, so each part counts by its share of them: the sum is the gradient of the whole batch,
and without dropout the training is that of one process. Rank 0 alone writes, logs and evaluates; the others follow it.
"""
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from workbench.errors import UserError
from workbench.interruption import ignore_signals

LOST = "a process of this training died; the same command resumes from the last checkpoint"
_calls: list[float] = []  # whether rank 0 has called the others


def size() -> int:
    """Number of processes that train together; 1 unless torchrun started more."""
    return int(os.environ.get("WORLD_SIZE", 1)) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def rank() -> int:
    """The number of this process among them; 0 leads."""
    return int(os.environ["RANK"]) if size() > 1 else 0


@cache
def _join() -> None:
    """Connect this process to the others, once."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("gloo", timeout=timedelta(days=7))  # a process that dies is noticed at once


def _together(operation: Callable, tensor: Any, **options: Any) -> Any:
    """Do one collective operation on a tensor, which it changes. UserError where a process is lost."""
    _join()
    try:
        operation(tensor, **options)
    except RuntimeError as error:  # of gloo, which has no class of its own
        ignore_signals()  # torchrun sends them as well, to what is ending already
        raise UserError(LOST, code=1) from error
    return tensor


def _from_rank_0(number: float) -> float:
    import torch

    return _together(torch.distributed.broadcast, torch.tensor([number], dtype=torch.float64), src=0).item()


def called() -> bool:
    """Whether this process has to do something: rank 0 has; the others wait until it trains, or ends without."""
    return rank() == 0 or _from_rank_0(0.0) > 0


def call() -> None:
    """Called by rank 0 before it trains, once all that the others need is stored: they begin now."""
    if size() > 1 and rank() == 0 and not _calls:
        _calls.append(_from_rank_0(1.0))


@contextmanager
def leading() -> Iterator[None]:
    """Around the work of rank 0: if it has not called the others, they end with the block."""
    try:
        yield
    finally:
        if size() > 1 and rank() == 0 and not _calls:
            _from_rank_0(0.0)


def speaks(error: BaseException) -> bool:
    """Whether this process shows an error: rank 0 does, and of two the one that is left."""
    return rank() == 0 or (size() == 2 and str(error) == LOST)


@dataclass
class Ranks:
    """The processes of one training. weight: of a part of a batch, the number of its targets. save: writes a checkpoint
    of the last whole step, when another process is lost."""

    weight: Callable[[Any], float]
    save: Callable[[], None]

    def any(self, value: bool) -> bool:
        """Whether it is true in any process; called by all of them."""
        import torch

        return self._sum(torch.tensor([float(value)])).item() > 0

    def gradients(self, update, batch: Any, step: int, *, first: bool) -> float:
        """Compute the gradients of an update's loss over the whole batch, and return that loss. update: of
        train.turns. first: whether the step has changed nothing yet."""
        import torch

        part, parameters = batch[rank() :: size()], update.parameters
        share = self.weight(part) / self.weight(batch) if len(part) else 0.0
        loss = 0.0
        if share:
            value = update.turn.loss(part, step) * share
            value.backward(inputs=update.inputs)
            loss = value.item()
        head = self._sum(torch.tensor([loss, *(p.grad is not None for p in parameters)], dtype=torch.float64), first)
        used = [p for p, count in zip(parameters, head[1:].tolist()) if count]  # by any: the same in every process
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in used]
        flat = self._sum(torch.cat([grad.flatten() for grad in grads]), first)
        for p, grad in zip(used, flat.split([p.numel() for p in used])):
            p.grad = grad.view_as(p)
        return head[0].item()

    def validate(self, validate: Callable[[], dict[str, float]], monitor: str) -> dict[str, float]:
        """The metrics as rank 0 measures them; the others learn the one that is monitored."""
        metrics = validate() if rank() == 0 else {}
        return metrics | {monitor: _from_rank_0(metrics.get(monitor, math.nan))}

    def _sum(self, tensor: Any, whole: bool = True) -> Any:
        """The sum over all processes. whole: whether the training is between two steps, so that it can be saved."""
        import torch

        try:
            return _together(torch.distributed.all_reduce, tensor)
        except UserError:
            if whole:
                self.save()
            raise

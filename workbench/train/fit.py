"""The training loop shared by all torch systems, with validation, early stopping, checkpoints and resuming.

Every random stream is named by (seed, epoch or step), so the weights of a resumed run are bit for bit those of an
uninterrupted run at the same number of threads.
"""
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from workbench.errors import UserError
from workbench.progress import Progress
from workbench.train import checkpoint
from workbench.train.recipe import Recipe
from workbench.train.rng import derive_seed

SAVE_EVERY = 60.0  # seconds between checkpoints inside a long epoch
TIMED_AFTER = 2.0  # seconds of training from which the time of an epoch is estimated
LONG_EPOCH = 120.0  # seconds; the estimate for a longer one is a warning
log = logging.getLogger("workbench")


@dataclass(frozen=True)
class TrainingSession:
    """What a recommender needs for training: hyperparameters, seed, device, validation and a checkpoint folder.

    validate: maps the recommender to its validation metrics; None trains all epochs and keeps the last weights.
    folder: where checkpoints are written during training; None writes none, so the training cannot be resumed.
    about: what checkpoints say about the training, such as the command that goes on with it.
    """

    recipe: Recipe
    seed: int = 0
    device: str = "cpu"
    validate: Callable[[Any], dict[str, float]] | None = None
    folder: Path | None = None
    about: dict[str, str] | None = None


@dataclass
class TrainingState:
    """Progress of a training, without its tensors. best: the best validation score; bad: validations since then."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best: float = -math.inf
    bad: int = 0
    seconds: float = 0.0
    curve: list[dict] = field(default_factory=list)


def fit(
    module: torch.nn.Module,
    batches: Callable[[int], Sequence],
    loss: Callable[[Any, int], torch.Tensor],
    session: TrainingSession,
    *,
    validate: Callable[[], dict[str, float]] | None = None,
) -> list[dict]:
    """Train `module` and leave it with its best weights. Returns the learning curve, one dict per epoch.

    batches(epoch): the batches of an epoch, a function of (seed, epoch) alone. loss(batch, step): a scalar; it may use
    random streams named by step. Dropout uses torch's global generator, which is seeded here by step.
    A checkpoint is written after each epoch, every SAVE_EVERY seconds, and on Ctrl-C or SIGTERM (then
    KeyboardInterrupt is raised); a later call with the same session resumes from it.
    UserError, naming step, learning rate and the first non-finite tensor, if the loss is not finite.
    """
    recipe, state = session.recipe, TrainingState()
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=recipe.lr, betas=(0.9, recipe.beta2), weight_decay=recipe.weight_decay,
        fused=session.device != "mps",
    )
    best = {name: t.detach().clone() for name, t in module.state_dict().items()}
    _resume(session, module, optimiser, state, best)
    saved_at = started = time.monotonic()
    earlier_seconds, first_step, timed = state.seconds, state.step, False
    total = recipe.epochs * len(batches(0))
    rate = learning_rate(recipe, total)
    with torch.random.fork_rng(), interruptible() as stopped, Progress("train", total, done=state.step) as progress:
        while state.epoch < recipe.epochs and state.bad < recipe.patience:
            module.train()
            epoch_batches = batches(state.epoch)
            while state.batch < len(epoch_batches):
                value = _step(module, optimiser, loss, epoch_batches[state.batch], state.step, session, rate)
                state.batch, state.step, state.loss_sum = state.batch + 1, state.step + 1, state.loss_sum + value
                state.seconds = earlier_seconds + time.monotonic() - started
                progress.step(note=_note(state, recipe))
                if not timed and state.seconds - earlier_seconds > TIMED_AFTER:
                    timed = True
                    step_seconds = (state.seconds - earlier_seconds) / (state.step - first_step)
                    _warn_of_time(step_seconds, len(epoch_batches), recipe.epochs - state.epoch)
                if stopped.is_set() or time.monotonic() - saved_at > SAVE_EVERY:
                    _save(session, module, optimiser, state, best)
                    saved_at = time.monotonic()
                if stopped.is_set():
                    raise KeyboardInterrupt(f"stopped at step {state.step}; the same call resumes from here")
            _end_of_epoch(module, recipe, state, best, validate)
            _save(session, module, optimiser, state, best)
            saved_at = time.monotonic()
            if stopped.is_set():
                raise KeyboardInterrupt(f"stopped after epoch {state.epoch}; the same call resumes from here")
    if validate is not None:
        module.load_state_dict(best)
    module.eval()
    return state.curve


def learning_rate(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """The learning-rate schedule: maps a step to its rate, for a training of at most `steps` steps.

    >>> rate = learning_rate(Recipe(lr=1.0, warmup=2, schedule="linear"), 10)
    >>> [rate(step) for step in (0, 1, 5, 9, 10)]
    [0.5, 0.9, 0.5, 0.1, 0.1]
    """

    def rate(step: int) -> float:
        warmup = (step + 1) / recipe.warmup if recipe.warmup else 1.0
        decay = 1 - min(step, steps - 1) / steps if recipe.schedule == "linear" else 1.0
        return recipe.lr * round(min(1.0, warmup, decay), 9)

    return rate


def _step(module, optimiser, loss, batch, step: int, session: TrainingSession, rate: Callable[[int], float]) -> float:
    """One update; returns the loss."""
    recipe = session.recipe
    torch.manual_seed(derive_seed(session.seed, "dropout", step))
    for group in optimiser.param_groups:
        group["lr"] = rate(step)
    optimiser.zero_grad(set_to_none=True)
    value = loss(batch, step)
    value.backward()
    number = value.item()
    if not math.isfinite(number):
        raise UserError(_diagnosis(module, number, step, optimiser.param_groups[0]["lr"], session.folder), code=1)
    if recipe.clip:
        torch.nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
    optimiser.step()
    return number


def _end_of_epoch(module, recipe: Recipe, state: TrainingState, best: dict, validate) -> None:
    """Validate if due, keep the best weights, and count validations without improvement."""
    state.epoch += 1
    row = {"epoch": state.epoch, "step": state.step, "seconds": state.seconds, "loss": state.loss_sum / state.batch}
    state.batch, state.loss_sum = 0, 0.0
    due = state.epoch % recipe.valid_every == 0 or state.epoch == recipe.epochs
    if validate is None or not due:
        state.curve.append(row)
        return
    module.eval()
    row |= validate()
    state.curve.append(row)
    if row[recipe.monitor] > state.best:
        state.best, state.bad = row[recipe.monitor], 0
        best.update({name: t.detach().clone() for name, t in module.state_dict().items()})
    else:
        state.bad += 1


def _warn_of_time(step: float, steps: int, epochs: int) -> None:
    """Say what an epoch takes once its first steps are timed, where that is long. step: seconds."""
    if step * steps >= LONG_EPOCH:
        log.warning("an epoch takes about %.0f min (%d steps of %.2g s), all %d of them up to %.3g h",
                    step * steps / 60, steps, step, epochs, epochs * step * steps / 3600)  # fmt: skip


def _note(state: TrainingState, recipe: Recipe) -> str:
    best = f", best {recipe.monitor} {state.best:.4f}" if state.best > -math.inf else ""
    return f"epoch {state.epoch + 1}/{recipe.epochs}, loss {state.loss_sum / state.batch:.3f}{best}"


def _diagnosis(module: torch.nn.Module, loss: float, step: int, lr: float, folder: Path | None) -> str:
    """The error message for a loss that is not finite."""
    newest = checkpoint.newest_step(folder) if folder else None
    kept = "there is no checkpoint yet" if newest is None else f"the checkpoint of step {newest} is kept"
    with_grad = [(name, p.grad) for name, p in module.named_parameters() if p.grad is not None]
    norm = torch.stack([grad.norm() for _, grad in with_grad]).norm().item() if with_grad else math.nan
    tensors = [(f"parameter {name}", p) for name, p in module.named_parameters()]
    tensors += [(f"gradient of {name}", grad) for name, grad in with_grad]
    bad = next((name for name, tensor in tensors if not tensor.isfinite().all()), "none")
    return (
        f"the loss is {loss} at step {step} (learning rate {lr:.2g}, gradient norm {norm:.3g}, first tensor "
        f"that is not finite: {bad}). Lower lr or set clip; {kept}"
    )


def _save(session: TrainingSession, module, optimiser, state: TrainingState, best: dict) -> None:
    if session.folder is None:
        return
    tensors = {f"model.{n}": t for n, t in module.state_dict().items()} | {f"best.{n}": t for n, t in best.items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    info = {**vars(state), "best": state.best if math.isfinite(state.best) else None}
    checkpoint.save(session.folder, state.step, tensors, info, about=session.about)


def _resume(session: TrainingSession, module, optimiser, state: TrainingState, best: dict) -> None:
    saved = checkpoint.load_newest(session.folder) if session.folder is not None else None
    if saved is None:
        return

    def with_prefix(prefix: str) -> dict[str, torch.Tensor]:
        return {n.removeprefix(prefix): t for n, t in saved.tensors.items() if n.startswith(prefix)}

    module.load_state_dict(with_prefix("model."))
    best.update({name: t.to(best[name].device) for name, t in with_prefix("best.").items()})
    moments: dict[int, dict] = {}
    for name, tensor in with_prefix("optimiser.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    vars(state).update(saved.info)
    state.best = -math.inf if state.best is None else state.best


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event set by Ctrl-C or SIGTERM, so that the current step is finished and saved first; a second one stops
    immediately. Outside the main thread, signal handlers are unchanged."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: Any) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

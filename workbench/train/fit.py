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
from pathlib import Path
from typing import Any

import torch

from workbench.errors import UserError
from workbench.progress import Progress
from workbench.train import checkpoint, distributed
from workbench.train.distributed import Ranks
from workbench.train.recipe import Recipe
from workbench.train.rng import derive_seed
from workbench.train.session import TrainingSession
from workbench.train.state import Training, TrainingState
from workbench.train.turns import Turn, frozen, make_updates, take_step

SAVE_EVERY = 60.0  # seconds between checkpoints inside a long epoch
TIMED_AFTER = 2.0  # seconds of training from which the time of an epoch is estimated
LONG_EPOCH = 120.0  # seconds; the estimate for a longer one is a warning
log = logging.getLogger("workbench")


def fit(
    module: torch.nn.Module,
    batches: Callable[[int], Sequence],
    loss: Callable[[Any, int], torch.Tensor] | None,
    session: TrainingSession,
    *,
    validate: Callable[[], dict[str, float]] | None = None,
    trainable: str | Sequence[str] = "*",
    turns: Sequence[Turn] = (),
    each_epoch: Callable[[int], None] | None = None,
    weight: Callable[[Any], float] | None = None,
) -> list[dict]:
    """Train `module` and leave it with its best weights. Returns the learning curve, one dict per epoch.

    batches(epoch): the batches of an epoch, a function of (seed, epoch) alone. loss(batch, step): a scalar; it may use
    random streams named by step. Dropout uses torch's global generator, which is seeded here by step.
    trainable: a glob over parameter names, such as "adapter.*", or several: the others are frozen. turns: instead of a
    loss, the updates that each step consists of. each_epoch(epochs so far): renews what is derived from the weights,
    such as codes, clusters or a graph, after each epoch and before validation. It must keep that in buffers of
    `module`, as best weights and checkpoints hold its trained parameters and all of its buffers.
    weight(batch): the number of targets whose mean the loss is, for a training in several processes (torchrun); a batch
    is then an array of rows, of which each process takes its part.
    A checkpoint is written after each epoch, every SAVE_EVERY seconds, and on Ctrl-C or SIGTERM (then
    KeyboardInterrupt is raised); a later call with the same session resumes from it.
    UserError under torchrun without a weight; for a glob that matches no parameter; and, naming step, learning rate and
    the first non-finite tensor, if the loss is not finite.
    """
    if (loss is None) == (not turns) or (turns and trainable != "*"):
        raise UserError("fit needs a loss, of which trainable= says what it trains, or else turns=[Turn(loss, ...)]")
    if distributed.size() > 1 and weight is None:
        raise UserError("this system cannot be trained in several processes: start it without torchrun", code=1)
    updates = make_updates(module, turns or [Turn(loss, trainable)], session.recipe, session.device)
    try:
        with frozen(module, updates) as names:
            training = Training(session, module, names, updates)
            training.keep_weights()
            training.resume()
            with torch.random.fork_rng():
                _train(training, batches, validate, each_epoch, weight)
            if validate is not None:
                training.restore_best()
    except BaseException:
        session.phases.clear()  # the training ends here: the same session may begin it again
        raise
    module.eval()
    return training.state.curve


def _train(training: Training, batches, validate, each_epoch, weight) -> None:
    """The steps and epochs that are still to be done."""
    session, state = training.session, training.state
    ranks = Ranks(weight, training.save) if distributed.size() > 1 else None
    recipe, total = session.recipe, session.recipe.epochs * len(batches(0))
    rate, clock = learning_rate(recipe, total), _Clock(state)
    name = f"train {session.name}".rstrip()
    with interruptible() as stopped, Progress(name, total, done=state.step) as progress:
        while state.epoch < recipe.epochs and state.bad < recipe.patience:
            training.module.train()
            epoch_batches = batches(state.epoch)
            while state.batch < len(epoch_batches):
                batch = epoch_batches[state.batch]
                losses = take_step(training.updates, batch, state.step, session, rate(state.step), ranks)
                if not math.isfinite(sum(losses)):
                    message = _diagnosis(training.module, losses[-1], state.step, rate(state.step), session.folder)
                    raise UserError(message, code=1)
                state.add(losses, clock.seconds())
                progress.step(note=_note(state, recipe))
                clock.warn_of_time(state, len(epoch_batches), recipe.epochs)
                stop = stopped.is_set() if ranks is None else ranks.any(stopped.is_set())
                if stop or clock.save_is_due():
                    training.save()
                    clock.saved()
                if stop:
                    raise KeyboardInterrupt(f"stopped at step {state.step}; the same call resumes from here")
            if ranks is not None:
                training.save()  # a process that dies from here on is noticed after validation
            _end_of_epoch(training, validate, each_epoch, ranks)
            training.save()
            clock.saved()
            if stopped.is_set() if ranks is None else ranks.any(stopped.is_set()):
                raise KeyboardInterrupt(f"stopped after epoch {state.epoch}; the same call resumes from here")


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


def _end_of_epoch(training: Training, validate, each_epoch, ranks: Ranks | None) -> None:
    """Renew what is derived, validate if due, keep the best weights, and count validations without improvement."""
    recipe, state, module = training.session.recipe, training.state, training.module
    row = state.end_epoch()
    if each_epoch is not None:
        module.eval()
        torch.manual_seed(derive_seed(training.session.seed, "each epoch", state.epoch))
        each_epoch(state.epoch)
    state.curve.append(row)
    if validate is None or (state.epoch % recipe.valid_every and state.epoch < recipe.epochs):
        return
    module.eval()
    row |= validate() if ranks is None else ranks.validate(validate, recipe.monitor)
    if row[recipe.monitor] > state.best:
        state.best, state.bad = row[recipe.monitor], 0
        training.keep_weights()
    else:
        state.bad += 1


class _Clock:
    """The time of a training: what steps take, and when a checkpoint is due."""

    def __init__(self, state: TrainingState):
        self.started = self.saved_at = time.monotonic()
        self.earlier_seconds, self.first_step, self.timed = state.seconds, state.step, False

    def seconds(self) -> float:
        """Seconds of training, over all resumptions."""
        return self.earlier_seconds + time.monotonic() - self.started

    def saved(self) -> None:
        """Note that a checkpoint was written."""
        self.saved_at = time.monotonic()

    def save_is_due(self) -> bool:
        """Whether the last checkpoint is older than SAVE_EVERY."""
        return time.monotonic() - self.saved_at > SAVE_EVERY

    def warn_of_time(self, state: TrainingState, steps: int, epochs: int) -> None:
        """Once the first steps are timed: say what an epoch of `steps` takes, where that is long."""
        seconds = state.seconds - self.earlier_seconds
        if not self.timed and seconds > TIMED_AFTER:
            self.timed = True
            _warn_of_time(seconds / (state.step - self.first_step), steps, epochs - state.epoch)


def _warn_of_time(step: float, steps: int, epochs: int) -> None:
    """Say what an epoch takes where that is long. step: seconds."""
    if step * steps >= LONG_EPOCH:
        log.warning("an epoch takes about %.0f min (%d steps of %.2g s), all %d of them up to %.3g h",
                    step * steps / 60, steps, step, epochs, epochs * step * steps / 3600)  # fmt: skip


def _note(state: TrainingState, recipe: Recipe) -> str:
    best = f", best {recipe.monitor} {state.best:.4f}" if state.best > -math.inf else ""
    return f"epoch {state.epoch + 1}/{recipe.epochs}, loss {sum(state.losses) / state.batch:.3f}{best}"


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
            if signal.getsignal(number) is stop:  # not where signals are ignored from now on
                signal.signal(number, handler)

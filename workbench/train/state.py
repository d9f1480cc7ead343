"""What a checkpoint holds: the progress of a training, the weights it changes, the best ones, and its optimisers."""
import math
from dataclasses import dataclass, field

from torch import Tensor, nn

from workbench.errors import UserError
from workbench.train import checkpoint, distributed
from workbench.train.session import TrainingSession
from workbench.train.turns import Update, load_optimisers, optimiser_tensors


@dataclass
class TrainingState:
    """Progress of a training, without its tensors. losses: the sum over the epoch's batches of each turn's loss. best:
    the best validation score; bad: validations since then."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    best: float = -math.inf
    bad: int = 0
    seconds: float = 0.0
    curve: list[dict] = field(default_factory=list)

    def add(self, losses: list[float], seconds: float) -> None:
        """Count a step that is done."""
        self.losses = [a + b for a, b in zip(self.losses, losses)] if self.batch else losses
        self.batch, self.step, self.seconds = self.batch + 1, self.step + 1, seconds

    def end_epoch(self) -> dict:
        """Count an epoch that is done; its row of the learning curve. With several turns, loss is the sum of theirs."""
        means = [total / self.batch for total in self.losses]
        row = {"epoch": self.epoch + 1, "step": self.step, "seconds": self.seconds, "loss": sum(means)}
        if len(means) > 1:
            row |= {f"loss/{turn}": mean for turn, mean in enumerate(means, 1)}
        self.epoch, self.batch, self.losses = self.epoch + 1, 0, []
        return row


def weights(module: nn.Module, frozen: set[str]) -> dict[str, Tensor]:
    """The parameters that are trained, and all buffers."""
    return {name: tensor for name, tensor in module.state_dict().items() if name not in frozen}


def load_weights(module: nn.Module, tensors: dict[str, Tensor], frozen: set[str], source: object) -> None:
    """Load the result of `weights`; buffers may have another shape. UserError, naming `source`, if they are others."""
    if tensors.keys() != weights(module, frozen).keys():
        names = ", ".join(sorted(tensors.keys() ^ weights(module, frozen).keys())[:3])
        raise UserError(f"{source} is of another training: it differs in {names}. Delete that folder to train anew")
    for name, buffer in module.named_buffers():
        if name in tensors and buffer.shape != tensors[name].shape:
            owner, _, own_name = name.rpartition(".")
            setattr(module.get_submodule(owner), own_name, tensors[name].to(buffer.device, copy=True))
    module.load_state_dict(tensors, strict=not frozen)


@dataclass
class Training:
    """A training under way. frozen: names of the parameters that are not trained. best: the best weights, by name."""

    session: TrainingSession
    module: nn.Module
    frozen: set[str]
    updates: list[Update]
    state: TrainingState = field(default_factory=TrainingState)
    best: dict[str, Tensor] = field(default_factory=dict)

    def keep_weights(self) -> None:
        """Keep a copy of the weights as they are now as the best ones."""
        self.best = {name: t.detach().clone() for name, t in weights(self.module, self.frozen).items()}

    def restore_best(self) -> None:
        """Load the best weights into the module."""
        load_weights(self.module, self.best, self.frozen, "best")

    def save(self) -> None:
        """Write a checkpoint, if the session has a folder and this process leads."""
        if self.session.folder is None or distributed.rank():
            return
        current = weights(self.module, self.frozen)
        parts = {"model": current, "best": self.best, "optimiser": optimiser_tensors(self.updates)}
        tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
        info = {**vars(self.state), "best": self.state.best if math.isfinite(self.state.best) else None}
        checkpoint.save(self.session.folder, self.state.step, tensors, info, about=self.session.about)

    def resume(self) -> None:
        """Continue from the newest checkpoint, if there is one. UserError if it is of another training."""
        saved = checkpoint.load_newest(self.session.folder) if self.session.folder is not None else None
        if saved is None:
            return

        def part(name: str) -> dict[str, Tensor]:
            return {n.removeprefix(f"{name}."): t for n, t in saved.tensors.items() if n.startswith(f"{name}.")}

        load_weights(self.module, part("model"), self.frozen, self.session.folder)
        self.best = {name: tensor.to(self.session.device) for name, tensor in part("best").items()}
        load_optimisers(self.updates, part("optimiser"))
        vars(self.state).update(saved.info)
        self.state.best = -math.inf if self.state.best is None else self.state.best

"""The training loop: epochs over shared batches for one or several sparse autoencoders or transcoders."""
import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.dictionaries.autograd_saes import AutogradStep
from workbench.probing.dictionaries.topk import SparseStep
from workbench.progress import track
from workbench.train.rng import derive_seed

DEAD_AFTER = 2  # epochs without activation after which a latent counts as dead
LR_DECAY = 0.2  # the last fraction of training, over which the learning rate decays linearly to 0
THRESHOLD_MOMENTUM = 0.99  # of the running mean of BatchTopK's threshold


class TrainingState:
    """One autoencoder during training. params: updated in place. curve: a dict per epoch. threshold: running mean of
    the smallest active value."""

    def __init__(
        self, params: dict[str, Tensor], loss_step: SparseStep | AutogradStep, *, lr: float, frozen: bool = False
    ):
        """frozen: keep the decoder directions fixed."""
        self.params, self.loss_step, self.lr, self.frozen = params, loss_step, lr, frozen
        learned = [tensor for name, tensor in params.items() if not (frozen and name == "D")]
        self.optimizer = torch.optim.Adam(learned, lr=lr, fused=True)
        latents = len(params["D"])
        self.epochs_inactive, self.activations = torch.zeros(latents), torch.zeros(latents)
        self.curve: list[dict] = []
        self.threshold, self.loss, self.started = 0.0, 0.0, False

    def update(self, x: Tensor, y: Tensor, lr_factor: float) -> None:
        """One optimizer step on inputs x (B, D) and targets y (B, E), with the learning rate times lr_factor."""
        D = self.params["D"]
        loss, active, smallest = self.loss_step(x, y, self.params, self.epochs_inactive >= DEAD_AFTER)
        D.grad -= (D.grad * D).sum(1, keepdim=True) * D  # the component along a direction would only change its norm
        self.optimizer.param_groups[0]["lr"] = self.lr * lr_factor
        self.optimizer.step()
        if not self.frozen:
            D /= D.norm(dim=1, keepdim=True)
        self.activations.index_add_(0, active, torch.ones(len(active)))
        momentum = THRESHOLD_MOMENTUM
        self.threshold = momentum * self.threshold + (1 - momentum) * smallest if self.started else smallest
        self.loss, self.started = self.loss + loss, True

    def end_epoch(self, epoch: int, batches: int) -> None:
        """Append to the learning curve. Raises UserError if the loss is not finite."""
        if not np.isfinite(self.loss):
            raise UserError(f"the autoencoder's loss is not a number in epoch {epoch}; lower lr, now {self.lr}")
        self.epochs_inactive = torch.where(self.activations > 0, 0.0, self.epochs_inactive + 1)
        dead = float((self.epochs_inactive >= min(DEAD_AFTER, epoch)).float().mean())
        self.curve.append({"epoch": epoch, "fvu": self.loss / batches, "dead": dead})
        self.activations.zero_()
        self.loss = 0.0


def train_jointly(
    rows: Tensor, targets: Tensor, states: list[TrainingState], *, epochs: int, batch: int, seed: int
) -> None:
    """Train all states on the same batches of rows (n, D) and targets (n, E); for an autoencoder, targets are rows."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "sae order"))
    batches, done = max(1, len(rows) // batch), 0
    for epoch in track(range(1, epochs + 1), "sparse autoencoder", unit="epochs"):
        for index in torch.randperm(len(rows), generator=generator).tensor_split(batches):
            x = rows[index]
            y = x if targets is rows else targets[index]
            lr_factor = min(1.0, (1 - done / (epochs * batches)) / LR_DECAY)
            for state in states:
                state.update(x, y, lr_factor)
            done += 1
        for state in states:
            state.end_epoch(epoch, batches)


def checked_curve(state: TrainingState, kind: str) -> list[dict]:
    """The learning curve. Raises UserError if all latents are dead."""
    if state.curve[-1]["dead"] == 1:
        raise UserError(f"{kind}: all {len(state.activations)} latents are dead after {len(state.curve)} epochs; lower "
                        "lr or raise k", code=3)  # fmt: skip
    return state.curve

"""What is trained, and how: epochs over the same batches for one or several sparse autoencoders or transcoders."""
import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.dictionaries.autograd_saes import AutogradStep
from workbench.probing.dictionaries.topk import SparseStep
from workbench.progress import track
from workbench.train.rng import derive

ASLEEP = 2  # epochs without firing after which a latent counts as dead
DECAY = 0.2  # the last part of the training, over which the step size falls to nothing
MEMORY = 0.99  # of the running mean of BatchTopK's threshold


class Learner:
    """An autoencoder while it is trained. params: changed in place. curve: a dict an epoch. threshold: running mean of
    the smallest value that was kept."""

    def __init__(self, params: dict[str, Tensor], step: SparseStep | AutogradStep, *, lr: float, frozen: bool = False):
        self.params, self.step, self.lr, self.frozen = params, step, lr, frozen
        learned = [tensor for name, tensor in params.items() if not (frozen and name == "D")]
        self.optimizer = torch.optim.Adam(learned, lr=lr, fused=True)
        latents = len(params["D"])
        self.slept, self.fired = torch.zeros(latents), torch.zeros(latents)
        self.curve: list[dict] = []
        self.threshold, self.loss, self.begun = 0.0, 0.0, False

    def learn(self, x: Tensor, y: Tensor, share: float) -> None:
        """One step on rows x (B, D) and what is to be made of them y (B, E), with this share of the step size."""
        D = self.params["D"]
        value, latents, smallest = self.step(x, y, self.params, self.slept >= ASLEEP)
        D.grad -= (D.grad * D).sum(1, keepdim=True) * D  # along a direction, only its length could change
        self.optimizer.param_groups[0]["lr"] = self.lr * share
        self.optimizer.step()
        if not self.frozen:
            D /= D.norm(dim=1, keepdim=True)
        self.fired.index_add_(0, latents, torch.ones(len(latents)))
        self.threshold = MEMORY * self.threshold + (1 - MEMORY) * smallest if self.begun else smallest
        self.loss, self.begun = self.loss + value, True

    def close(self, epoch: int, batches: int) -> None:
        """The end of an epoch. UserError where the loss is not a number."""
        if not np.isfinite(self.loss):
            raise UserError(f"the autoencoder's loss is not a number in epoch {epoch}; lower lr, now {self.lr}")
        self.slept = torch.where(self.fired > 0, 0.0, self.slept + 1)
        dead = float((self.slept >= min(ASLEEP, epoch)).float().mean())
        self.curve.append({"epoch": epoch, "fvu": self.loss / batches, "dead": dead})
        self.fired.zero_()
        self.loss = 0.0


def run(rows: Tensor, targets: Tensor, learners: list[Learner], *, epochs: int, batch: int, seed: int) -> None:
    """Train all learners on the same batches of rows (n, D) and targets (n, E); an autoencoder's targets are its
    rows."""
    generator = torch.Generator().manual_seed(derive(seed, "sae order"))
    batches, done = max(1, len(rows) // batch), 0
    for epoch in track(range(1, epochs + 1), "sparse autoencoder", unit="epochs"):
        for index in torch.randperm(len(rows), generator=generator).tensor_split(batches):
            x = rows[index]
            y = x if targets is rows else targets[index]
            share = min(1.0, (1 - done / (epochs * batches)) / DECAY)
            for learner in learners:
                learner.learn(x, y, share)
            done += 1
        for learner in learners:
            learner.close(epoch, batches)


def alive(made: Learner, form: str) -> list[dict]:
    """The curve of a learner. UserError where all its latents died."""
    if made.curve[-1]["dead"] == 1:
        raise UserError(f"{form}: all {len(made.fired)} latents are dead after {len(made.curve)} epochs; lower lr or "
                        "raise k", code=3)  # fmt: skip
    return made.curve

"""Train sparse autoencoders on activations, in epochs, with what keeps latents alive, and export them."""
import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, unknown
from workbench.probe.dictionary import Dictionary
from workbench.probe.forms import LOSSES, AutogradStep, extra, plain
from workbench.probe.topk import THRESHOLDS, SparseStep, batch_threshold, row_threshold
from workbench.progress import track
from workbench.train.rng import derive

log = logging.getLogger("workbench")
FORMS = (*THRESHOLDS, *LOSSES)
ASLEEP = 2  # epochs without firing after which a latent counts as dead
DECAY = 0.2  # the last part of the training, over which the step size falls to nothing
SAMPLE = 8192  # rows by which the encoder's start is matched
MEMORY = 0.99  # of the running mean of BatchTopK's threshold


def train(
    x: np.ndarray, *, form: str = "topk", latents: int = 0, k: int = 8, epochs: int = 50, batch: int = 4096,
    lr: float = 1e-3, auxk: float = 1 / 32, frozen_decoder: bool = False, seed: int = 0,
) -> Dictionary:  # fmt: skip
    """A sparse autoencoder of activations x (n, D), exported for raw activations.

    form: topk keeps the k largest latents of a row (Gao et al., arXiv:2406.04093), batchtopk k a row on average over a
    batch (Bussmann et al., arXiv:2412.06410; exported with a threshold), relu, gated, jumprelu and matryoshka as in
    `forms`. latents: 8 D if 0. auxk: the weight of the loss that wakes dead latents of topk and batchtopk, 0 for none.
    frozen_decoder: the control that learns an encoder for random directions.
    `about` of what is returned holds these settings and, for each epoch, fvu and the share of dead latents.

    Rows are centred and scaled to a mean length of sqrt(D); directions have length 1 after every step.
    UserError on a bad setting, NaN, constant activations, or fewer rows than latents.
    """
    latents = latents or 8 * x.shape[1]
    settings = {"form": form, "latents": latents, "k": k, "epochs": epochs, "batch": batch, "lr": lr, "auxk": auxk,
                "frozen_decoder": frozen_decoder, "seed": seed}  # fmt: skip
    rows, mean, scale = prepared(x, form, latents, k)
    params, variance = start(rows, form, latents, k, seed), float(rows.square().sum() / len(rows))
    if form in LOSSES:
        step = AutogradStep(form, k, variance)
    else:
        step = SparseStep(form, k, variance, auxk=auxk, aux_latents=max(1, x.shape[1] // 2))
    curve, threshold = run(rows, params, step, epochs=epochs, batch=batch, lr=lr, frozen=frozen_decoder, seed=seed)
    if curve[-1]["dead"] == 1:
        raise UserError(f"{form}: all {latents} latents are dead after {epochs} epochs; lower lr or raise k", code=3)
    about = settings | {"curve": curve}
    return export(params, mean, scale, form=form, k=k, threshold=threshold, about=about)


def prepared(x: np.ndarray, form: str, latents: int, k: int) -> tuple[Tensor, Tensor, float]:
    """Rows (n, D) centred and scaled, and the mean (D,) and scale that did it."""
    if form not in FORMS:
        raise unknown("form of autoencoder", form, FORMS)
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(1).sum())
        raise UserError(f"{bad:,} of {len(x):,} activations are NaN or infinite", code=3)
    if not 1 <= k <= latents:
        raise UserError(f"k={k}: must be between 1 and the {latents} latents")
    if len(x) < latents:
        raise UserError(f"{len(x):,} activations for {latents:,} latents; give more rows, or latents={len(x)} or fewer")
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    rows = torch.from_numpy(x - mean)
    size = float(rows.norm(dim=1).mean())
    if size < 1e-12:
        raise UserError("all activations are equal; there is nothing to take apart at this site", code=3)
    if k * 4 > x.shape[1]:
        log.warning("k=%d of %d dimensions is hardly sparse; the one to beat is a PCA of as many", k, x.shape[1])
    scale = x.shape[1] ** 0.5 / size
    return rows * scale, torch.from_numpy(mean), scale


def start(rows: Tensor, form: str, latents: int, k: int, seed: int) -> dict[str, Tensor]:
    """Random directions of length 1, an encoder that is a multiple of them, no biases. The multiple is the one whose
    reconstruction of a sample is best, because correlated latents overshoot: it decides how training ends."""
    generator = torch.Generator().manual_seed(derive(seed, "sae"))
    D = F.normalize(torch.randn(latents, rows.shape[1], generator=generator), dim=1)
    some = rows[torch.randperm(len(rows), generator=generator)[:SAMPLE]]
    u = some @ D.T
    z = torch.where(u > THRESHOLDS.get(form, row_threshold)(u, k).clamp_min(0), u, 0.0)
    guess = z @ D
    c = float((guess * some).sum() / guess.square().sum().clamp_min(1e-12))
    begun = {"W": c * D, "b": torch.zeros(latents), "D": D, "c": torch.zeros(rows.shape[1])}
    return begun | extra(form, latents, max(1e-6, c * float(batch_threshold(u, k))))


def run(
    rows: Tensor, params: dict[str, Tensor], step: SparseStep | AutogradStep, *, epochs: int, batch: int, lr: float,
    frozen: bool, seed: int,
) -> tuple[list[dict], float]:  # fmt: skip
    """Train in place. Returns the curve, and the running mean of the smallest value that was kept."""
    D = params["D"]
    learned = [tensor for name, tensor in params.items() if not (frozen and name == "D")]
    optimizer = torch.optim.Adam(learned, lr=lr, fused=True)
    generator = torch.Generator().manual_seed(derive(seed, "sae order"))
    batches = max(1, len(rows) // batch)
    slept, curve, threshold, done = torch.zeros(len(D)), [], 0.0, 0
    for epoch in track(range(1, epochs + 1), "sparse autoencoder", unit="epochs"):
        fired, loss = torch.zeros(len(D)), 0.0
        for index in torch.randperm(len(rows), generator=generator).tensor_split(batches):
            value, latents, smallest = step(rows[index], params, slept >= ASLEEP)
            D.grad -= (D.grad * D).sum(1, keepdim=True) * D  # along a direction, only its length could change
            optimizer.param_groups[0]["lr"] = lr * min(1.0, (1 - done / (epochs * batches)) / DECAY)
            optimizer.step()
            if not frozen:
                D /= D.norm(dim=1, keepdim=True)
            fired.index_add_(0, latents, torch.ones(len(latents)))
            threshold = smallest if not done else MEMORY * threshold + (1 - MEMORY) * smallest
            loss, done = loss + value / batches, done + 1
        if not np.isfinite(loss):
            raise UserError(f"the autoencoder's loss is not a number in epoch {epoch}; lower lr, now {lr}")
        slept = torch.where(fired > 0, 0.0, slept + 1)
        curve.append({"epoch": epoch, "fvu": loss, "dead": float((slept >= min(ASLEEP, epoch)).float().mean())})
    return curve, threshold


def export(
    params: dict[str, Tensor], mean: Tensor, scale: float, *, form: str, k: int, threshold: float, about: dict
) -> Dictionary:
    """The trained parameters for raw activations: latents come out divided by `scale`, directions stay of length 1."""
    W, b, level = plain(form, params, threshold)
    return Dictionary(
        encoder=W, bias=b / scale - W @ mean, decoder=params["D"], center=params["c"] / scale + mean,
        threshold=level / scale, k=k if form == "topk" else 0, about=about,
    )  # fmt: skip

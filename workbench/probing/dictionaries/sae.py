"""Train sparse autoencoders on activations and export them as dictionaries."""
import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.probing.dictionaries.autograd_saes import LOSSES, AutogradStep, as_threshold_encoder, extra_parameters
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.dictionaries.topk import THRESHOLDS, SparseStep, Workspace, batch_threshold, row_threshold
from workbench.probing.dictionaries.trainer import TrainingState, checked_curve, train_jointly
from workbench.train.rng import derive_seed

log = logging.getLogger("workbench")
SAE_KINDS = (*THRESHOLDS, *LOSSES)
SAMPLE = 8192  # rows on which the initial scale of the encoder is fitted


def train(
    x: np.ndarray, *, kind: str = "topk", latents: int = 0, k: int = 8, epochs: int = 50, batch: int = 4096,
    lr: float = 1e-3, auxk: float = 1 / 32, frozen_decoder: bool = False, seed: int = 0,
) -> Dictionary:  # fmt: skip
    """A sparse autoencoder of activations x (n, D), exported for raw activations.

    kind: topk keeps the k largest latents per row (Gao et al., arXiv:2406.04093), batchtopk k per row on average over a
    batch (Bussmann et al., arXiv:2412.06410; exported with a threshold), relu, gated, jumprelu and matryoshka as in
    `autograd_saes`. latents: 8 D if 0. auxk: weight of the auxiliary loss that revives dead latents of topk and
    batchtopk, 0 for none. frozen_decoder: the control that learns an encoder for random directions.
    `about` of the result holds these settings and the learning curve: fvu and the share of dead latents per epoch.

    Rows are centered and scaled to a mean norm of sqrt(D); directions have norm 1 after every step. Raises UserError
    for an invalid setting, NaN, constant activations, or fewer rows than latents.
    """
    saes = train_several(x, ks=(k,), kind=kind, latents=latents, epochs=epochs, batch=batch, lr=lr, auxk=auxk,
                         frozen_decoder=frozen_decoder, seed=seed)  # fmt: skip
    return saes[k]


def train_several(
    x: np.ndarray, *, ks: tuple[int, ...] = (4, 8, 16), kind: str = "topk", latents: int = 0, epochs: int = 50,
    batch: int = 4096, lr: float = 1e-3, auxk: float = 1 / 32, frozen_decoder: bool = False, seed: int = 0,
) -> dict[int, Dictionary]:  # fmt: skip
    """An autoencoder for each k, in one pass over the activations; each equals the result of `train`, bit for bit.
    Arguments and errors as `train`."""
    latents = latents or 8 * x.shape[1]
    if not ks:
        raise UserError("ks=(): give at least one k")
    for k in ks:
        check_settings(x, kind, latents, k)
    rows, mean, scale = center_and_scale(x)
    workspace, states = Workspace(), {}
    for k in ks:
        params = initialize(rows, kind, latents, k, seed)
        step = training_step(kind, k, rows, auxk=auxk, workspace=workspace)
        states[k] = TrainingState(params, step, lr=lr, frozen=frozen_decoder)
    train_jointly(rows, rows, list(states.values()), epochs=epochs, batch=batch, seed=seed)
    settings = {"kind": kind, "latents": latents, "epochs": epochs, "batch": batch, "lr": lr, "auxk": auxk,
                "frozen_decoder": frozen_decoder, "seed": seed}  # fmt: skip
    abouts = {k: settings | {"k": k, "curve": checked_curve(state, kind)} for k, state in states.items()}
    return {
        k: to_dictionary(state.params, mean, scale, kind=kind, k=k, threshold=state.threshold, about=abouts[k])
        for k, state in states.items()
    }


def check_settings(x: np.ndarray, kind: str, latents: int, k: int) -> None:
    """Raises UserError if these settings cannot be trained on rows x (n, D); warns if k is hardly sparse."""
    if kind not in SAE_KINDS:
        raise unknown_name("kind of autoencoder", kind, SAE_KINDS)
    if not 1 <= k <= latents:
        raise UserError(f"k={k}: must be between 1 and the {latents} latents")
    if len(x) < latents:
        raise UserError(f"{len(x):,} activations for {latents:,} latents; give more rows, or latents={len(x)} or fewer")
    if k * 4 > x.shape[1]:
        log.warning("k=%d of %d dimensions is hardly sparse; compare with a PCA of as many components", k, x.shape[1])


def center(x: np.ndarray) -> tuple[Tensor, Tensor]:
    """Rows (n, D) minus their mean, and the mean (D,). Raises UserError on NaN and on constant activations."""
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(1).sum())
        raise UserError(f"{bad:,} of {len(x):,} activations are NaN or infinite", code=3)
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    rows = torch.from_numpy(x - mean)
    if float(rows.norm(dim=1).mean()) < 1e-12:
        raise UserError("all activations are equal; this site has no variance to decompose", code=3)
    return rows, torch.from_numpy(mean)


def center_and_scale(x: np.ndarray) -> tuple[Tensor, Tensor, float]:
    """Rows (n, D) minus their mean, times the factor that makes their mean norm sqrt(D); the mean (D,), and the factor.
    Raises UserError as `center`."""
    rows, mean = center(x)
    scale = x.shape[1] ** 0.5 / float(rows.norm(dim=1).mean())
    return rows * scale, mean, scale


def training_step(
    kind: str, k: int, targets: Tensor, *, auxk: float = 1 / 32, workspace: Workspace | None = None
) -> SparseStep | AutogradStep:
    """The training step of a kind; targets (n, E) are centered."""
    variance = float(targets.square().sum() / len(targets))
    if kind in LOSSES:
        return AutogradStep(kind, k, variance)
    return SparseStep(kind, k, variance, auxk=auxk, aux_latents=max(1, targets.shape[1] // 2), workspace=workspace)


def initialize(
    rows: Tensor, kind: str, latents: int, k: int, seed: int, *, targets: Tensor | None = None
) -> dict[str, Tensor]:
    """Initial parameters: random unit directions, an encoder that is a multiple of them, no biases. The multiple gives
    the best reconstruction of a sample, because correlated latents overshoot; it affects the final result.

    targets: (n, E), for a transcoder. Its encoder then starts with the projection of the best linear prediction of the
    target onto each direction.
    """
    outputs = rows if targets is None else targets
    generator = torch.Generator().manual_seed(derive_seed(seed, "sae"))
    D = F.normalize(torch.randn(latents, outputs.shape[1], generator=generator), dim=1)
    sample = torch.randperm(len(rows), generator=generator)[:SAMPLE]
    W = D if targets is None else D @ torch.linalg.lstsq(rows, targets).solution.T
    u = rows[sample] @ W.T
    z = torch.where(u > THRESHOLDS.get(kind, row_threshold)(u, k).clamp_min(0), u, 0.0)
    prediction = z @ D
    c = float((prediction * outputs[sample]).sum() / prediction.square().sum().clamp_min(1e-12))
    params = {"W": c * W, "b": torch.zeros(latents), "D": D, "c": torch.zeros(outputs.shape[1])}
    return params | extra_parameters(kind, latents, max(1e-6, c * float(batch_threshold(u, k))))


def to_dictionary(
    params: dict[str, Tensor], mean: Tensor, scale: float, *, kind: str, k: int, threshold: float, about: dict,
    output: tuple[Tensor, float] | None = None,
) -> Dictionary:  # fmt: skip
    """The trained parameters folded for raw activations: latents are divided by the scale of the output, directions
    keep norm 1. output: mean (E,) and scale of a transcoder's output; those of the input if None."""
    W, b, level = as_threshold_encoder(kind, params, threshold)
    output_mean, output_scale = output or (mean, scale)
    W = W * (scale / output_scale)
    return Dictionary(
        encoder=W, bias=b / output_scale - W @ mean, decoder=params["D"],
        center=params["c"] / output_scale + output_mean, threshold=level / output_scale, k=k if kind == "topk" else 0,
        about=about,
    )  # fmt: skip

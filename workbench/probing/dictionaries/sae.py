"""Train sparse autoencoders on activations, in epochs, with what keeps latents alive, and export them."""
import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, unknown
from workbench.probing.dictionaries.autograd_saes import LOSSES, AutogradStep, extra, plain
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.dictionaries.topk import THRESHOLDS, Room, SparseStep, batch_threshold, row_threshold
from workbench.probing.dictionaries.trainer import Learner, alive, run
from workbench.train.rng import derive

log = logging.getLogger("workbench")
FORMS = (*THRESHOLDS, *LOSSES)
SAMPLE = 8192  # rows by which the encoder's start is matched


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
    found = train_several(x, ks=(k,), form=form, latents=latents, epochs=epochs, batch=batch, lr=lr, auxk=auxk,
                          frozen_decoder=frozen_decoder, seed=seed)  # fmt: skip
    return found[k]


def train_several(
    x: np.ndarray, *, ks: tuple[int, ...] = (4, 8, 16), form: str = "topk", latents: int = 0, epochs: int = 50,
    batch: int = 4096, lr: float = 1e-3, auxk: float = 1 / 32, frozen_decoder: bool = False, seed: int = 0,
) -> dict[int, Dictionary]:  # fmt: skip
    """An autoencoder for each of several k, in one pass over the activations; each is, bit for bit, what `train` gives
    alone. Arguments and errors are those of `train`."""
    latents = latents or 8 * x.shape[1]
    if not ks:
        raise UserError("ks=(): give at least one k")
    for k in ks:
        check(x, form, latents, k)
    rows, mean, scale = scaled(x)
    room, learners = Room(), {}
    for k in ks:
        params = start(rows, form, latents, k, seed)
        step = step_of(form, k, rows, auxk=auxk, room=room)
        learners[k] = Learner(params, step, lr=lr, frozen=frozen_decoder)
    run(rows, rows, list(learners.values()), epochs=epochs, batch=batch, seed=seed)
    settings = {"form": form, "latents": latents, "epochs": epochs, "batch": batch, "lr": lr, "auxk": auxk,
                "frozen_decoder": frozen_decoder, "seed": seed}  # fmt: skip
    abouts = {k: settings | {"k": k, "curve": alive(made, form)} for k, made in learners.items()}
    return {
        k: export(made.params, mean, scale, form=form, k=k, threshold=made.threshold, about=abouts[k])
        for k, made in learners.items()
    }


def check(x: np.ndarray, form: str, latents: int, k: int) -> None:
    """UserError where these settings cannot be trained on rows x (n, D); a warning where k is hardly sparse."""
    if form not in FORMS:
        raise unknown("form of autoencoder", form, FORMS)
    if not 1 <= k <= latents:
        raise UserError(f"k={k}: must be between 1 and the {latents} latents")
    if len(x) < latents:
        raise UserError(f"{len(x):,} activations for {latents:,} latents; give more rows, or latents={len(x)} or fewer")
    if k * 4 > x.shape[1]:
        log.warning("k=%d of %d dimensions is hardly sparse; the one to beat is a PCA of as many", k, x.shape[1])


def centred(x: np.ndarray) -> tuple[Tensor, Tensor]:
    """Rows (n, D) less their mean, and the mean (D,). UserError on NaN and where nothing varies."""
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(1).sum())
        raise UserError(f"{bad:,} of {len(x):,} activations are NaN or infinite", code=3)
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    rows = torch.from_numpy(x - mean)
    if float(rows.norm(dim=1).mean()) < 1e-12:
        raise UserError("all activations are equal; there is nothing to take apart at this site", code=3)
    return rows, torch.from_numpy(mean)


def scaled(x: np.ndarray) -> tuple[Tensor, Tensor, float]:
    """Rows (n, D) less their mean, times what makes their mean length sqrt(D); the mean (D,), and that factor.
    UserError as `centred`."""
    rows, mean = centred(x)
    scale = x.shape[1] ** 0.5 / float(rows.norm(dim=1).mean())
    return rows * scale, mean, scale


def step_of(
    form: str, k: int, targets: Tensor, *, auxk: float = 1 / 32, room: Room | None = None
) -> SparseStep | AutogradStep:
    """The training step of a form whose latents make `targets` (n, E), which are centred."""
    variance = float(targets.square().sum() / len(targets))
    if form in LOSSES:
        return AutogradStep(form, k, variance)
    return SparseStep(form, k, variance, auxk=auxk, aux_latents=max(1, targets.shape[1] // 2), room=room)


def start(
    rows: Tensor, form: str, latents: int, k: int, seed: int, *, targets: Tensor | None = None
) -> dict[str, Tensor]:
    """Random directions of length 1, an encoder that is a multiple of them, no biases. The multiple is the one whose
    reconstruction of a sample is best, because correlated latents overshoot: it decides how training ends.

    targets: (n, E), for a transcoder. Its encoder begins with how far along each direction the best linear map puts
    what is to be made of a row.
    """
    made = rows if targets is None else targets
    generator = torch.Generator().manual_seed(derive(seed, "sae"))
    D = F.normalize(torch.randn(latents, made.shape[1], generator=generator), dim=1)
    some = torch.randperm(len(rows), generator=generator)[:SAMPLE]
    W = D if targets is None else D @ torch.linalg.lstsq(rows, targets).solution.T
    u = rows[some] @ W.T
    z = torch.where(u > THRESHOLDS.get(form, row_threshold)(u, k).clamp_min(0), u, 0.0)
    guess = z @ D
    c = float((guess * made[some]).sum() / guess.square().sum().clamp_min(1e-12))
    begun = {"W": c * W, "b": torch.zeros(latents), "D": D, "c": torch.zeros(made.shape[1])}
    return begun | extra(form, latents, max(1e-6, c * float(batch_threshold(u, k))))


def export(
    params: dict[str, Tensor], mean: Tensor, scale: float, *, form: str, k: int, threshold: float, about: dict,
    made: tuple[Tensor, float] | None = None,
) -> Dictionary:  # fmt: skip
    """The trained parameters for raw activations: latents come out divided by the scale of what they make, directions
    stay of length 1. made: mean (E,) and scale of what a transcoder makes; those of what is read if None."""
    W, b, level = plain(form, params, threshold)
    middle, size = made or (mean, scale)
    W = W * (scale / size)
    return Dictionary(
        encoder=W, bias=b / size - W @ mean, decoder=params["D"], center=params["c"] / size + middle,
        threshold=level / size, k=k if form == "topk" else 0, about=about,
    )  # fmt: skip

"""RecSAE (Wang et al., arXiv:2411.06112) as in its released code, with each deviation from `sae` fixable separately.

As published: rows are neither centered nor scaled; directions start as a copy of the encoder and are normalized at the
start of each epoch; the loss is the error over the variance about the batch mean; from the second epoch on, latents
that were not among the k largest of any row in the previous epoch predict x^ - x, which is not detached, plus the
center.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.errors import UserError, check_names
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.progress import track
from workbench.train.rng import derive_seed

FIXES = {
    "centring": "the mean of all rows is subtracted",
    "start": "rows are scaled to a mean norm of sqrt(D), and parameters are initialized as in `sae.initialize`",
    "projection": "the gradient component along a direction is removed, and directions are normalized after every step",
    "variance": "errors are divided by the variance about the mean of all rows, not of the batch",
    "auxk": "dead latents predict x - x^, detached, without the center",
    "weight": "the loss of dead latents is divided by the residual, not the variance, and not reduced if few are dead",
    "dead": "only a value above 0 counts as active, not a 0 among the k largest",
}
WEIGHT_DECAY, AUXK = 1e-6, 1 / 32  # weight decay of all parameters but the encoder bias; weight of the auxiliary loss
EPS = float(torch.finfo(torch.float32).eps)


def train(
    x: np.ndarray, *, latents: int = 0, k: int = 8, epochs: int = 50, batch: int = 64, lr: float = 1e-4,
    faithful: bool = True, fixes: tuple[str, ...] = (), seed: int = 0,
) -> Dictionary:  # fmt: skip
    """RecSAE's autoencoder of activations x (n, D). latents: 16 D if 0. batch: in rows; the release uses batches of 4
    to 16 histories with all their positions, and repeats a position for every later one.

    faithful: if False, `sae.train` with the same settings, bit for bit. fixes: names in FIXES to apply. `about` holds
    the settings and, per epoch, fvu of the training loss, dead (latents that were never above 0) and unchosen (never
    among the k largest, which the release reports). Directions do not have norm 1 without `projection`. Raises
    UserError as `sae.train`, for an unknown fix, and for a batch of one row.
    """
    check_names("fix of RecSAE", fixes, FIXES)
    latents = latents or 16 * x.shape[1]
    if not faithful:
        if fixes:
            raise UserError(f"fixes={fixes} apply to the published method; faithful=False trains with sae.train")
        return sae.train(x, latents=latents, k=k, epochs=epochs, batch=batch, lr=lr, seed=seed)
    if batch < 2:
        raise UserError(f"batch={batch}: the published loss needs at least 2 rows, to have a variance")
    sae.check_settings(x, "topk", latents, k)
    rows, mean = sae.center(x)
    if "centring" not in fixes:
        rows, mean = torch.from_numpy(x), torch.zeros_like(mean)
    scale = x.shape[1] ** 0.5 / float(rows.norm(dim=1).mean()) if "start" in fixes else 1.0
    rows = rows * scale
    p = initialize(rows, latents, k, seed, fixes)
    curve = fit(rows, p, k, epochs=epochs, batch=batch, lr=lr, fixes=fixes, seed=seed)
    about = {"kind": "recsae", "latents": latents, "k": k, "epochs": epochs, "batch": batch, "lr": lr,
             "fixes": list(fixes), "seed": seed, "curve": curve}  # fmt: skip
    folded = p | {"b": p["b"] - p["W"] @ p["c"]}  # the release encodes x - c
    return sae.to_dictionary(folded, mean, scale, kind="topk", k=k, threshold=0.0, about=about)


def initialize(rows: Tensor, latents: int, k: int, seed: int, fixes: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Initial encoder W (m, D), bias b (m,), directions D (m, D), center c (D,)."""
    if "start" in fixes:
        return sae.initialize(rows, "topk", latents, k, seed)
    generator, width = torch.Generator().manual_seed(derive_seed(seed, "recsae")), rows.shape[1]
    W = (2 * torch.rand(latents, width, generator=generator) - 1) / width**0.5
    return {"W": W, "b": torch.zeros(latents), "D": W / (W.norm(dim=1, keepdim=True) + EPS), "c": torch.zeros(width)}


class Loss(NamedTuple):
    """total: to be minimized. fvu: its first term. chosen: (B, k) the latents among the k largest of each row. value:
    (B, k) their values, which may be 0."""

    total: Tensor
    fvu: Tensor
    chosen: Tensor
    value: Tensor


def loss(
    x: Tensor, p: dict[str, Tensor], k: int, dead: Tensor, *, variance: float = 0.0, fixes: tuple[str, ...] = ()
) -> Loss:
    """The loss of rows x (B, D). dead: (m,) bool, all False in the first epoch. variance: per row, about the mean of
    all rows, for the fix of that name."""
    u = torch.relu((x - p["c"]) @ p["W"].T + p["b"])
    top = u.topk(k, dim=1)
    error = torch.zeros_like(u).scatter(1, top.indices, top.values) @ p["D"] + p["c"] - x
    total_variance = len(x) * variance if "variance" in fixes else (x - x.mean(0)).square().sum()
    fvu = error.square().sum() / total_variance
    count, most = int(dead.sum()), x.shape[1] // 2
    if not count:
        return Loss(fvu, fvu, top.indices, top.values)
    top_dead = u.masked_fill(~dead, -torch.inf).topk(min(count, most), dim=1, sorted=False)
    prediction = torch.zeros_like(u).scatter(1, top_dead.indices, top_dead.values) @ p["D"]
    aux_error = prediction + error.detach() if "auxk" in fixes else prediction + p["c"] - error
    if "weight" in fixes:
        auxiliary = aux_error.square().sum() / error.detach().square().sum()
    else:
        auxiliary = min(count / most, 1.0) * aux_error.square().sum() / total_variance
    return Loss(fvu + AUXK * auxiliary, fvu, top.indices, top.values)


def fit(
    rows: Tensor, p: dict[str, Tensor], k: int, *, epochs: int, batch: int, lr: float, fixes: tuple[str, ...] = (),
    seed: int = 0,
) -> list[dict]:  # fmt: skip
    """Train the parameters p in place. Returns the learning curve."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "recsae order"))
    groups = [{"params": [p[name] for name in "WDc"], "weight_decay": WEIGHT_DECAY}, {"params": [p["b"]]}]
    optimizer, D = torch.optim.Adam(groups, lr=lr, fused=True), p["D"]
    variance = float((rows - rows.mean(0)).square().sum() / len(rows))
    dead, curve, batches = torch.zeros(len(D), dtype=torch.bool), [], -(-len(rows) // batch)
    for epoch in track(range(1, epochs + 1), "RecSAE", unit="epochs"):
        D /= D.norm(dim=1, keepdim=True) + EPS
        chosen, active, total = torch.zeros_like(dead), torch.zeros_like(dead), 0.0
        for index in torch.randperm(len(rows), generator=generator).tensor_split(batches):
            for tensor in p.values():
                tensor.requires_grad_(True).grad = None
            result = loss(rows[index], p, k, dead, variance=variance, fixes=fixes)
            result.total.backward()
            for tensor in p.values():
                tensor.requires_grad_(False)
            if "projection" in fixes:
                D.grad -= (D.grad * D).sum(1, keepdim=True) * D
            optimizer.step()
            if "projection" in fixes:
                D /= D.norm(dim=1, keepdim=True)
            chosen[result.chosen] = True
            active[result.chosen[result.value > 0]] = True
            total += float(result.fvu.detach())
        if not np.isfinite(total):
            raise UserError(f"RecSAE's loss is not a number in epoch {epoch}; lower lr, now {lr}")
        dead = ~(active if "dead" in fixes else chosen)
        shares = {"dead": float((~active).float().mean()), "unchosen": float((~chosen).float().mean())}
        curve.append({"epoch": epoch, "fvu": total / batches} | shares)
    return curve


def compare_fixes(
    x: np.ndarray, test: np.ndarray, *, latents: int, k: int, epochs: int, batch: int, lr: float, seed: int = 0
) -> pd.DataFrame:
    """The effect of each fix: one row for the published method, for each fix alone, for all fixes, and for `sae.train`,
    trained on x (n, D) with the same settings. On test rows: fvu, l0 and dead (share of latents that are never active);
    in the last epoch of training: silent and, for RecSAE, unchosen (`dead` and `unchosen` of the learning curve)."""
    variants: dict[str, tuple[str, ...] | None] = {"published": ()} | {name: (name,) for name in FIXES}
    rows = {}
    for name, fixes in (variants | {"all": tuple(FIXES), "sae.train": None}).items():
        dictionary = train(x, latents=latents, k=k, epochs=epochs, batch=batch, lr=lr, faithful=fixes is not None,
                           fixes=fixes or (), seed=seed)  # fmt: skip
        z, last = dictionary.encode_sparse(test), dictionary.about["curve"][-1]
        reconstruction = faithfulness.reconstruct(dictionary, test)
        rows[name] = {"fvu": faithfulness.fvu(test, reconstruction), "l0": z.nnz / len(test),
                      "dead": float((z.getnnz(axis=0) == 0).mean()), "silent": last["dead"],
                      "unchosen": last.get("unchosen", np.nan)}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant")

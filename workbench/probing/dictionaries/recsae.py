"""RecSAE (Wang et al., arXiv:2411.06112) in the form of its released code, and each of its faults mended alone.

Published: rows as they are; the directions begin as a copy of the encoder and are made of length 1 when an epoch
begins; the loss is the error over what the batch's own mean leaves; from the second epoch latents that no row had among
its k largest in the epoch before predict x^ - x, which is not held still, with the center added.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.errors import UserError, check_names
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness as measures
from workbench.progress import track
from workbench.train.rng import derive

FIXES = {
    "centring": "the mean of all rows is subtracted",
    "start": "rows are scaled to a mean length of sqrt(D), and training begins as `sae.start` does",
    "projection": "a direction's gradient along itself is removed and its length made 1 after every step",
    "variance": "errors are over what the mean of all rows leaves, not the mean of the batch",
    "auxk": "dead latents predict x - x^, held still, without the center",
    "weight": "the loss of dead latents is over what is left unexplained, not over the variance, and not less for few",
    "dead": "only a value above 0 counts as firing, not a 0 among the k largest",
}
DECAY, AUXK = 1e-6, 1 / 32  # weight decay of all but the encoder's bias; weight of the dead latents' loss
EPS = float(torch.finfo(torch.float32).eps)


def train(
    x: np.ndarray, *, latents: int = 0, k: int = 8, epochs: int = 50, batch: int = 64, lr: float = 1e-4,
    faithful: bool = True, fixes: tuple[str, ...] = (), seed: int = 0,
) -> Dictionary:  # fmt: skip
    """RecSAE's autoencoder of activations x (n, D). latents: 16 D if 0. batch: rows, each a place of its own; the
    release takes 4 to 16 histories with all their places, and repeats a place for every one that comes after it.

    faithful: off, `sae.train` with the same settings, bit for bit. fixes: names in FIXES, each mended alone.
    `about` holds the settings and, for each epoch, fvu as trained on, dead (latents that never were above 0) and
    unchosen (never among the k largest, which is what the release reports). Directions end at other lengths than 1
    without `projection`. UserError as `sae.train`, on an unknown fix, and on batches of one row.
    """
    check_names("fix of RecSAE", fixes, FIXES)
    latents = latents or 16 * x.shape[1]
    if not faithful:
        if fixes:
            raise UserError(f"fixes={fixes} are of the published form; with faithful=False all is as in sae.train")
        return sae.train(x, latents=latents, k=k, epochs=epochs, batch=batch, lr=lr, seed=seed)
    if batch < 2:
        raise UserError(f"batch={batch}: the published loss needs at least 2 rows, to have a variance")
    sae.check(x, "topk", latents, k)
    rows, mean = sae.centred(x)
    if "centring" not in fixes:
        rows, mean = torch.from_numpy(x), torch.zeros_like(mean)
    scale = x.shape[1] ** 0.5 / float(rows.norm(dim=1).mean()) if "start" in fixes else 1.0
    rows = rows * scale
    p = begin(rows, latents, k, seed, fixes)
    curve = learn(rows, p, k, epochs=epochs, batch=batch, lr=lr, fixes=fixes, seed=seed)
    about = {"form": "recsae", "latents": latents, "k": k, "epochs": epochs, "batch": batch, "lr": lr,
             "fixes": list(fixes), "seed": seed, "curve": curve}  # fmt: skip
    plain = p | {"b": p["b"] - p["W"] @ p["c"]}  # the release reads x - c
    return sae.export(plain, mean, scale, form="topk", k=k, threshold=0.0, about=about)


def begin(rows: Tensor, latents: int, k: int, seed: int, fixes: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Encoder W (m, D), bias b (m,), directions D (m, D), center c (D,)."""
    if "start" in fixes:
        return sae.start(rows, "topk", latents, k, seed)
    generator, width = torch.Generator().manual_seed(derive(seed, "recsae")), rows.shape[1]
    W = (2 * torch.rand(latents, width, generator=generator) - 1) / width**0.5
    return {"W": W, "b": torch.zeros(latents), "D": W / (W.norm(dim=1, keepdim=True) + EPS), "c": torch.zeros(width)}


class Loss(NamedTuple):
    """total: to be minimised. fvu: its first part. chosen: (B, k) the latents among the k largest of each row. value:
    (B, k) what they are, some of them 0."""

    total: Tensor
    fvu: Tensor
    chosen: Tensor
    value: Tensor


def loss(
    x: Tensor, p: dict[str, Tensor], k: int, dead: Tensor, *, variance: float = 0.0, fixes: tuple[str, ...] = ()
) -> Loss:
    """Of rows x (B, D). dead: (m,) bool, none in the first epoch. variance: of a row about the mean of all, for the fix
    of that name."""
    u = torch.relu((x - p["c"]) @ p["W"].T + p["b"])
    top = u.topk(k, dim=1)
    error = torch.zeros_like(u).scatter(1, top.indices, top.values) @ p["D"] + p["c"] - x
    spread = len(x) * variance if "variance" in fixes else (x - x.mean(0)).square().sum()
    fvu = error.square().sum() / spread
    count, most = int(dead.sum()), x.shape[1] // 2
    if not count:
        return Loss(fvu, fvu, top.indices, top.values)
    some = u.masked_fill(~dead, -torch.inf).topk(min(count, most), dim=1, sorted=False)
    guess = torch.zeros_like(u).scatter(1, some.indices, some.values) @ p["D"]
    wrong = guess + error.detach() if "auxk" in fixes else guess + p["c"] - error
    if "weight" in fixes:
        auxiliary = wrong.square().sum() / error.detach().square().sum()
    else:
        auxiliary = min(count / most, 1.0) * wrong.square().sum() / spread
    return Loss(fvu + AUXK * auxiliary, fvu, top.indices, top.values)


def learn(
    rows: Tensor, p: dict[str, Tensor], k: int, *, epochs: int, batch: int, lr: float, fixes: tuple[str, ...] = (),
    seed: int = 0,
) -> list[dict]:  # fmt: skip
    """Train p in place. Returns the curve."""
    generator = torch.Generator().manual_seed(derive(seed, "recsae order"))
    decayed = [{"params": [p[name] for name in "WDc"], "weight_decay": DECAY}, {"params": [p["b"]]}]
    optimizer, D = torch.optim.Adam(decayed, lr=lr, fused=True), p["D"]
    variance = float((rows - rows.mean(0)).square().sum() / len(rows))
    dead, curve, batches = torch.zeros(len(D), dtype=torch.bool), [], -(-len(rows) // batch)
    for epoch in track(range(1, epochs + 1), "RecSAE", unit="epochs"):
        D /= D.norm(dim=1, keepdim=True) + EPS
        chosen, fired, total = torch.zeros_like(dead), torch.zeros_like(dead), 0.0
        for index in torch.randperm(len(rows), generator=generator).tensor_split(batches):
            for tensor in p.values():
                tensor.requires_grad_(True).grad = None
            found = loss(rows[index], p, k, dead, variance=variance, fixes=fixes)
            found.total.backward()
            for tensor in p.values():
                tensor.requires_grad_(False)
            if "projection" in fixes:
                D.grad -= (D.grad * D).sum(1, keepdim=True) * D
            optimizer.step()
            if "projection" in fixes:
                D /= D.norm(dim=1, keepdim=True)
            chosen[found.chosen] = True
            fired[found.chosen[found.value > 0]] = True
            total += float(found.fvu.detach())
        if not np.isfinite(total):
            raise UserError(f"RecSAE's loss is not a number in epoch {epoch}; lower lr, now {lr}")
        dead = ~(fired if "dead" in fixes else chosen)
        shares = {"dead": float((~fired).float().mean()), "unchosen": float((~chosen).float().mean())}
        curve.append({"epoch": epoch, "fvu": total / batches} | shares)
    return curve


def ladder(
    x: np.ndarray, test: np.ndarray, *, latents: int, k: int, epochs: int, batch: int, lr: float, seed: int = 0
) -> pd.DataFrame:
    """What each fix is worth: a row for the published form, for each fix alone, for all, and for `sae.train`, learned
    on x (n, D) with the same settings. Of test rows: fvu, l0 and dead (share of latents that never fire); of the last
    epoch of training: silent and, for RecSAE, unchosen (as `dead` and `unchosen` in `about`)."""
    steps: dict[str, tuple[str, ...] | None] = {"published": ()} | {name: (name,) for name in FIXES}
    rows = {}
    for name, fixes in (steps | {"all": tuple(FIXES), "sae.train": None}).items():
        made = train(x, latents=latents, k=k, epochs=epochs, batch=batch, lr=lr, faithful=fixes is not None,
                     fixes=fixes or (), seed=seed)  # fmt: skip
        z, last = made.latents_of(test), made.about["curve"][-1]
        rows[name] = {"fvu": measures.fvu(test, measures.reconstruct(made, test)), "l0": z.nnz / len(test),
                      "dead": float((z.getnnz(axis=0) == 0).mean()), "silent": last["dead"],
                      "unchosen": last.get("unchosen", np.nan)}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("form")

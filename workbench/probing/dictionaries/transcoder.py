"""Transcoders: latents that are read at one site and make what another puts out, perhaps beside a linear skip.

A transcoder of a site onto itself, without skip, is the autoencoder of `sae`, bit for bit.
"""
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.activations.hooks import Site, capture, splice
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import ROWS, Dictionary
from workbench.probing.dictionaries.trainer import Learner, alive, run
from workbench.probing.interventions.faithfulness import asked_at, described

FAINT = 0.3  # length of the encoder's rows at the start beside a skip, which leaves them nothing that is linear


@dataclass(frozen=True)
class Transcoder:
    """y^ = z D + center + S x. dictionary: encodes x (n, D) of a site, decodes to the width E of the other, both in the
    units of their sites. skip: S (E, D), or None; it is no latent, so `dictionary.decode` alone is without it."""

    dictionary: Dictionary
    skip: Tensor | None = None

    @torch.no_grad()
    def rebuilt(self, x: Tensor) -> Tensor:
        """(n, E) what the other site is thought to put out where this one puts out x (n, D)."""
        latents = self.dictionary.decode(self.dictionary.encode(x))
        return latents if self.skip is None else latents + x @ self.skip.T

    def save(self, folder: Path) -> None:
        """Write dictionary.safetensors, and skip.safetensors if there is one, into a folder."""
        from safetensors.torch import save_file

        self.dictionary.save(folder)
        if self.skip is not None:
            save_file({"skip": self.skip.contiguous()}, Path(folder) / "skip.safetensors")

    @staticmethod
    def load(folder: Path) -> "Transcoder":
        """What `save` wrote. UserError where there is nothing whole."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path, found = Path(folder) / "skip.safetensors", Dictionary.load(folder)
        if not found.about.get("skip"):
            return Transcoder(found)
        try:
            return Transcoder(found, load_file(path)["skip"])
        except (OSError, SafetensorError, KeyError) as error:
            raise UserError(f"{path}: no whole skip ({error}); train it again", code=3) from None


def train(
    x: np.ndarray, y: np.ndarray, *, form: str = "topk", latents: int = 0, k: int = 8, epochs: int = 50,
    batch: int = 4096, lr: float = 1e-3, skip: bool = False, seed: int = 0,
) -> Transcoder:  # fmt: skip
    """A transcoder from activations x (n, D) of a site to those of another y (n, E), rows of the same units
    (Dunefsky et al., arXiv:2406.11944); with `skip`, S x is added (Paulo et al., arXiv:2501.18823).

    form, latents (8 D if 0) and the rest are those of `sae.train`. Both sides are centred and scaled on their own.
    FVU, in `about`, is of y. A skip begins as the best linear map and goes on to learn. UserError as `sae.train`, and
    where x and y differ in rows.
    """
    latents = latents or 8 * x.shape[1]
    sae.check(x, form, latents, k)
    rows, targets, ends = _prepared(x, y)
    same = not skip and torch.equal(rows, targets)  # then the start is the autoencoder's own
    params = sae.start(rows, form, latents, k, seed, targets=None if same else targets)
    if skip:
        faint = FAINT / params["W"].norm(dim=1).mean()
        params |= {"W": params["W"] * faint, "S": torch.linalg.lstsq(rows, targets).solution.T.contiguous()}
        if "t" in params:
            params["t"] += faint.log()
    made = Learner(params, sae.step_of(form, k, targets), lr=lr)
    run(rows, targets, [made], epochs=epochs, batch=batch, seed=seed)
    about = {"form": form, "latents": latents, "k": k, "epochs": epochs, "batch": batch, "lr": lr, "skip": skip,
             "seed": seed, "curve": alive(made, form)}  # fmt: skip
    found = sae.export(params, *ends[0], form=form, k=k, threshold=made.threshold, about=about, made=ends[1])
    return _with_skip(found, params["S"], ends) if skip else Transcoder(found)


def linear(x: np.ndarray, y: np.ndarray) -> Transcoder:
    """The floor: the best linear map from x (n, D) to y (n, E), as a skip beside one latent that never fires. UserError
    as `train`."""
    rows, targets, ends = _prepared(x, y)
    zero, (middle, _) = torch.zeros(1), ends[1]
    silent = Dictionary(torch.zeros(1, x.shape[1]), zero, torch.zeros(1, y.shape[1]), middle, zero.clone(),
                        about={"form": "linear", "skip": True})  # fmt: skip
    return _with_skip(silent, torch.linalg.lstsq(rows, targets).solution.T.contiguous(), ends)


def reconstruct(made: Transcoder, x: np.ndarray) -> np.ndarray:
    """(n, E) what is made of x (n, D), some rows at a time."""
    parts = (torch.from_numpy(np.ascontiguousarray(x[at : at + ROWS])) for at in range(0, len(x), ROWS))
    return np.concatenate([made.rebuilt(part).numpy() for part in parts])


def summary(made: Transcoder, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """What is made of x (n, D) beside y (n, E), as `faithful.described`: fvu is of y."""
    return described(y, reconstruct(made, x), made.dictionary.latents_of(x))


@contextmanager
def standing_in(recommender, read: Site, replaced: Site, made: Transcoder) -> Iterator[None]:
    """While the block runs, the recommender works with what `made` makes of the site it reads in the place of what the
    other puts out; of one that is `roles.Asked`, where it is asked. UserError where the site to read comes later in a
    pass."""
    module, where = recommender.module, asked_at(recommender)
    with capture(module, read) as seen:

        def edit(y: Tensor) -> Tensor:
            if not seen[read]:
                raise UserError(f"{replaced.path} comes before {read.path}; a transcoder reads what came before")
            x = seen[read][-1]
            x = x.flatten(0, -2) if where is None else x[where(x)]
            seen[read].clear()
            return made.rebuilt(x).to(y)

        with splice(module, replaced, edit, where=where):
            yield


Ends = tuple[tuple[Tensor, float], tuple[Tensor, float]]  # mean and scale of what is read, and of what is made


def _prepared(x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor, Ends]:
    if len(x) != len(y):
        raise UserError(f"{len(x):,} rows to read and {len(y):,} to make; both must be of the same units")
    (rows, mean, scale), (targets, middle, size) = sae.scaled(x), sae.scaled(y)
    return rows, targets, ((mean, scale), (middle, size))


def _with_skip(found: Dictionary, S: Tensor, ends: Ends) -> Transcoder:
    (mean, scale), (_, size) = ends
    S = S * (scale / size)
    return Transcoder(replace(found, center=found.center - S @ mean), S)

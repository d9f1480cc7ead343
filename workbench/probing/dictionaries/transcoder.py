"""Transcoders: latents that are encoded at one site and predict the output of another, optionally with a linear skip.

A transcoder from a site to itself, without skip, equals the autoencoder of `sae`, bit for bit.
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
from workbench.probing.dictionaries.trainer import TrainingState, checked_curve, train_jointly
from workbench.probing.interventions.faithfulness import readout_mask, reconstruction_metrics

ENCODER_NORM = 0.3  # initial norm of the encoder's rows with a skip, which explains all that is linear


@dataclass(frozen=True)
class Transcoder:
    """y^ = z D + center + S x. dictionary: encodes x (n, D) of one site, decodes to the width E of the other, each in
    the units of its site. skip: S (E, D), or None; `dictionary.decode` alone does not include it."""

    dictionary: Dictionary
    skip: Tensor | None = None

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """(n, E) the predicted output of the other site for x (n, D)."""
        latents = self.dictionary.decode(self.dictionary.encode(x))
        return latents if self.skip is None else latents + x @ self.skip.T

    def save(self, folder: Path) -> None:
        """Write dictionary.safetensors, and skip.safetensors if there is a skip, into a folder."""
        from safetensors.torch import save_file

        self.dictionary.save(folder)
        if self.skip is not None:
            save_file({"skip": self.skip.contiguous()}, Path(folder) / "skip.safetensors")

    @staticmethod
    def load(folder: Path) -> "Transcoder":
        """Read what `save` wrote. Raises UserError if a file is missing or corrupt."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path, dictionary = Path(folder) / "skip.safetensors", Dictionary.load(folder)
        if not dictionary.about.get("skip"):
            return Transcoder(dictionary)
        try:
            return Transcoder(dictionary, load_file(path)["skip"])
        except (OSError, SafetensorError, KeyError) as error:
            raise UserError(f"{path}: missing or corrupt skip ({error}); train it again", code=3) from None


def train(
    x: np.ndarray, y: np.ndarray, *, kind: str = "topk", latents: int = 0, k: int = 8, epochs: int = 50,
    batch: int = 4096, lr: float = 1e-3, skip: bool = False, seed: int = 0,
) -> Transcoder:  # fmt: skip
    """A transcoder from activations x (n, D) of one site to y (n, E) of another, rows of the same positions (Dunefsky
    et al., arXiv:2406.11944); with `skip`, S x is added (Paulo et al., arXiv:2501.18823).

    kind, latents (8 D if 0) and the other settings as `sae.train`. Each side is centered and scaled separately. FVU, in
    `about`, is of y. The skip is initialized to the best linear map and trained. Raises UserError as `sae.train`, and
    if x and y differ in rows.
    """
    latents = latents or 8 * x.shape[1]
    sae.check_settings(x, kind, latents, k)
    rows, targets, scaling = _prepared(x, y)
    same = not skip and torch.equal(rows, targets)  # then the initialization is the autoencoder's
    params = sae.initialize(rows, kind, latents, k, seed, targets=None if same else targets)
    if skip:
        shrink = ENCODER_NORM / params["W"].norm(dim=1).mean()
        params |= {"W": params["W"] * shrink, "S": torch.linalg.lstsq(rows, targets).solution.T.contiguous()}
        if "t" in params:
            params["t"] += shrink.log()
    state = TrainingState(params, sae.training_step(kind, k, targets), lr=lr)
    train_jointly(rows, targets, [state], epochs=epochs, batch=batch, seed=seed)
    about = {"kind": kind, "latents": latents, "k": k, "epochs": epochs, "batch": batch, "lr": lr, "skip": skip,
             "seed": seed, "curve": checked_curve(state, kind)}  # fmt: skip
    dictionary = sae.to_dictionary(params, *scaling[0], kind=kind, k=k, threshold=state.threshold, about=about,
                                   output=scaling[1])  # fmt: skip
    return _with_skip(dictionary, params["S"], scaling) if skip else Transcoder(dictionary)


def linear_map(x: np.ndarray, y: np.ndarray) -> Transcoder:
    """The baseline: the best linear map from x (n, D) to y (n, E), as a skip with one latent that is never active.
    Raises UserError as `train`."""
    rows, targets, scaling = _prepared(x, y)
    zero, (output_mean, _) = torch.zeros(1), scaling[1]
    inactive = Dictionary(torch.zeros(1, x.shape[1]), zero, torch.zeros(1, y.shape[1]), output_mean, zero.clone(),
                          about={"kind": "linear", "skip": True})  # fmt: skip
    return _with_skip(inactive, torch.linalg.lstsq(rows, targets).solution.T.contiguous(), scaling)


def reconstruct(transcoder: Transcoder, x: np.ndarray) -> np.ndarray:
    """(n, E) predictions for x (n, D), `ROWS` rows at a time."""
    chunks = (torch.from_numpy(np.ascontiguousarray(x[start : start + ROWS])) for start in range(0, len(x), ROWS))
    return np.concatenate([transcoder.predict(chunk).numpy() for chunk in chunks])


def evaluate_transcoder(transcoder: Transcoder, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """`faithfulness.reconstruction_metrics` of the predictions of y (n, E) from x (n, D)."""
    return reconstruction_metrics(y, reconstruct(transcoder, x), transcoder.dictionary.encode_sparse(x))


@contextmanager
def patched_by_transcoder(recommender, read: Site, replaced: Site, transcoder: Transcoder) -> Iterator[None]:
    """Inside the block, the output of the site `replaced` is the transcoder's prediction from the site `read`; for a
    `MaskReadout` at the mask positions only. Raises UserError if `read` is called after `replaced` in a pass."""
    module, where = recommender.module, readout_mask(recommender)
    with capture(module, read) as outputs:

        def edit(y: Tensor) -> Tensor:
            if not outputs[read]:
                raise UserError(f"{replaced.path} comes before {read.path}; a transcoder must read an earlier site")
            x = outputs[read][-1]
            x = x.flatten(0, -2) if where is None else x[where(x)]
            outputs[read].clear()
            return transcoder.predict(x).to(y)

        with splice(module, replaced, edit, where=where):
            yield


Scaling = tuple[tuple[Tensor, float], tuple[Tensor, float]]  # mean and scale of the input, and of the output


def _prepared(x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor, Scaling]:
    if len(x) != len(y):
        raise UserError(f"{len(x):,} input rows and {len(y):,} output rows; both must be of the same positions")
    (rows, mean, scale), (targets, output_mean, output_scale) = sae.center_and_scale(x), sae.center_and_scale(y)
    return rows, targets, ((mean, scale), (output_mean, output_scale))


def _with_skip(dictionary: Dictionary, S: Tensor, scaling: Scaling) -> Transcoder:
    (mean, scale), (_, output_scale) = scaling
    S = S * (scale / output_scale)
    return Transcoder(replace(dictionary, center=dictionary.center - S @ mean), S)

"""A dictionary of directions: activations to latents and back. Every sparse autoencoder is exported as one, and so is
every baseline, so that both go through the same door."""
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.errors import UserError, unknown
from workbench.probing.dictionaries.encoders import READINGS

ROWS = 8192  # rows encoded at a time


@dataclass(frozen=True)
class Dictionary:
    """z_j = u_j where u_j > threshold_j, else 0, with u = W x + bias; then only the k largest of a row, if k. Decoded,
    x^ = z D + center. Latents that are read in another way name it in `reading`, one of `readings.READINGS`.

    encoder W (m, D), bias (m,), decoder D (m, D), center (D,), threshold (m,), all float32, in the units of the site:
    the centring and scaling of training is folded in. k: 0 for no limit. fingerprint: of the site it was learned at.
    about: form, settings and what training measured. A transcoder decodes to the width of another site. UserError where
    the reading is unknown.
    """

    encoder: Tensor
    bias: Tensor
    decoder: Tensor
    center: Tensor
    threshold: Tensor
    k: int = 0
    fingerprint: str = ""
    about: dict = field(default_factory=dict)
    reading: str = "threshold"

    def __post_init__(self):
        if self.reading not in READINGS:
            raise unknown("reading", self.reading, READINGS)

    @property
    def latents(self) -> int:
        return len(self.encoder)

    def digest(self) -> str:
        """Of what it computes: two dictionaries with one digest give the same latents."""
        found = hashlib.sha256(repr((self.k, self.reading, self.fingerprint)).encode())
        for tensor in (self.encoder, self.bias, self.decoder, self.center, self.threshold):
            found.update(tensor.contiguous().numpy().tobytes())
        return found.hexdigest()[:24]

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """(n, m) latents of x (n, D)."""
        return READINGS[self.reading](x, self)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """(n, D) reconstructions of latents (n, m)."""
        return torch.addmm(self.center, z, self.decoder)

    def latents_of(self, x: np.ndarray) -> csr_matrix:
        """Sparse (n, m) float32 latents of x (n, D), encoded a few rows at a time."""
        parts = []
        for start in range(0, len(x), ROWS):
            z = self.encode(torch.from_numpy(np.ascontiguousarray(x[start : start + ROWS])))
            at = (z != 0).nonzero().numpy()
            values = z.numpy()[at[:, 0], at[:, 1]]
            offsets = np.searchsorted(at[:, 0], np.arange(len(z) + 1))
            parts.append(csr_matrix((values, at[:, 1].astype(np.int32), offsets), shape=z.shape))
        from scipy.sparse import vstack

        return vstack(parts, format="csr") if parts else csr_matrix((0, self.latents), dtype=np.float32)

    def on(self, mark: str) -> "Dictionary":
        """Itself, if it was learned at the site with this fingerprint. UserError else."""
        if mark != self.fingerprint:
            raise UserError(
                f"this dictionary was learned at {self.about.get('site', 'another site')} ({self.fingerprint}); the "
                f"site, weights or data here are others ({mark})", code=3,
            )  # fmt: skip
        return self

    def save(self, folder: Path) -> None:
        """Write dictionary.safetensors into a folder."""
        from safetensors.torch import save_file

        names = ("encoder", "bias", "decoder", "center", "threshold")
        about = {"k": self.k, "fingerprint": self.fingerprint, "about": self.about, "reading": self.reading}
        save_file({name: getattr(self, name).contiguous().clone() for name in names}, folder / "dictionary.safetensors",
                  metadata={"about": json.dumps(about)})

    @staticmethod
    def load(folder: Path) -> "Dictionary":
        """What `save` wrote. UserError where there is nothing whole."""
        from safetensors import SafetensorError, safe_open

        path = Path(folder) / "dictionary.safetensors"
        try:
            with safe_open(path, "pt") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return Dictionary(**arrays, **json.loads(file.metadata()["about"]))
        except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
            raise UserError(f"{path}: no whole dictionary ({error}); train it again", code=3) from None

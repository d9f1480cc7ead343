"""A dictionary of directions that maps activations to latents and back. Every sparse autoencoder and every baseline is
exported as one, so that all share one interface."""
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.errors import UserError, unknown_name
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.encoders import ENCODERS

ROWS = 8192  # rows encoded at a time


@dataclass(frozen=True)
class Dictionary:
    """z_j = u_j if u_j > threshold_j, else 0, with u = W x + bias; then only the k largest per row, if k > 0. Decoding:
    x^ = z D + center. `encoding` selects another encoder, one of `encoders.ENCODERS`.

    encoder W (m, D), bias (m,), decoder D (m, D), center (D,), threshold (m,), all float32, in the units of the site:
    the centering and scaling of training is folded in. k: 0 for no limit. fingerprint: of the site it was trained on.
    about: kind, settings and learning curve. A transcoder decodes to the width of another site. Raises UserError for an
    unknown encoding.
    """

    encoder: Tensor
    bias: Tensor
    decoder: Tensor
    center: Tensor
    threshold: Tensor
    k: int = 0
    fingerprint: str = ""
    about: dict = field(default_factory=dict)
    encoding: str = "threshold"

    def __repr__(self) -> str:
        kind, width = self.about.get("kind", self.encoding), self.decoder.shape[1]
        return f"Dictionary {kind}: {self.latents:,} latents of width {width}, k={self.k}"

    def __post_init__(self):
        if self.encoding not in ENCODERS:
            raise unknown_name("encoding", self.encoding, ENCODERS)

    @property
    def latents(self) -> int:
        """The number of latents m."""
        return len(self.encoder)

    @property
    def key(self) -> str:
        """A digest of the parameters, the key of stored stages that depend on this dictionary."""
        digest = hashlib.sha256(repr((self.k, self.encoding, self.fingerprint)).encode())
        for tensor in (self.encoder, self.bias, self.decoder, self.center, self.threshold):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:24]

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """(n, m) latents of x (n, D). Raises UserError where x is not as wide as the site it was trained on."""
        width = self.encoder.shape[1] // (2 if self.encoding == "nonnegative" else 1)  # that one splits x by sign
        if x.shape[-1] != width:
            raise UserError(f"this dictionary was trained at {self.about.get('site', 'a site')} of width {width}; "
                            f"these activations have {x.shape[-1]}")  # fmt: skip
        return ENCODERS[self.encoding](x, self)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """(n, D) reconstructions of latents (n, m)."""
        return torch.addmm(self.center, z, self.decoder)

    def encode_sparse(self, x: np.ndarray | Activations) -> csr_matrix:
        """Sparse (n, m) float32 latents of x (n, D), encoded `ROWS` rows at a time. Activations know where they were
        read: raises UserError where that is another site, or other weights or data, as `check_site`."""
        from scipy.sparse import vstack

        if isinstance(x, Activations):
            x = self.check_site(x.fingerprint) and x.x
        blocks = []
        for start in range(0, len(x), ROWS):
            z = self.encode(torch.from_numpy(np.ascontiguousarray(x[start : start + ROWS])))
            index = (z != 0).nonzero().numpy()
            values = z.numpy()[index[:, 0], index[:, 1]]
            offsets = np.searchsorted(index[:, 0], np.arange(len(z) + 1))
            blocks.append(csr_matrix((values, index[:, 1].astype(np.int32), offsets), shape=z.shape))
        return vstack(blocks, format="csr") if blocks else csr_matrix((0, self.latents), dtype=np.float32)

    def check_site(self, fingerprint: str) -> "Dictionary":
        """Returns itself if it was trained at the site with this fingerprint. Raises UserError otherwise."""
        if fingerprint != self.fingerprint:
            raise UserError(
                f"this dictionary was trained at {self.about.get('site', 'another site')} ({self.fingerprint}); the "
                f"site, weights or data here are others ({fingerprint})", code=3,
            )  # fmt: skip
        return self

    def save(self, folder: Path) -> None:
        """Write dictionary.safetensors into a folder."""
        from safetensors.torch import save_file

        names = ("encoder", "bias", "decoder", "center", "threshold")
        about = {"k": self.k, "fingerprint": self.fingerprint, "about": self.about, "encoding": self.encoding}
        save_file({name: getattr(self, name).contiguous().clone() for name in names}, folder / "dictionary.safetensors",
                  metadata={"about": json.dumps(about)})

    @staticmethod
    def load(folder: Path) -> "Dictionary":
        """Read what `save` wrote. Raises UserError if the file is missing or corrupt."""
        from safetensors import SafetensorError, safe_open

        path = Path(folder) / "dictionary.safetensors"
        try:
            with safe_open(path, "pt") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return Dictionary(**arrays, **json.loads(file.metadata()["about"]))
        except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
            raise UserError(f"{path}: missing or corrupt dictionary ({error}); train it again", code=3) from None

"""Activations at a site: one row per unique (user, position, level), none for padding, with labels of what was read."""
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from workbench.data import Histories
from workbench.errors import UserError
from workbench.interfaces import HasCodes, InBatches, ReadoutPositions
from workbench.probing.activations.hooks import Site, capture, fingerprint
from workbench.progress import track

BATCH = 256  # histories processed at a time, unless the recommender sets a smaller batch


@dataclass(frozen=True)
class Activations:
    """Recorded activations at a site, one row per readout position.

    x: (n, D) float32. user, position (0-based index of the last event read), length (events visible to the model), last
    and next (item ids of the last event read and of the event after it; 0 for none), level (the code predicted next; 0
    where items have no codes): (n,) int32. site, fingerprint: the site, and a digest of site, weights and data.
    """

    x: np.ndarray
    user: np.ndarray
    position: np.ndarray
    length: np.ndarray
    last: np.ndarray
    next: np.ndarray
    level: np.ndarray
    site: Site
    fingerprint: str

    @property
    def key(self) -> str:
        """The key of stored stages that depend on these activations: the fingerprint."""
        return self.fingerprint

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: np.ndarray) -> "Activations":
        """The rows selected by an index array or a bool mask."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in ("site", "fingerprint")}
        return Activations(**arrays, site=self.site, fingerprint=self.fingerprint)

    def save(self, folder: Path) -> None:
        """Write activations.npz into a folder."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("site", "fingerprint")}
        about = np.array(json.dumps({"site": asdict(self.site), "fingerprint": self.fingerprint}))
        np.savez(Path(folder) / "activations.npz", about=about, **arrays)

    @staticmethod
    def load(folder: Path) -> "Activations":
        """Read what `save` wrote."""
        with np.load(Path(folder) / "activations.npz") as file:
            arrays = dict(file)
        about = json.loads(str(arrays.pop("about")))
        return Activations(**arrays, site=Site(**about["site"]), fingerprint=about["fingerprint"])

    def split_users(self, shares: tuple[float, ...] = (0.6, 0.2, 0.2), seed: int = 0) -> list["Activations"]:
        """A random split by user, so that no user is in two splits: for training, discovery and test."""
        order = np.random.default_rng(seed).permutation(np.unique(self.user))
        ends = np.round(np.cumsum(shares) / sum(shares) * len(order)).astype(int)
        return [self.take(np.isin(self.user, users)) for users in np.split(order, ends[:-1])]


class Chunks(NamedTuple):
    """Histories split into chunks that fit the model. start: (P,) offset of each chunk in the original item array."""

    histories: Histories
    start: np.ndarray


def split_into_chunks(histories: Histories, length: int) -> Chunks:
    """Non-overlapping chunks of at most `length` events, split from the end: every event is in exactly one."""
    count = -(-histories.lengths // length)
    row = np.repeat(np.arange(len(histories)), count)
    from_end = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    end = histories.offsets[row + 1] - from_end * length
    start = np.maximum(histories.offsets[row], end - length)
    offsets = np.concatenate([[0], np.cumsum(end - start)])
    index = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], end - start)
    return Chunks(histories.select(offsets, histories.users[row], index), start)


def record_activations(recommender, site: Site, histories: Histories, *, data_hash: str = "") -> Activations:
    """Record a site at every event of these histories, the last one included (its `next` is 0).

    recommender: a `Traceable`, with `module` and `max_length`. Raises UserError if the site does not exist, does not
    output one row per position, or outputs NaN.
    """
    return record_activations_at(recommender, (site,), histories, data_hash=data_hash)[site]


def record_activations_at(
    recommender, sites: Sequence[Site], histories: Histories, *, data_hash: str = ""
) -> dict[Site, Activations]:
    """`record_activations` at several sites, bit for bit the same, in one pass of the network.

    All activations are held in memory at once. Raises UserError as `record_activations`, and if `sites` is empty.
    """
    if not sites:
        raise UserError("no site is given; name at least one")
    chunks = split_into_chunks(histories, recommender.max_length)
    levels = recommender.codes.levels if isinstance(recommender, HasCodes) else 1
    buffers = {site: _Buffer(site, len(histories.items) * levels) for site in sites}
    label = "read " + ", ".join(site.path for site in buffers)
    size = recommender.batch if isinstance(recommender, InBatches) else BATCH
    with capture(recommender.module, *buffers) as outputs:
        for index in track(list(chunks.histories.batches(size)), label, unit="batches"):
            batch = chunks.histories.take(index)
            readout = recommender.trace(batch)
            row = np.searchsorted(batch.offsets, np.maximum(readout.event, 0), side="right") - 1
            event = chunks.start[index][row] + readout.event - batch.offsets[row]
            for site, tensors in outputs.items():
                buffers[site].put(tensors, readout, event * levels + readout.level)
                tensors.clear()
    fingerprints = {site: fingerprint(recommender.module, site, data_hash) for site in buffers}
    recorded = {}
    for site in list(buffers):
        x, index = buffers.pop(site).rows()
        recorded[site] = _labelled(x, index % levels, index // levels, histories, site, fingerprints[site])
    return recorded


class _Buffer:
    """The output of a site, each row written once at its final index: ordered by event, then by level."""

    def __init__(self, site: Site, size: int):
        """size: events times levels. Memory of rows that are never written is never touched."""
        self.site, self.size, self.filled, self.finite = site, size, np.zeros(size, bool), True
        self.x: np.ndarray | None = None

    def put(self, tensors: list[torch.Tensor], readout: ReadoutPositions, index: np.ndarray) -> None:
        """Write the readout positions of a site's output in one pass to the rows `index` (n,)."""
        if len(tensors) != 1:
            raise UserError(f"site {self.site.path}: {len(tensors)} calls in a pass; choose one with call=0, 1 ...")
        x, mask = tensors[0], torch.from_numpy(readout.mask)
        if x.shape[:-1] != mask.shape:
            raise UserError(
                f"site {self.site.path} outputs {tuple(x.shape)}; expected {tuple(mask.shape)} and a width, one row "
                "per position that the model reads"
            )
        rows = x[mask]
        if self.x is None:
            self.x = np.empty((self.size, rows.shape[1]), np.float32)
        torch.from_numpy(self.x)[torch.from_numpy(index)] = rows
        self.filled[index] = True
        self.finite &= bool(rows.sum().isfinite())  # a sum is finite only if all terms are, unless it overflows

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, D) the written rows in order, and (n,) their indices. Raises UserError if one is not finite."""
        index = np.flatnonzero(self.filled)
        x = self.x if len(index) == self.size else self.x[index]
        bad = 0 if self.finite else int((~np.isfinite(x)).any(1).sum())
        if bad:
            raise UserError(f"site {self.site.path}: {bad:,} of {len(x):,} activations are NaN or infinite", code=3)
        return x, index


def _labelled(
    x: np.ndarray, level: np.ndarray, event: np.ndarray, histories: Histories, site: Site, fingerprint: str
) -> Activations:
    row = np.searchsorted(histories.offsets, event, side="right") - 1
    following = np.append(histories.items, 0)[event + 1]
    return Activations(
        x=x, user=histories.users[row], position=(event - histories.offsets[row]).astype(np.int32),
        length=histories.lengths[row].astype(np.int32), last=histories.items[event],
        next=np.where(event + 1 < histories.offsets[row + 1], following, 0).astype(np.int32),
        level=level.astype(np.int32), site=site, fingerprint=fingerprint,
    )  # fmt: skip

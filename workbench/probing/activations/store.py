"""Activations at a site: one row for each unique (user, place), never one for padding, with what it has read."""
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from workbench.data import Histories
from workbench.errors import UserError
from workbench.interfaces import Asked, Units
from workbench.probing.activations.hooks import Site, capture, fingerprint
from workbench.progress import track

BATCH = 256  # histories read at a time, unless the recommender wants fewer


@dataclass(frozen=True)
class Activations:
    """What flows at a site. All arrays have a row a unit.

    x: (n, D) float32. user, place (how many events were read before the last one, from 0), length (events that the
    model could see), last and next (item ids; 0 for none), level (the code that is spelled next; 0 where items have no
    codes): (n,) int32. site, fingerprint: where it was taken, of which weights and data.
    """

    x: np.ndarray
    user: np.ndarray
    place: np.ndarray
    length: np.ndarray
    last: np.ndarray
    next: np.ndarray
    level: np.ndarray
    site: Site
    fingerprint: str

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: np.ndarray) -> "Activations":
        """The units at `index`, or where a bool mask holds."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in ("site", "fingerprint")}
        return Activations(**arrays, site=self.site, fingerprint=self.fingerprint)

    def save(self, folder: Path) -> None:
        """Write activations.npz into a folder."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("site", "fingerprint")}
        about = np.array(json.dumps({"site": asdict(self.site), "fingerprint": self.fingerprint}))
        np.savez(Path(folder) / "activations.npz", about=about, **arrays)

    @staticmethod
    def load(folder: Path) -> "Activations":
        """What `save` wrote."""
        with np.load(Path(folder) / "activations.npz") as file:
            arrays = dict(file)
        about = json.loads(str(arrays.pop("about")))
        return Activations(**arrays, site=Site(**about["site"]), fingerprint=about["fingerprint"])

    def users(self, share: tuple[float, ...] = (0.6, 0.2, 0.2), seed: int = 0) -> list["Activations"]:
        """The units in parts of whole users, drawn at random: to train on, to discover on, to test on."""
        known = np.unique(self.user)
        order = np.random.default_rng(seed).permutation(known)
        ends = np.round(np.cumsum(share) / sum(share) * len(order)).astype(int)
        parts = np.split(order, ends[:-1])
        return [self.take(np.isin(self.user, part)) for part in parts]


class Pieces(NamedTuple):
    """Histories cut into what a model reads at a time. start: (P,) where each begins in the arrays it was cut from."""

    histories: Histories
    start: np.ndarray


def pieces(histories: Histories, length: int) -> Pieces:
    """Pieces of at most `length` events, cut from the end, without overlap: every event stands in one of them."""
    count = -(-histories.lengths // length)
    row = np.repeat(np.arange(len(histories)), count)
    back = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    end = histories.offsets[row + 1] - back * length
    start = np.maximum(histories.offsets[row], end - length)
    offsets = np.concatenate([[0], np.cumsum(end - start)])
    at = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], end - start)
    return Pieces(Histories(offsets, histories.items[at], histories.users[row]), start)


def activations(recommender, site: Site, histories: Histories, *, data_hash: str = "") -> Activations:
    """Read a site at every event of these histories (their last one as well: its `next` is 0).

    recommender: a `roles.Traceable`, with `module` and `max_length`. UserError where the site does not exist, puts out
    no tensor of a row a unit, or NaN.
    """
    return activations_of(recommender, (site,), histories, data_hash=data_hash)[site]


def activations_of(
    recommender, sites: Sequence[Site], histories: Histories, *, data_hash: str = ""
) -> dict[Site, Activations]:
    """What `activations` gives at each of several sites, bit for bit, with one pass of the network for all of them.

    The activations of all sites are in memory at once. UserError as `activations`, and where no site is given.
    """
    if not sites:
        raise UserError("no site is given; name at least one")
    cut = pieces(histories, recommender.max_length)
    levels = recommender.codes.levels if hasattr(recommender, "codes") else 1
    rows = {site: _Rows(site, len(histories.items) * levels) for site in sites}
    what = "read " + ", ".join(site.path for site in rows)
    size = recommender.batch if isinstance(recommender, Asked) else BATCH
    with capture(recommender.module, *rows) as seen:
        for index in track(list(cut.histories.batches(size)), what, unit="batches"):
            part = cut.histories.take(index)
            units = recommender.trace(part)
            row = np.searchsorted(part.offsets, np.maximum(units.event, 0), side="right") - 1
            event = cut.start[index][row] + units.event - part.offsets[row]
            for site, found in seen.items():
                rows[site].put(found, units, event * levels + units.level)
                found.clear()
    marks = {site: fingerprint(recommender.module, site, data_hash) for site in rows}
    made = {}
    for site in list(rows):
        x, at = rows.pop(site).all()
        made[site] = _joined(x, at % levels, at // levels, histories, site, marks[site])
    return made


class _Rows:
    """What a site puts out, each unit's row written once, where it stands in the end: by event, then level."""

    def __init__(self, site: Site, slots: int):
        """slots: events times levels; memory that no unit is written to is never touched."""
        self.site, self.slots, self.filled, self.finite = site, slots, np.zeros(slots, bool), True
        self.x: np.ndarray | None = None

    def put(self, seen: list[torch.Tensor], units: Units, at: np.ndarray) -> None:
        """The rows of the units, of what the site put out in one pass, to the slots `at` (n,)."""
        if len(seen) != 1:
            raise UserError(f"site {self.site.path}: {len(seen)} calls in a pass; choose one with call=0, 1 ...")
        x, mask = seen[0], torch.from_numpy(units.mask)
        if x.shape[:-1] != mask.shape:
            raise UserError(
                f"site {self.site.path} puts out {tuple(x.shape)}; expected {tuple(mask.shape)} and a width, a row for "
                "each place that the model reads"
            )
        rows = x[mask]
        if self.x is None:
            self.x = np.empty((self.slots, rows.shape[1]), np.float32)
        torch.from_numpy(self.x)[torch.from_numpy(at)] = rows
        self.filled[at] = True
        self.finite &= bool(rows.sum().isfinite())  # a sum is finite only where all are, unless it overflows

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, D) the rows in order, and (n,) their slots. UserError where one is no number."""
        at = np.flatnonzero(self.filled)
        x = self.x if len(at) == self.slots else self.x[at]
        bad = 0 if self.finite else int((~np.isfinite(x)).any(1).sum())
        if bad:
            raise UserError(f"site {self.site.path}: {bad:,} of {len(x):,} activations are NaN or infinite", code=3)
        return x, at


def _joined(
    x: np.ndarray, level: np.ndarray, event: np.ndarray, histories: Histories, site: Site, mark: str
) -> Activations:
    row = np.searchsorted(histories.offsets, event, side="right") - 1
    following = np.append(histories.items, 0)[event + 1]
    return Activations(
        x=x, user=histories.users[row], place=(event - histories.offsets[row]).astype(np.int32),
        length=histories.lengths[row].astype(np.int32), last=histories.items[event],
        next=np.where(event + 1 < histories.offsets[row + 1], following, 0).astype(np.int32),
        level=level.astype(np.int32),
        site=site, fingerprint=mark,
    )  # fmt: skip

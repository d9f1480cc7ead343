"""Semantic IDs: L codes an item, what happens where two items share them, and the trie they span."""
import io
import json
import logging
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from workbench.artifacts import write_bytes
from workbench.errors import UserError, unknown
from workbench.tokens.trie import Trie, build

log = logging.getLogger("workbench")
DAMAGED = (
    OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
POLICIES = ("none", "dedup", "nearest")


@dataclass(frozen=True)
class ItemCodes:
    """(I+1, L) int32 codes of items 1..I, row 0 is -1; knows its own shape, so a saved folder loads by itself.

    sizes: K for each level. raw_ids: (I,) text, the canonical raw id of items 1..I. policy: what was done where full
    codes collide (none, dedup, nearest). version: counts re-tokenisations during a joint training. about: where the
    codes come from, as JSON values.
    """

    codes: np.ndarray
    sizes: tuple[int, ...]
    raw_ids: np.ndarray
    policy: str = "none"
    version: int = 0
    about: dict = field(default_factory=dict)

    @property
    def levels(self) -> int:
        return len(self.sizes)

    @property
    def n_items(self) -> int:
        return len(self.codes) - 1

    @cached_property
    def trie(self) -> Trie:
        return build(self.codes, self.sizes)

    @property
    def prefixes(self) -> tuple[int, ...]:
        """How many different prefixes of 2, 3 .. L codes there are."""
        return tuple(len(count) for count in self.trie.counts[2:])

    @property
    def collides(self) -> bool:
        """Whether any two items share all their codes."""
        return bool((self.trie.group_size > 1).any())

    def name(self, item: int) -> str:
        """The code of an item as a person reads it, such as "12-7-201"."""
        return "-".join(map(str, self.codes[item].tolist()))

    def renewed(self, codes: np.ndarray) -> "ItemCodes":
        """The same items with other codes of the same shape, one version on: what `refresh_codes` of a tokenizer that
        is trained jointly calls."""
        return replace(self, codes=checked(codes, self.sizes, len(self.raw_ids)), version=self.version + 1)

    def permuted(self, rng: np.random.Generator) -> "ItemCodes":
        """Placebo: the same codes, each given to another item. The trie keeps its shape and loses its meaning."""
        rows = np.concatenate([self.codes[:1], self.codes[1:][rng.permutation(self.n_items)]])
        return replace(self, codes=rows, about=self.about | {"permuted": True})

    def save(self, folder: Path) -> None:
        """Write codes.npz into a folder, whole or not at all."""
        about = {"sizes": self.sizes, "policy": self.policy, "version": self.version, "about": self.about}
        text = np.array(json.dumps(about))
        packed = io.BytesIO()
        np.savez_compressed(packed, codes=self.codes[1:], raw_ids=self.raw_ids.astype(np.str_), about=text)
        write_bytes(Path(folder) / "codes.npz", packed.getvalue())

    @classmethod
    def load(cls, folder: Path | str) -> "ItemCodes":
        """What `save` wrote. UserError if the folder holds no codes, or damaged ones."""
        folder = Path(folder)
        try:
            with np.load(folder / "codes.npz") as file:
                codes, raw_ids, about = file["codes"], file["raw_ids"].astype(object), json.loads(str(file["about"]))
            sizes, rest = tuple(about["sizes"]), {name: about[name] for name in ("policy", "version", "about")}
            if not all(type(size) is int and size > 0 for size in sizes) or type(rest["about"]) is not dict:
                raise ValueError(f"sizes {sizes} and about {rest['about']!r}")
        except DAMAGED as error:
            raise UserError(f"{folder} holds no item codes ({error})", code=3) from error
        return item_codes(codes, sizes, raw_ids, **rest)

    def on(self, raw_ids: np.ndarray) -> "ItemCodes":
        """The same codes for a catalogue with these raw ids (I,), in its order.

        UserError where an item has no code, as with the codes of another dataset. Codes of further items are dropped,
        so a log that was cut down keeps its codes; a warning says how many.
        """
        place = {raw: row for row, raw in enumerate(self.raw_ids.tolist(), start=1)}
        rows = np.array([place.get(str(raw), 0) for raw in raw_ids.tolist()], np.int64)
        if (rows == 0).any():
            missing = [str(raw) for raw, row in zip(raw_ids.tolist(), rows) if row == 0]
            raise UserError(
                f"{len(missing):,} of {len(rows):,} items have no code, the first is {missing[0]!r}: these codes, of "
                f"{len(place):,} items, are of another dataset, or of an older version of it", code=3,
            )  # fmt: skip
        if len(place) > len(rows):
            log.warning("%d of the %d items of these codes are not in this catalogue; left out", len(place) - len(rows),
                        len(place))
        codes = np.concatenate([self.codes[:1], self.codes[rows]])
        return replace(self, codes=codes, raw_ids=np.asarray(raw_ids, object))


def checked(codes: np.ndarray, sizes: tuple[int, ...], n_items: int) -> np.ndarray:
    """(I+1, L) int32 with row 0 of -1 from codes (I, L). UserError where they do not fit the sizes or the items."""
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.shape != (n_items, len(sizes)) or codes.dtype.kind not in "iu":
        raise UserError(
            f"codes of shape {codes.shape} and type {codes.dtype}; expected integers of shape {(n_items, len(sizes))}"
        )
    outside = (codes < 0) | (codes >= np.array(sizes)) if len(sizes) else np.zeros(codes.shape, bool)
    if outside.any():
        item, level = np.argwhere(outside)[0]
        raise UserError(
            f"item {item + 1} has code {codes[item, level]} at level {level + 1}, which has codes 0..{sizes[level] - 1}"
        )
    return np.concatenate([np.full((1, len(sizes)), -1, np.int32), codes.astype(np.int32)])


def item_codes(
    codes: np.ndarray, sizes: tuple[int, ...], raw_ids: np.ndarray, *, policy: str = "none", version: int = 0,
    about: dict | None = None,
) -> ItemCodes:  # fmt: skip
    """ItemCodes of codes (I, L) that are final, whatever policy made them. UserError where they do not fit."""
    if policy not in POLICIES:
        raise unknown("collision policy", policy, POLICIES)
    rows = checked(codes, tuple(sizes), len(raw_ids))
    if len(set(raw_ids)) < len(raw_ids):
        raise UserError(f"{len(raw_ids) - len(set(raw_ids))} items have a raw id that another item has too", code=3)
    return ItemCodes(rows, tuple(map(int, sizes)), np.asarray(raw_ids, object), policy, version, about or {})

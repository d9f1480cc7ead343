"""ItemCodes: the semantic IDs of a catalogue, L codes per item, with their prefix trie."""
import io
import json
import logging
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from workbench.artifacts import digest, write_bytes
from workbench.data.schema import RAW, Dataset
from workbench.errors import UserError, unknown_name
from workbench.tokens.trie import Trie, build_trie

log = logging.getLogger("workbench")
DAMAGED = (
    OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
POLICIES = ("none", "dedup", "nearest", "sinkhorn", "empty-leaf")


@dataclass(frozen=True)
class ItemCodes:
    """The semantic IDs of items 1..I.

    codes: (I+1, L) int32, row 0 is -1. sizes: K for each level. raw_ids: (I,) text, the canonical raw id of each item.
    policy: how collisions of full codes were resolved, one of POLICIES. version: counts what
    `with_codes` changed, as joint training does. about: provenance of the codes, as JSON values.
    """

    codes: np.ndarray
    sizes: tuple[int, ...]
    raw_ids: np.ndarray
    policy: str = "none"
    version: int = 0
    about: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        levels = f"{self.levels} levels of {self.sizes} codes"
        return f"ItemCodes of {self.n_items:,} items: {levels}, collisions: {self.policy}"

    @property
    def levels(self) -> int:
        return len(self.sizes)

    @property
    def n_items(self) -> int:
        return len(self.codes) - 1

    @cached_property
    def trie(self) -> Trie:
        return build_trie(self.codes, self.sizes)

    @property
    def key(self) -> str:
        """Digest of the codes, by which stored stages are keyed."""
        return digest([self.codes.tolist(), list(self.sizes)])[:24]

    @property
    def prefix_counts(self) -> tuple[int, ...]:
        """Number of distinct prefixes of 2, 3 .. L codes."""
        return tuple(len(count) for count in self.trie.counts[2:])

    @property
    def has_collisions(self) -> bool:
        """Whether any two items have the same codes."""
        return bool((self.trie.group_size > 1).any())

    def code_string(self, item: int) -> str:
        """The codes of an item as a string, such as "12-7-201"."""
        return "-".join(map(str, self.codes[item].tolist()))

    def with_codes(self, codes: np.ndarray) -> "ItemCodes":
        """The same items with other codes of the same shape, and `version` incremented (joint tokenizer training)."""
        return replace(self, codes=validated_codes(codes, self.sizes, len(self.raw_ids)), version=self.version + 1)

    def permuted(self, rng: np.random.Generator) -> "ItemCodes":
        """Control: the codes permuted among items. The trie keeps its shape; the assignment of items is random."""
        rows = np.concatenate([self.codes[:1], self.codes[1:][rng.permutation(self.n_items)]])
        return replace(self, codes=rows, about=self.about | {"permuted": True})

    def save(self, folder: Path) -> None:
        """Write codes.npz into a folder atomically."""
        about = {"sizes": self.sizes, "policy": self.policy, "version": self.version, "about": self.about}
        text = np.array(json.dumps(about))
        buffer = io.BytesIO()
        np.savez_compressed(buffer, codes=self.codes[1:], raw_ids=self.raw_ids.astype(np.str_), about=text)
        write_bytes(Path(folder) / "codes.npz", buffer.getvalue())

    @classmethod
    def load(cls, folder: Path | str) -> "ItemCodes":
        """Load codes written by `save`. UserError if the folder contains no codes or damaged ones."""
        folder = Path(folder)
        try:
            with np.load(folder / "codes.npz") as file:
                codes, raw_ids, about = file["codes"], file["raw_ids"].astype(object), json.loads(str(file["about"]))
            sizes, fields = tuple(about["sizes"]), {name: about[name] for name in ("policy", "version", "about")}
            if not all(type(size) is int and size > 0 for size in sizes) or type(fields["about"]) is not dict:
                raise ValueError(f"sizes {sizes} and about {fields['about']!r}")
        except DAMAGED as error:
            raise UserError(f"{folder} contains no valid item codes ({error})", code=3) from error
        return item_codes(codes, sizes, raw_ids, **fields)

    def for_catalogue(self, raw_ids: np.ndarray) -> "ItemCodes":
        """The codes aligned to a catalogue with these raw ids (I,), in its order.

        UserError where an item has no codes, as with the codes of another dataset. Codes of other items are dropped
        with a warning, so a filtered dataset keeps its codes.
        """
        row_of = {raw: row for row, raw in enumerate(self.raw_ids.tolist(), start=1)}
        rows = np.array([row_of.get(str(raw), 0) for raw in raw_ids.tolist()], np.int64)
        if (rows == 0).any():
            missing = [str(raw) for raw, row in zip(raw_ids.tolist(), rows) if row == 0]
            raise UserError(
                f"{len(missing):,} of {len(rows):,} items have no codes, the first is {missing[0]!r}: these codes, of "
                f"{len(row_of):,} items, belong to another dataset, or to an older version of it", code=3,
            )  # fmt: skip
        if len(row_of) > len(rows):
            log.warning("%d of the %d items of these codes are not in this catalogue; dropped", len(row_of) - len(rows),
                        len(row_of))
        codes = np.concatenate([self.codes[:1], self.codes[rows]])
        return replace(self, codes=codes, raw_ids=np.asarray(raw_ids, object))


def validated_codes(codes: np.ndarray, sizes: tuple[int, ...], n_items: int) -> np.ndarray:
    """(I+1, L) int32 with row 0 of -1 from codes (I, L). UserError where they do not match sizes and items."""
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
    """ItemCodes from final codes (I, L), after any collision policy. UserError where they do not match the sizes."""
    if policy not in POLICIES:
        raise unknown_name("collision policy", policy, POLICIES)
    rows = validated_codes(codes, tuple(sizes), len(raw_ids))
    if len(set(raw_ids)) < len(raw_ids):
        raise UserError(f"{len(raw_ids) - len(set(raw_ids))} items share their raw id with another item", code=3)
    return ItemCodes(rows, tuple(map(int, sizes)), np.asarray(raw_ids, object), policy, version, about or {})


def raw_ids(dataset: Dataset) -> np.ndarray:
    """(I,) canonical raw ids in order of item ids."""
    return dataset.items[RAW].to_numpy(dtype=object)

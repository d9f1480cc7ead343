"""The codes of a dataset's items by kind, which is a file of kinds/ and known by its name."""
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from workbench.data import Dataset
from workbench.errors import UserError, unknown_name
from workbench.registry import Registry
from workbench.tokens.codes import POLICIES, ItemCodes, item_codes, raw_ids
from workbench.tokens.collisions import append_dedup_code

REGISTRY = Registry("kind of item codes", Path(__file__).parent / "kinds")
KINDS = REGISTRY.descriptions()
CONTENT_KINDS = tuple(name for name in KINDS if REGISTRY.literal(name, "READS_VECTORS", False))
MAX_LEVELS = 16


def default_size(n_items: int) -> int:
    """The default number of codes per level: the power of two above 2 sqrt(I), at most 256 and at most I.

    >>> default_size(12_101), default_size(500)
    (256, 64)
    """
    return int(min(256, max(n_items, 2), 2 ** np.ceil(np.log2(2 * np.sqrt(max(n_items, 1))))))


def is_codes_folder(kind: str) -> bool:
    """Whether `kind` is a folder of saved codes. UserError for a path that does not exist."""
    if kind in KINDS or not kind:
        return False
    with suppress(OSError):  # a name that is too long for a path
        if Path(kind).is_dir():
            return True
    if os.sep in kind:
        raise UserError(f"{kind}: no such folder of item codes, and no kind of that name: {', '.join(KINDS)}")
    return False


def check_settings(kind: str, n_items: int, *, levels: int, size: int, policy: str, normalize: bool, seed: int) -> None:
    """UserError for settings that are invalid for `n_items` items."""
    if policy not in POLICIES:
        raise unknown_name("collision policy", policy, POLICIES)
    if not all(type(number) is int for number in (levels, size, seed)) or type(normalize) is not bool:
        raise UserError(f"levels, size and seed are whole numbers, normalize is True or False: {levels!r}, {size!r}, "
                        f"{seed!r}, {normalize!r}")  # fmt: skip
    if not 1 <= levels <= MAX_LEVELS or size < 0 or size == 1:
        raise UserError(f"codes need 1 to {MAX_LEVELS} levels and a size >= 2 (or 0, the default): {levels} and {size}")
    if size > max(n_items, 2):
        raise UserError(f"size={size}: more codes per level than items; the default size is {default_size(n_items)}")
    if policy not in ("none", "dedup") and not REGISTRY.literal(kind, "DISTANCES", False):
        raise UserError(f"policy {policy!r} needs distances, which {kind} codes do not have; use dedup or none")


def make_codes(
    kind: str, dataset: Dataset, vectors: np.ndarray | None = None, *, levels: int = 3, size: int = 0,
    policy: str = "dedup", normalize: bool = False, seed: int = 0,
) -> ItemCodes:  # fmt: skip
    """The ItemCodes of a dataset, of one of KINDS.

    vectors: (I+1, D), for the kinds in CONTENT_KINDS. levels, size: L and K (0: `default_size`); published codes have
    their own, and the category tree its own sizes. policy: what to do about collisions: none, dedup, or, for
    kinds with distances, nearest, sinkhorn, empty-leaf (tokens/reassignment.py). UserError for an invalid setting.
    """
    check_settings(kind, dataset.n_items, levels=levels, size=size, policy=policy, normalize=normalize, seed=seed)
    codes, sizes, about = REGISTRY.load(kind).codes(
        dataset, vectors, levels=levels, size=size or default_size(dataset.n_items), policy=policy,
        normalize=normalize, seed=seed,
    )  # fmt: skip
    return finished_codes(codes, sizes, raw_ids(dataset), policy, {"kind": kind, "dataset": dataset.name} | about)


def finished_codes(
    codes: np.ndarray, sizes: tuple[int, ...], ids: np.ndarray, policy: str, about: dict
) -> ItemCodes:  # fmt: skip
    """ItemCodes of raw ids (I,) from the codes (I, L) of a tokenizer: with a further code under dedup, and with how
    many items share the codes of an earlier one in `about`."""
    about = about | {"collided": int((np.unique(codes, axis=0, return_counts=True)[1] - 1).sum())}
    if policy == "dedup":
        codes, sizes = append_dedup_code(codes, sizes)
    return item_codes(codes, sizes, ids, policy=policy, about=about)

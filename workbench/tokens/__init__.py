"""Semantic IDs of items: tokenizers, control codes, published codes, collision policies and the prefix trie.

Read codes (ItemCodes) and trie first, then rq_kmeans, control_codes, published_codes and collisions.
"""
import logging
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from workbench.data import Dataset
from workbench.errors import UserError, unknown_name
from workbench.tokens import collisions, control_codes, published_codes
from workbench.tokens.codes import POLICIES, ItemCodes, item_codes
from workbench.tokens.rq_kmeans import RQKMeans

__all__ = [
    "CONTENT_KINDS", "KINDS", "ItemCodes", "RQKMeans", "check_settings", "default_size", "is_codes_folder",
    "item_codes", "make_codes",
]  # fmt: skip
log = logging.getLogger("workbench")
KINDS = {
    "rq-kmeans": "residual k-means on the item vectors, level by level",
    "category": "control: the category tree of the catalogue, nothing learned",
    "random": "control: random codes",
    "hash": "control: codes from a hash of the raw id",
    "letter": "published by LETTER (Beauty): RQ-VAE with collaborative and diversity terms, 4 x 256",
    "apao": "published by APAO (Beauty, Office, Grocery): RQ-KMeans, 4 x 256",
}
MAX_LEVELS = 16
CONTENT_KINDS = ("rq-kmeans",)  # kinds that read item vectors


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
    if kind not in KINDS:
        raise unknown_name("kind of item codes", kind, KINDS)
    if policy not in POLICIES:
        raise unknown_name("collision policy", policy, POLICIES)
    if not all(type(number) is int for number in (levels, size, seed)) or type(normalize) is not bool:
        raise UserError(f"levels, size and seed are whole numbers, normalize is True or False: {levels!r}, {size!r}, "
                        f"{seed!r}, {normalize!r}")  # fmt: skip
    if not 1 <= levels <= MAX_LEVELS or size < 0 or size == 1:
        raise UserError(f"codes need 1 to {MAX_LEVELS} levels and a size >= 2 (or 0, the default): {levels} and {size}")
    if size > max(n_items, 2):
        raise UserError(f"size={size}: more codes per level than items; the default size is {default_size(n_items)}")
    if policy == "nearest" and kind not in CONTENT_KINDS:
        raise UserError(f"policy 'nearest' needs distances, which {kind} codes do not have; use dedup or none")


def make_codes(
    kind: str, dataset: Dataset, vectors: np.ndarray | None = None, *, levels: int = 3, size: int = 0,
    policy: str = "dedup", normalize: bool = False, seed: int = 0,
) -> ItemCodes:  # fmt: skip
    """The ItemCodes of a dataset, of one of KINDS.

    vectors: (I+1, D), for the kinds in CONTENT_KINDS. levels, size: L and K (0: `default_size`); published codes have
    their own, and the category tree its own sizes. policy: what to do about collisions: none, dedup or nearest
    (rq-kmeans only). UserError for an invalid setting.
    """
    check_settings(kind, dataset.n_items, levels=levels, size=size, policy=policy, normalize=normalize, seed=seed)
    sizes = (size or default_size(dataset.n_items),) * levels
    about = {"kind": kind, "dataset": dataset.name, "seed": seed}
    if kind in CONTENT_KINDS:
        about["normalize"] = normalize
        codes = _rq_kmeans(vectors, sizes, policy, normalize, seed, about)
    elif kind == "category":
        codes, sizes = control_codes.category_codes(dataset, levels=levels)
    elif kind == "random":
        codes = control_codes.random_codes(dataset.n_items, levels=levels, size=sizes[0], seed=seed)
    elif kind == "hash":
        codes = control_codes.hash_codes(control_codes.raw_ids(dataset), levels=levels, size=sizes[0])
    else:
        published = published_codes.load(kind, dataset)
        codes, sizes, about = published.codes[1:], published.sizes, published.about
    about["collided"] = int((np.unique(codes, axis=0, return_counts=True)[1] - 1).sum())
    if policy == "dedup":
        codes, sizes = collisions.append_dedup_code(codes, sizes)
    return item_codes(codes, sizes, control_codes.raw_ids(dataset), policy=policy, about=about)


def _rq_kmeans(vectors, sizes, policy: str, normalize: bool, seed: int, about: dict) -> np.ndarray:
    if vectors is None:
        raise UserError("rq-kmeans codes need item vectors")
    tokenizer = RQKMeans(levels=len(sizes), size=sizes[0], normalize=normalize, seed=seed).fit(vectors[1:])
    codes, last_residuals = tokenizer.residuals(vectors[1:])
    about["unexplained_variance"] = [round(share, 6) for share in tokenizer.unexplained_variance]
    if policy == "nearest":
        codes = collisions.assign_nearest_free(codes, sizes, lambda items: tokenizer.distances(last_residuals[items]))
    return codes

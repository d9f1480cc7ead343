"""Item vectors to semantic IDs: tokenizers, controls, published codes, collisions and the trie."""
import logging
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from workbench.data import Dataset
from workbench.errors import UserError, unknown
from workbench.tokens import collisions, control_codes, published_codes
from workbench.tokens.codes import POLICIES, ItemCodes, item_codes
from workbench.tokens.rq_kmeans import RQKMeans

__all__ = ["CONTENT", "KINDS", "ItemCodes", "RQKMeans", "check", "is_folder", "item_codes", "make", "usual_size"]
log = logging.getLogger("workbench")
KINDS = {
    "rq-kmeans": "k-means on the item vectors, then on what it leaves over, level by level",
    "category": "control: the catalogue's own tree, nothing learned",
    "random": "control: codes dealt out at random",
    "hash": "control: digits of a hash of the raw id",
    "letter": "published by LETTER (Beauty): RQ-VAE with collaborative and diversity terms, 4 x 256",
    "apao": "published by APAO (Beauty, Office, Grocery): RQ-KMeans, 4 x 256",
}
LEVELS = 16  # more than anybody spells
CONTENT = ("rq-kmeans",)  # kinds that read item vectors


def usual_size(n_items: int) -> int:
    """Codes a level where none is asked for: 256, or for a small catalogue the power of two above 2 sqrt(I), at most I.

    >>> usual_size(12_101), usual_size(500)
    (256, 64)
    """
    return int(min(256, max(n_items, 2), 2 ** np.ceil(np.log2(2 * np.sqrt(max(n_items, 1))))))


def is_folder(kind: str) -> bool:
    """Whether a kind of codes is a folder of saved ones. UserError for a path that leads nowhere."""
    if kind in KINDS or not kind:
        return False
    with suppress(OSError):  # a name that is too long for a path
        if Path(kind).is_dir():
            return True
    if os.sep in kind:
        raise UserError(f"{kind}: there is no such folder of item codes, nor a kind of that name: {', '.join(KINDS)}")
    return False


def check(kind: str, n_items: int, *, levels: int, size: int, policy: str, normalize: bool, seed: int) -> None:
    """UserError for settings that no codes of `n_items` items can have."""
    if kind not in KINDS:
        raise unknown("kind of item codes", kind, KINDS)
    if policy not in POLICIES:
        raise unknown("collision policy", policy, POLICIES)
    if not all(type(number) is int for number in (levels, size, seed)) or type(normalize) is not bool:
        raise UserError(f"levels, size and seed are whole numbers, normalize is True or False: {levels!r}, {size!r}, "
                        f"{seed!r}, {normalize!r}")  # fmt: skip
    if not 1 <= levels <= LEVELS or size < 0 or size == 1:
        raise UserError(f"codes need 1 to {LEVELS} levels and a size >= 2 (or 0, the usual one): {levels} and {size}")
    if size > max(n_items, 2):
        raise UserError(f"size={size}: more codes a level than items; the usual size here is {usual_size(n_items)}")
    if policy == "nearest" and kind not in CONTENT:
        raise UserError(f"policy 'nearest' needs distances, which {kind} codes have not; use dedup or none")


def make(
    kind: str, dataset: Dataset, vectors: np.ndarray | None = None, *, levels: int = 3, size: int = 0,
    policy: str = "dedup", normalize: bool = False, seed: int = 0,
) -> ItemCodes:  # fmt: skip
    """ItemCodes of a kind for a whole catalogue.

    vectors: (I+1, D), for kinds that read content. levels, size: L and K (0: `usual_size`); published codes bring their
    own, the category tree its own sizes. policy: none, dedup or nearest (rq-kmeans alone). UserError on a bad setting.
    """
    check(kind, dataset.n_items, levels=levels, size=size, policy=policy, normalize=normalize, seed=seed)
    sizes = (size or usual_size(dataset.n_items),) * levels
    about = {"kind": kind, "dataset": dataset.name, "seed": seed}
    if kind in CONTENT:
        about["normalize"] = normalize
        codes = _rq_kmeans(vectors, sizes, policy, normalize, seed, about)
    elif kind == "category":
        codes, sizes = control_codes.category(dataset, levels=levels)
    elif kind == "random":
        codes = control_codes.random(dataset.n_items, levels=levels, size=sizes[0], seed=seed)
    elif kind == "hash":
        codes = control_codes.hashed(control_codes.raw_ids(dataset), levels=levels, size=sizes[0])
    else:
        found = published_codes.load(kind, dataset)
        codes, sizes, about = found.codes[1:], found.sizes, found.about
    about["collided"] = int((np.unique(codes, axis=0, return_counts=True)[1] - 1).sum())
    if policy == "dedup":
        codes, sizes = collisions.dedup(codes, sizes)
    return item_codes(codes, sizes, control_codes.raw_ids(dataset), policy=policy, about=about)


def _rq_kmeans(vectors, sizes, policy: str, normalize: bool, seed: int, about: dict) -> np.ndarray:
    if vectors is None:
        raise UserError("rq-kmeans codes need item vectors")
    tokenizer = RQKMeans(levels=len(sizes), size=sizes[0], normalize=normalize, seed=seed).fit(vectors[1:])
    codes, last = tokenizer.residuals(vectors[1:])
    about["left_over"] = [round(share, 6) for share in tokenizer.errors]
    if policy == "nearest":
        codes = collisions.nearest(codes, sizes, lambda items: tokenizer.distances(last[items]))
    return codes

"""Codes that know nothing of the content, or only the catalogue's own tree: what learned codes have to beat."""
import numpy as np

from workbench.data.schema import RAW, Dataset, hash_ids
from workbench.errors import UserError
from workbench.train.rng import stream


def random(n_items: int, *, levels: int, size: int, seed: int = 0) -> np.ndarray:
    """(I, L) int32: at each level a fresh random order dealt out to the K codes, so that all are used alike."""
    dealt = np.arange(n_items) % size
    rng = stream(seed, "random codes")
    return np.column_stack([rng.permutation(dealt) for _ in range(levels)]).astype(np.int32)


def hashed(raw_ids: np.ndarray, *, levels: int, size: int) -> np.ndarray:
    """(I, L) int32: digits of a hash of the raw id, the same for an item in every dataset and at every seed."""
    digits = [hash_ids(raw_ids, seed=1 + level) % np.uint64(size) for level in range(levels)]
    return np.column_stack(digits).astype(np.int32)


def category(dataset: Dataset, *, levels: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """(I, L) int32 codes and their sizes: the first L levels of the category path on which items differ, nothing
    learned. Siblings are numbered by name; an item whose path ends early repeats its last step as 0.

    UserError where the dataset has no category.
    """
    if "category" not in dataset.items or not dataset.items["category"].astype("string").fillna("").str.len().any():
        raise UserError(f"{dataset.name} has no categories, so there are no category codes; try random or hash", code=3)
    paths = dataset.items["category"].map(steps).tolist()
    depth = max(map(len, paths))
    table = np.array([path + [""] * (depth - len(path)) for path in paths], dtype=object)
    differ = [level for level in range(depth) if len(set(table[:, level])) > 1][:levels]
    columns, sizes, parent = [], [], np.zeros(len(table), np.int64)
    for level in differ:
        names = np.unique(table[:, level].astype(str), return_inverse=True)[1].ravel()
        pairs, node = np.unique(np.column_stack([parent, names]), axis=0, return_inverse=True)
        first = np.searchsorted(pairs[:, 0], pairs[:, 0])  # pairs are sorted, so siblings stand together
        code = (np.arange(len(pairs)) - first)[node.ravel()]
        columns.append(code)
        sizes.append(int(code.max()) + 1)
        parent = node.ravel()
    if not columns:
        raise UserError(f"{dataset.name}: all items are of one category, so its codes would all be equal", code=3)
    return np.column_stack(columns).astype(np.int32), tuple(sizes)


def steps(path: object) -> list[str]:
    """A category path as its steps; missing ones are no steps.

    >>> steps("Beauty > Skin Care")
    ['Beauty', 'Skin Care']
    """
    whole = "" if path is None or path != path else str(path)
    return [step.strip() for step in whole.replace("|", ">").split(">") if step.strip()]


def raw_ids(dataset: Dataset) -> np.ndarray:
    """(I,) canonical raw ids in the order of item ids."""
    return dataset.items[RAW].to_numpy(dtype=object)

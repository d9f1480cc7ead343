"""Control: the category tree of the catalogue, nothing learned."""
import numpy as np

from workbench.data.schema import Dataset
from workbench.errors import UserError


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes and their own sizes, of at most `levels` levels. UserError without categories."""
    return *category_codes(dataset, levels=levels), {}


def category_codes(dataset: Dataset, *, levels: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """(I, L) int32 control codes and their sizes: the first L levels of the category path on which items differ.

    Siblings are numbered alphabetically; the missing levels of a shorter path are coded as an empty name, 0. UserError
    where the dataset has no categories.
    """
    if "category" not in dataset.items or not dataset.items["category"].astype("string").fillna("").str.len().any():
        raise UserError(f"{dataset.name} has no categories, so there are no category codes; try random or hash", code=3)
    paths = dataset.items["category"].map(split_category_path).tolist()
    depth = max(map(len, paths))
    table = np.array([path + [""] * (depth - len(path)) for path in paths], dtype=object)
    informative = [level for level in range(depth) if len(set(table[:, level])) > 1][:levels]
    columns, sizes, parent = [], [], np.zeros(len(table), np.int64)
    for level in informative:
        names = np.unique(table[:, level].astype(str), return_inverse=True)[1].ravel()
        pairs, node = np.unique(np.column_stack([parent, names]), axis=0, return_inverse=True)
        first = np.searchsorted(pairs[:, 0], pairs[:, 0])  # pairs are sorted, so siblings are adjacent
        code = (np.arange(len(pairs)) - first)[node.ravel()]
        columns.append(code)
        sizes.append(int(code.max()) + 1)
        parent = node.ravel()
    if not columns:
        raise UserError(f"{dataset.name}: all items are in one category, so all codes would be equal", code=3)
    return np.column_stack(columns).astype(np.int32), tuple(sizes)


def split_category_path(path: object) -> list[str]:
    """The levels of a category path; [] where it is missing.

    >>> split_category_path("Beauty > Skin Care")
    ['Beauty', 'Skin Care']
    """
    text = "" if path is None or path != path else str(path)
    return [level.strip() for level in text.replace("|", ">").split(">") if level.strip()]

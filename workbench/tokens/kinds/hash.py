"""Control: codes from a hash of the raw id."""
import numpy as np

from workbench.data.schema import Dataset, hash_ids
from workbench.tokens.codes import raw_ids


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes and the sizes of their levels."""
    return hash_codes(raw_ids(dataset), levels=levels, size=size), (size,) * levels, {}


def hash_codes(raw_ids: np.ndarray, *, levels: int, size: int) -> np.ndarray:
    """(I, L) int32 control codes from a hash of the raw id, the same in every dataset and for every seed."""
    digits = [hash_ids(raw_ids, seed=1 + level) % np.uint64(size) for level in range(levels)]
    return np.column_stack(digits).astype(np.int32)

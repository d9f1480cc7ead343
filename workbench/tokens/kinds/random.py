"""Control: random codes."""
import numpy as np

from workbench.data.schema import Dataset
from workbench.train.rng import named_rng


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes, the sizes of their levels, and the seed."""
    return random_codes(dataset.n_items, levels=levels, size=size, seed=seed), (size,) * levels, {"seed": seed}


def random_codes(n_items: int, *, levels: int, size: int, seed: int = 0) -> np.ndarray:
    """(I, L) int32 random control codes: independent per level and balanced over the K codes."""
    balanced = np.arange(n_items) % size
    rng = named_rng(seed, "random codes")
    return np.column_stack([rng.permutation(balanced) for _ in range(levels)]).astype(np.int32)

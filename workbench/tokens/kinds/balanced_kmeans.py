"""Residual k-means on the item vectors with clusters of equal size."""
import numpy as np

from workbench.data.schema import Dataset
from workbench.errors import UserError
from workbench.tokens.balanced_kmeans import BalancedKMeans

READS_VECTORS = True


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes, the sizes of the levels; per level the variance left unexplained, used codes and perplexity,
    and the capacity of a code. vectors: (I+1, D). UserError without vectors."""
    if vectors is None:
        raise UserError("balanced-kmeans codes need item vectors")
    made = BalancedKMeans(levels=levels, size=size, normalize=normalize, seed=seed).fit(vectors[1:])
    about = {"seed": seed, "normalize": normalize, "unexplained_variance": made.unexplained_variance}
    about |= {"used": made.used, "perplexity": made.perplexity, "capacity": made.capacity}
    return made.codes, (size,) * levels, about

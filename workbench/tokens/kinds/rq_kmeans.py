"""Residual k-means on the item vectors, level by level."""
import numpy as np

from workbench.data.schema import Dataset
from workbench.errors import UserError
from workbench.tokens.reassignment import resolve
from workbench.tokens.rq_kmeans import RQKMeans

READS_VECTORS = True
DISTANCES = True


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes, the sizes of their levels, and the variance that each level leaves unexplained. vectors:
    (I+1, D). UserError without vectors."""
    if vectors is None:
        raise UserError("rq-kmeans codes need item vectors")
    tokenizer = RQKMeans(levels=levels, size=size, normalize=normalize, seed=seed).fit(vectors[1:])
    found, last_residuals = tokenizer.residuals(vectors[1:])
    sizes, unexplained = (size,) * levels, [round(share, 6) for share in tokenizer.unexplained_variance]
    found = resolve(
        policy, found, sizes, distances=lambda items: tokenizer.distances(last_residuals[items]),
        vectors=vectors[1:], decode=tokenizer.decode,
    )  # fmt: skip
    return found, sizes, {"seed": seed, "normalize": normalize, "unexplained_variance": unexplained}

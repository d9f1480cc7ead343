"""Product quantisation of the item vectors after a learned rotation (OPQ): parallel codes, in no order."""
import numpy as np

from workbench.data.schema import Dataset
from workbench.errors import UserError
from workbench.tokens.pq import PQ
from workbench.tokens.reassignment import resolve
from workbench.tokens.rq_kmeans import unit_rows

READS_VECTORS = True
DISTANCES = True


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes, the sizes of the levels; per level the variance left unexplained, used codes and perplexity.
    vectors: (I+1, D). UserError without vectors, or with fewer columns than levels."""
    if vectors is None:
        raise UserError("pq codes need item vectors")
    made = PQ(levels=levels, size=size, normalize=normalize, seed=seed).fit(vectors[1:])
    found, last = made.sub_vectors(vectors[1:])
    found = resolve(policy, found, (size,) * levels, distances=lambda items: made.distances(last[items]),
                    vectors=unit_rows(vectors[1:]) if normalize else vectors[1:], decode=made.decode)  # fmt: skip
    about = {"seed": seed, "normalize": normalize, "unexplained_variance": made.unexplained_variance, "parallel": True}
    return found, (size,) * levels, about | {"used": made.used, "perplexity": made.perplexity}

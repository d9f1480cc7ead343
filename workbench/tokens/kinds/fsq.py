"""Finite scalar quantisation of the latent of an autoencoder of the item vectors, in parallel codes."""
import numpy as np

from workbench.data.schema import Dataset
from workbench.errors import UserError
from workbench.tokens.fsq import FSQ

READS_VECTORS = True


def codes(
    dataset: Dataset, vectors: np.ndarray | None, *, levels: int, size: int, policy: str, normalize: bool, seed: int
) -> tuple[np.ndarray, tuple[int, ...], dict]:  # fmt: skip
    """(I, L) int32 codes and their own sizes, the nearest products of digits below `size`; per level the variance left
    unexplained, used codes and perplexity. vectors: (I+1, D). UserError without vectors."""
    if vectors is None:
        raise UserError("fsq codes need item vectors")
    made = FSQ(levels=levels, size=size, normalize=normalize, seed=seed).fit(vectors[1:])
    about = {"seed": seed, "normalize": normalize, "unexplained_variance": made.unexplained_variance, "parallel": True}
    about |= {"used": made.used, "perplexity": made.perplexity, "epochs": made.epochs, "digits": list(made.digits)}
    return made.encode(vectors[1:]), made.sizes, about

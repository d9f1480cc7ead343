"""Control: the text vectors, with a model the sentence vectors, permuted among items."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.embed.kinds import sentence, text
from workbench.train.rng import named_rng

READS = "text"
MODEL = ""


def vectors(dataset: Dataset, split: Split, *, dim: int, seed: int, model: str) -> np.ndarray:
    """(I+1, D) float32. UserError as of the kind that is permuted."""
    kind = sentence if model else text
    return permuted_vectors(kind.vectors(dataset, split, dim=dim, seed=seed, model=model), seed)


def permuted_vectors(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Rows 1..I permuted among items: the geometry is preserved, the assignment to items is random."""
    order = named_rng(seed, "permuted item vectors").permutation(len(vectors) - 1)
    return np.concatenate([vectors[:1], vectors[1:][order]])

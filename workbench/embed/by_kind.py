"""Item vectors of a kind, which is a file of kinds/ and known by its name."""
from pathlib import Path

import numpy as np

from workbench.data import Dataset, Split
from workbench.errors import UserError
from workbench.registry import Registry

REGISTRY = Registry("kind of item vectors", Path(__file__).parent / "kinds")
KINDS = REGISTRY.descriptions()


def model_used(kind: str, model: str = "") -> str:
    """The sentence encoder of a kind: the one that is named, else its default, "" for none. UserError for an unknown
    kind, or a model where none is used."""
    default = REGISTRY.literal(kind, "MODEL")
    if model and default is None:
        raise UserError(f"item vectors of kind {kind!r} use no model ({model!r} given); kind 'sentence' does")
    return model or default or ""


def item_vectors(
    kind: str, dataset: Dataset, split: Split, *, dim: int = 64, seed: int = 0, model: str = ""
) -> np.ndarray:  # fmt: skip
    """(I+1, dim) float32 item vectors of a kind, with a zero row 0.

    Text kinds read the item table of the dataset; collaborative reads `split.train` only. dim: number of columns; a
    sentence encoder has its own. model: the sentence encoder, for kinds that use one; "" for their default. UserError
    for an unknown kind, a model where none is used, or a dataset without the required data.
    """
    model = model_used(kind, model)
    if dim < 1:
        raise UserError(f"item vectors need dim of at least 1, not {dim}")
    vectors = REGISTRY.load(kind).vectors(dataset, split, dim=dim, seed=seed, model=model)
    if len(vectors) != dataset.n_items + 1 or vectors.dtype != np.float32 or vectors[0].any():
        raise UserError(f"item vectors of kind {kind!r}: {vectors.dtype} of shape {vectors.shape}; expected float32 of "
                        f"{dataset.n_items + 1} rows, the first of them zero")  # fmt: skip
    return vectors

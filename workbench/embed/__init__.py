"""Item vectors, (I+1, D) float32 with a zero row 0: from text, from train co-occurrence, or uninformative controls.

Read this file first; text and ppmi_svd hold the two families, svd what they share, control_vectors the controls.
"""
import numpy as np

from workbench.data import Dataset, Split
from workbench.errors import UserError, unknown_name

KINDS = {
    "text": "item text: TF-IDF and truncated SVD",
    "sentence": "item text: a sentence encoder, by name or local folder (extra: text)",
    "collaborative": "PPMI-SVD: positive pointwise mutual information of train co-occurrence and truncated SVD",
    "random": "control: random unit vectors",
    "permuted": "control: the text or sentence vectors, permuted among items",
}


def default_kind(dataset: Dataset) -> str:
    """The default kind of item vectors: text where items have text, else collaborative."""
    from workbench.embed.text import FIELDS

    fields = [dataset.items[name].astype("string") for name in FIELDS if name in dataset.items]
    has_text = any(field.str.contains(r"\w\w", na=False).any() for field in fields)
    return "text" if has_text else "collaborative"


def item_vectors(
    kind: str, dataset: Dataset, split: Split, *, dim: int = 64, seed: int = 0, model: str = ""
) -> np.ndarray:  # fmt: skip
    """(I+1, dim) float32 item vectors of a kind, with a zero row 0.

    Text kinds read the item table of the dataset; collaborative reads `split.train` only. dim: number of columns; a
    sentence encoder has its own. model: the sentence encoder, for sentence and permuted. UserError for an unknown kind,
    a model where none is used, or a dataset without the required data.
    """
    from workbench.embed import control_vectors, ppmi_svd, text

    if kind not in KINDS:
        raise unknown_name("kind of item vectors", kind, KINDS)
    if dim < 1:
        raise UserError(f"item vectors need dim of at least 1, not {dim}")
    if model and kind not in ("sentence", "permuted"):
        raise UserError(f"item vectors of kind {kind!r} use no model ({model!r} given); kind 'sentence' does")
    if kind == "random":
        return control_vectors.random_vectors(dataset.n_items, dim, seed)
    if kind == "collaborative":
        return ppmi_svd.ppmi_svd(split, dim, seed)
    if kind == "sentence" or model:
        vectors = text.sentence_encoder(dataset, model)
    else:
        vectors = text.tfidf_svd(dataset, dim, seed)
    return control_vectors.permuted_vectors(vectors, seed) if kind == "permuted" else vectors

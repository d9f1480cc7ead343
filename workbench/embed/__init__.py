"""Item vectors, (I+1, D) float32 with row 0 zeros: from text, from train interactions, or from nothing at all."""
import numpy as np

from workbench.data import Dataset, Split
from workbench.errors import UserError, unknown

KINDS = {
    "text": "item text: TF-IDF and a truncated SVD",
    "sentence": "item text: a sentence encoder, by name or local folder (extra: text)",
    "collaborative": "co-occurrence in train histories: positive pointwise mutual information and an SVD",
    "random": "placebo: random unit vectors",
    "permuted": "placebo: the text or sentence vectors, each given to another item",
}


def usual(dataset: Dataset) -> str:
    """The kind of item vectors to use where none is asked for: text where items have words, else collaborative."""
    from workbench.embed.text import FIELDS

    fields = [dataset.items[name].astype("string") for name in FIELDS if name in dataset.items]
    worded = any(field.str.contains(r"\w\w", na=False).any() for field in fields)
    return "text" if worded else "collaborative"


def vectors(
    kind: str, dataset: Dataset, split: Split, *, dim: int = 64, seed: int = 0, model: str = ""
) -> np.ndarray:  # fmt: skip
    """Item vectors of a kind. Text is catalogue input and reads the dataset; collaborative reads `split.train` alone.

    dim: columns, except with a sentence encoder, which brings its own. model: which sentence encoder, for sentence and
    permuted. UserError on an unknown kind, a model where none is used, or a dataset that lacks what the kind needs.
    """
    from workbench.embed import control_vectors, ppmi_svd, text

    if kind not in KINDS:
        raise unknown("kind of item vectors", kind, KINDS)
    if dim < 1:
        raise UserError(f"item vectors need dim of at least 1, not {dim}")
    if model and kind not in ("sentence", "permuted"):
        raise UserError(f"item vectors of kind {kind!r} use no model ({model!r} given); kind 'sentence' does")
    if kind == "random":
        return control_vectors.random(dataset.n_items, dim, seed)
    if kind == "collaborative":
        return ppmi_svd.cooccurrence(split, dim, seed)
    if kind == "sentence" or model:
        real = text.sentence_encoder(dataset, model)
    else:
        real = text.tfidf_svd(dataset, dim, seed)
    return control_vectors.permuted(real, seed) if kind == "permuted" else real

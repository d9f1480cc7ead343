"""Item vectors from text: TF-IDF with truncated SVD, or a sentence encoder."""
import html

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.data.schema import Dataset
from workbench.embed.svd import l2_normalize, truncated_svd
from workbench.errors import UserError

FIELDS = ("title", "text", "category", "brand")


def documents(dataset: Dataset) -> pd.Series:
    """(I,) one text per item, in order of item ids: title, text, category and brand, as far as they exist.

    UserError where no item has text.
    """
    fields = [dataset.items[name].astype("string").fillna("") for name in FIELDS if name in dataset.items]
    joined = pd.Series("", index=dataset.items.index, dtype="string")
    for field in fields:
        joined = (joined + " " + field).str.strip()
    if not (joined != "").any():
        raise UserError(
            f"{dataset.name} has no item text ({', '.join(FIELDS)}); kinds of item vectors without text: "
            "collaborative, random", code=3,
        )  # fmt: skip
    return joined.map(html.unescape)


def tfidf_svd(dataset: Dataset, dim: int = 64, seed: int = 0) -> np.ndarray:
    """(I+1, dim) float32 unit rows: truncated SVD of the sublinear TF-IDF of the item text.

    An item without text has a zero row; with fewer terms than `dim` the last columns are zero. UserError without text.
    """
    return truncated_svd(tfidf(dataset), dim, seed)


def tfidf(dataset: Dataset) -> sparse.csr_matrix:
    """(I, F) float32: sublinear TF-IDF of the item text, unit rows in order of item ids. UserError without text."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = documents(dataset)
    try:
        return TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(texts)
    except ValueError as error:  # sklearn's "empty vocabulary": no word of two letters
        raise UserError(f"{dataset.name}: item text without words; use collaborative or random", code=3) from error


def sentence_encoder(dataset: Dataset, model: str) -> np.ndarray:
    """(I+1, D) float32: unit rows from a sentence-transformers model of embedding size D.

    model: a local folder or a published name. UserError where the extra is not installed or the model cannot be loaded.
    """
    if not model:
        raise UserError("the kind 'sentence' needs a model: the name or local folder of a sentence encoder")
    texts = documents(dataset)
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError(
            f"the sentence encoder {model!r} needs the extra 'text': pip install 'workbench-recsys[text]'"
        ) from error
    try:
        encoder = SentenceTransformer(model)
    except (OSError, ValueError) as error:
        raise UserError(f"the sentence encoder {model!r} cannot be loaded: give a name or a local folder") from error
    encoded = np.asarray(encoder.encode(texts.tolist(), show_progress_bar=False), np.float32)
    encoded[(texts == "").to_numpy()] = 0
    return np.concatenate([np.zeros((1, encoded.shape[1]), np.float32), l2_normalize(encoded)])

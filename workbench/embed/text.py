"""Item vectors from text: TF-IDF with truncated SVD."""
import numpy as np
from scipy import sparse

from workbench.data.schema import Dataset
from workbench.embed.documents import documents
from workbench.embed.svd import truncated_svd
from workbench.errors import UserError


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

"""The words of items as columns that have names: for models that read or predict words."""
import numpy as np
from scipy import sparse

from workbench.data.schema import Dataset
from workbench.embed.documents import documents
from workbench.errors import UserError

WORD = r"(?u)\b[^\W\d_]{3,}\b"  # letters only: numbers and years name items more than topics
AT_MOST, AT_LEAST = 0.5, 2  # the share of items, and the number of them, that a word may and must be of


def item_words(dataset: Dataset, limit: int = 2000) -> tuple[sparse.csr_matrix, list[str]]:
    """(I+1, F+1) float32 sublinear TF-IDF, unit rows, and its F+1 names; row 0 and column 0, named "", are empty.

    Of English words of three letters or more without stop words, in at least two items and at most half of them, the
    `limit` most frequent. An item without any has an empty row. UserError where no item has text, or no word remains.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    read = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, token_pattern=WORD, stop_words="english",
                           max_df=AT_MOST, min_df=AT_LEAST, max_features=limit)  # fmt: skip
    try:
        found = read.fit_transform(documents(dataset))
    except ValueError as error:  # sklearn's "empty vocabulary", or "no terms remain"
        raise UserError(f"{dataset.name}: no two items have a word in common that most do not have", code=3) from error
    shape = (found.shape[0] + 1, found.shape[1] + 1)
    padded = sparse.csr_matrix((found.data, found.indices + 1, np.concatenate([[0], found.indptr])), shape=shape)
    return padded, ["", *read.get_feature_names_out().tolist()]


def words_of_rows(items: sparse.csr_matrix, words: sparse.csr_matrix) -> sparse.csr_matrix:
    """(B, F+1) float32: the sum of the words (I+1, F+1) of the items of rows (B, I+1), scaled to length 1 per row."""
    found = (items @ words).tocsr().astype(np.float32)
    found.sort_indices()
    length = np.sqrt(np.asarray(found.multiply(found).sum(1)).ravel())
    found.data /= np.repeat(length, np.diff(found.indptr))
    return found

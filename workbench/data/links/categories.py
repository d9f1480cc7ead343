"""The categories of items as a sparse matrix, from paths (`Beauty > Skin Care`) and lists (`Comedy | Romance`)."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from workbench.data.schema import Dataset


def item_categories(dataset: Dataset) -> csr_matrix:
    """(I+1, C) float64: 1 where an item is in a category, by the column category of the items; row 0 is empty.

    `|` separates several categories of an item; a path is in a category at each of its levels. Items without any are
    together in one of their own, so C is at least 1.
    """
    items = dataset.items
    given = items["category"] if "category" in items else pd.Series("", items.index)
    of_item, texts = pd.factorize(given.astype("string").fillna(""))
    names = [category_names(text) for text in texts]
    codes, found = pd.factorize(np.array([name for each in names for name in each], dtype=object))
    of_text = np.repeat(np.arange(len(texts)), [len(each) for each in names])
    table = csr_matrix((np.ones(len(codes)), (of_text, codes)), shape=(len(texts), len(found)))
    return vstack([csr_matrix((1, len(found))), table[of_item]], format="csr")


def category_names(text: str) -> list[str]:
    """The categories that a text names, each once; [""] if it names none.

    >>> category_names("Beauty > Skin Care | Gifts")
    ['Beauty', 'Beauty > Skin Care', 'Gifts']
    """
    paths = [[level.strip() for level in path.split(">") if level.strip()] for path in text.split("|")]
    names = [" > ".join(path[: depth + 1]) for path in paths for depth in range(len(path))]
    return list(dict.fromkeys(names)) or [""]

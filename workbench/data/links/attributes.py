"""The attributes of items that a user can be asked about, as a sparse matrix."""
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix

from workbench.data.links.categories import category_names
from workbench.data.schema import Dataset
from workbench.errors import UserError

WHERE = "datasets with attributes are synthetic, movielens-small, office, beauty and lastfm-star"
LEAST = 5  # items of an attribute: fewer are nearly the item's own name


class Attributes(NamedTuple):
    """names: (A,). matrix: (I+1, A) float32 csc, 1 where an item has an attribute; row 0 is empty."""

    names: list[str]
    matrix: csc_matrix


def item_attributes(dataset: Dataset, *, least: int = LEAST) -> Attributes:
    """The attributes by the table `attributes` of (item, attribute) where there is one, else by the columns category,
    brand, tags, price_band and year (as decades) of the items.

    Left out are those of fewer than `least` items, and those that tell nothing apart as every item has them. UserError
    where none is left; it names datasets that have some.
    """
    pairs = pd.DataFrame(_pairs(dataset), columns=["item", "attribute"]).drop_duplicates()
    counts = pairs["attribute"].value_counts()
    kept = counts[(counts >= least) & (counts < dataset.n_items)].sort_index()
    if kept.empty:
        raise UserError(f"{dataset.name}: no attribute of items that a user could be asked about, of {len(counts):,} "
                        f"found, with {least} items or more and not all; {WHERE}")  # fmt: skip
    pairs = pairs[pairs["attribute"].isin(kept.index)]
    columns = kept.index.get_indexer(pairs["attribute"])
    values = np.ones(len(pairs), np.float32)
    shape = (dataset.n_items + 1, len(kept))
    return Attributes(kept.index.tolist(), csc_matrix((values, (pairs["item"].to_numpy(), columns)), shape=shape))


def _pairs(dataset: Dataset) -> Iterator[tuple[int, str]]:
    if "attributes" in dataset.tables:
        yield from dataset.tables["attributes"][["item", "attribute"]].itertuples(index=False, name=None)
        return
    items = dataset.items
    readers = {
        "category": lambda text: [f"category {name}" for name in category_names(text) if name],
        "brand": lambda text: [f"brand {text}"],
        "tags": lambda text: [f"tag {tag.strip()}" for tag in text.split(",") if tag.strip()],
        "price_band": lambda text: [f"price {text}"],
        "year": lambda text: [f"decade {int(float(text)) // 10 * 10}"],
    }
    for column in (column for column in readers if column in items):
        known = items[column].dropna()
        for item, text in zip(known.index, known.astype(str)):
            yield from ((item, name) for name in readers[column](text.strip()) if text.strip())

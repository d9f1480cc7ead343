"""What an item is: the concepts that a latent may stand for, as a table of items, without any language model."""
import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Dataset, Split
from workbench.tokens import ItemCodes
from workbench.tokens.control_codes import steps

LEAST = 10  # items that a concept needs
LISTED = ("genre", "tags", "genres")  # columns that list several things, with | between them
BANDS, DECILES = 5, 10
NOTHING = np.array(["nothing known"], object), np.array(["nothing known"], object)
log = logging.getLogger("workbench")


class Concepts(NamedTuple):
    """names, families: (C,) such as "category 2: Skin Care" and "category 2". members: (I+1, C) csr of 0 and 1, row 0
    empty."""

    names: np.ndarray
    families: np.ndarray
    members: csr_matrix

    def take(self, index: np.ndarray) -> "Concepts":
        """Some of the concepts."""
        return Concepts(self.names[index], self.families[index], self.members[:, index])


def item_concepts(
    dataset: Dataset, split: Split, *, codes: ItemCodes | None = None, columns: tuple[str, ...] = (), least: int = LEAST
) -> Concepts:
    """What is known of the items: category at each level of its path, or each of several, genres and tags, brand, price
    band within the first category, popularity in train, code prefixes, and further `columns` of the item table.

    Concepts of fewer than `least` items, or of all but that many, are left out; of those with the same items the first
    stays.
    """
    items = dataset.items
    found: list[pd.DataFrame] = []
    if "category" in items and not items["category"].astype("string").str.contains(">", na=False).any():
        found.append(_labelled("category", items["category"].astype("string").str.split("|").explode().str.strip()))
    elif "category" in items:
        paths = items["category"].map(steps)
        for level in range(int(paths.map(len).max() or 0)):
            step = paths.map(lambda path, at=level: path[at] if len(path) > at else None)
            found.append(_labelled(f"category {level + 1}", step))
    for name in (*LISTED, "brand", *columns):
        if name in items:
            column = items[name].astype("string")
            if name in LISTED:
                column = column.str.split("|").explode().str.strip()
            found.append(_labelled(name, column))
    if "price" in items:
        found.append(_labelled("price", _price_band(items)))
    decile = pd.Series(deciles(split.train_counts())[1:], index=items.index)
    found.append(_labelled("popularity", decile.map(lambda d: f"decile {d + 1}")))
    if codes is not None:
        for depth in (1, 2)[: codes.levels]:
            node = pd.Series(codes.codes[1:, :depth].tolist(), index=items.index).map(lambda c: "-".join(map(str, c)))
            found.append(_labelled(f"code {depth}", node))
    return _table(pd.concat(found, ignore_index=True), dataset.n_items, least)


def deciles(counts: np.ndarray) -> np.ndarray:
    """(I+1,) 0 to 9, the tenth of the catalogue that an item is of by its train counts (I+1,), rarest first; padding
    is -1."""
    rank = np.argsort(np.argsort(counts[1:], kind="stable"), kind="stable") + 1
    return np.concatenate([[-1], rank * DECILES // (len(rank) + 1)])


def _labelled(family: str, labels: pd.Series) -> pd.DataFrame:
    labels = labels.dropna()
    labels = labels[labels.astype(str).str.strip() != ""]
    return pd.DataFrame({"item": labels.index.to_numpy(), "family": family, "label": labels.astype(str).to_numpy()})


def _price_band(items: pd.DataFrame) -> pd.Series:
    """Fifths of the price within the first category, or within all items where there is none."""
    price = pd.to_numeric(items["price"], errors="coerce")
    first = items["category"].map(lambda path: (steps(path) or [""])[0]) if "category" in items else ""
    rank = price.groupby(first if isinstance(first, pd.Series) else np.zeros(len(price))).rank(pct=True)
    return np.ceil(rank * BANDS).map(lambda band: f"band {int(band)} of {BANDS}", na_action="ignore")


def _table(rows: pd.DataFrame, n_items: int, least: int) -> Concepts:
    rows = rows.drop_duplicates()
    key, names = pd.factorize(rows["family"] + ": " + rows["label"])
    whole = csr_matrix((np.ones(len(rows), np.float32), (rows["item"], key)), shape=(n_items + 1, len(names)))
    families = rows["family"].to_numpy()[np.unique(key, return_index=True)[1]]
    size = np.asarray(whole.sum(axis=0)).ravel()
    mark = np.random.default_rng(0).integers(1, 2**62, n_items + 1)  # a sum of random numbers tells sets apart
    sums = whole.astype(np.int64).T @ mark
    first = np.zeros(len(names), bool)
    first[np.unique(sums, return_index=True)[1]] = True
    kept = np.flatnonzero((size >= least) & (size <= n_items - least) & first)
    return Concepts(np.asarray(names, object)[kept], families[kept], whole[:, kept])


def content(concepts: Concepts) -> Concepts:
    """All but popularity, which no permutation among items as popular can test. Where nothing is left, one concept that
    holds for no item stands in."""
    kept = np.flatnonzero(concepts.families != "popularity")
    if len(kept):
        return concepts.take(kept)
    log.warning("nothing is known of enough items to make a concept, so no latent can be certified")
    return Concepts(*NOTHING, csr_matrix((concepts.members.shape[0], 1), dtype=np.float32))

"""Item concepts: the labels that latents are tested against, from the item table and the train counts."""
import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Dataset, Split
from workbench.errors import unknown_name
from workbench.tokens import ItemCodes
from workbench.tokens.kinds.category import split_category_path

MIN_ITEMS = 10  # least items of a concept
MULTI_VALUED = ("genre", "tags", "genres")  # columns that hold several values, separated by |
BANDS, DECILES = 5, 10
NO_CONCEPT = np.array(["nothing known"], object), np.array(["nothing known"], object)
log = logging.getLogger("workbench")


class Concepts(NamedTuple):
    """names, families: (C,) such as "category 2: Skin Care" and "category 2". members: (I+1, C) csr of 0 and 1, row 0
    empty."""

    names: np.ndarray
    families: np.ndarray
    members: csr_matrix

    def members_of(self, name: str) -> np.ndarray:
        """(I+1,) bool: the items of a concept. UserError names the nearest where there is none of that name."""
        if name not in self.names:
            raise unknown_name("concept", name, self.names.tolist())
        return self.members[:, self.names.tolist().index(name)].toarray().ravel() > 0

    def take(self, index: np.ndarray) -> "Concepts":
        """A selection of the concepts."""
        return Concepts(self.names[index], self.families[index], self.members[:, index])


def item_concepts(
    dataset: Dataset, split: Split, *, codes: ItemCodes | None = None, columns: tuple[str, ...] = (),
    min_items: int = MIN_ITEMS,
) -> Concepts:  # fmt: skip
    """The concepts of the items: category at each level of the category path, or each of several categories; genres and
    tags; brand; price band within the first-level category; popularity decile in train; code prefixes; and further
    `columns` of the item table.

    Concepts of fewer than `min_items` items, or of all but fewer than that, are left out; of concepts with the same
    items the first is kept.
    """
    items = dataset.items
    families: list[pd.DataFrame] = []
    if "category" in items and not items["category"].astype("string").str.contains(">", na=False).any():
        families.append(_labels("category", items["category"].astype("string").str.split("|").explode().str.strip()))
    elif "category" in items:
        paths = items["category"].map(split_category_path)
        for level in range(int(paths.map(len).max() or 0)):
            step = paths.map(lambda path, at=level: path[at] if len(path) > at else None)
            families.append(_labels(f"category {level + 1}", step))
    for name in (*MULTI_VALUED, "brand", *columns):
        if name in items:
            column = items[name].astype("string")
            if name in MULTI_VALUED:
                column = column.str.split("|").explode().str.strip()
            families.append(_labels(name, column))
    if "price" in items:
        families.append(_labels("price", _price_band(items)))
    decile = pd.Series(popularity_deciles(split.train_counts())[1:], index=items.index)
    families.append(_labels("popularity", decile.map(lambda d: f"decile {d + 1}")))
    if codes is not None:
        for depth in (1, 2)[: codes.levels]:
            node = pd.Series(codes.codes[1:, :depth].tolist(), index=items.index).map(lambda c: "-".join(map(str, c)))
            families.append(_labels(f"code {depth}", node))
    return _table(pd.concat(families, ignore_index=True), dataset.n_items, min_items)


def popularity_deciles(counts: np.ndarray) -> np.ndarray:
    """(I+1,) popularity decile of each item by train counts (I+1,), 0 the least popular to 9; -1 for padding."""
    rank = np.argsort(np.argsort(counts[1:], kind="stable"), kind="stable") + 1
    return np.concatenate([[-1], rank * DECILES // (len(rank) + 1)])


def _labels(family: str, labels: pd.Series) -> pd.DataFrame:
    labels = labels.dropna()
    labels = labels[labels.astype(str).str.strip() != ""]
    return pd.DataFrame({"item": labels.index.to_numpy(), "family": family, "label": labels.astype(str).to_numpy()})


def _price_band(items: pd.DataFrame) -> pd.Series:
    """Quintiles of the price within the first-level category, or within all items without categories."""
    price = pd.to_numeric(items["price"], errors="coerce")
    first = items["category"].map(lambda path: (split_category_path(path) or [""])[0]) if "category" in items else ""
    rank = price.groupby(first if isinstance(first, pd.Series) else np.zeros(len(price))).rank(pct=True)
    return np.ceil(rank * BANDS).map(lambda band: f"band {int(band)} of {BANDS}", na_action="ignore")


def _table(rows: pd.DataFrame, n_items: int, min_items: int) -> Concepts:
    rows = rows.drop_duplicates()
    key, names = pd.factorize(rows["family"] + ": " + rows["label"])
    members = csr_matrix((np.ones(len(rows), np.float32), (rows["item"], key)), shape=(n_items + 1, len(names)))
    families = rows["family"].to_numpy()[np.unique(key, return_index=True)[1]]
    size = np.asarray(members.sum(axis=0)).ravel()
    hashes = np.random.default_rng(0).integers(1, 2**62, n_items + 1)  # equal sums of hashes: equal sets of items
    sums = members.astype(np.int64).T @ hashes
    first = np.zeros(len(names), bool)
    first[np.unique(sums, return_index=True)[1]] = True
    kept = np.flatnonzero((size >= min_items) & (size <= n_items - min_items) & first)
    return Concepts(np.asarray(names, object)[kept], families[kept], members[:, kept])


def without_popularity(concepts: Concepts) -> Concepts:
    """All concepts except popularity, which a popularity-stratified permutation cannot test. If none is left, a single
    concept that holds for no item."""
    kept = np.flatnonzero(concepts.families != "popularity")
    if len(kept):
        return concepts.take(kept)
    log.warning("no concept has enough items, so no latent can be tested")
    return Concepts(*NO_CONCEPT, csr_matrix((concepts.members.shape[0], 1), dtype=np.float32))

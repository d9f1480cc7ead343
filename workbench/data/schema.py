"""Column names and the frozen Dataset: one canonical raw id per user and item, integer ids ordered by a hash of it.

In several public files the id encodes the order of appearance, and recommending the next ids then scores far above
chance; ids here carry no information about positions in a file. Because ids follow a seeded hash, breaking ties by the
lower id is the same as breaking them by a seeded hash, and the first n users are a random sample.
"""
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.errors import UserError

USER, ITEM, TIME, ROW, RAW = "user", "item", "timestamp", "row", "raw_id"
MICROSECOND = "microsecond"  # of a timestamp, above its whole seconds
HELD_OUT = "held_out"  # bool: whether an event is of the published test set
ORDERS = ("sequence", "time", "none")


@dataclass(frozen=True)
class Dataset:
    """An interaction log with the attributes of its items and users.

    interactions: user int32 0..U-1, item int32 1..I, row int64 (position in the source), timestamp int64 in seconds
        where the source has times, microsecond int32 (0..999999) where some lie between two seconds, and optional
        columns such as rating, event or held_out (bool, the published test rows).
    items: indexed by item id 1..I; raw_id and, where the source has them, title, text, category (a path joined by
        " > "), brand, price, and alias columns for other published id spaces.
    users: indexed 0..U-1; raw_id and further attributes.
    tables: named side tables, whose ids are those of the dataset; workbench.data.tables.KINDS names the known kinds
        (relations, social, tree, geography, image ...). attach_tables adds tables of raw ids.
    order: "sequence" where the source is itself a published sequence (ordered by row), "time" for a raw log, "none"
        where the order of events is unknown.
    about: title, terms, citation, files (name -> sha256), counts of what was read and dropped.
    """

    name: str
    interactions: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    order: str = "time"
    about: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        events = len(self.interactions)
        return f"Dataset {self.name}: {self.n_users:,} users, {self.n_items:,} items, {events:,} events"

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def has_times(self) -> bool:
        return TIME in self.interactions

    def event_columns(self) -> dict[str, np.ndarray]:
        """The numeric columns of the events, name -> (N,): timestamp (int64 seconds) and further ones such as rating,
        missing numbers NaN. Not ids, places in the file and held_out."""
        columns = {}
        for name in self.interactions.columns.difference([USER, ITEM, ROW, MICROSECOND, HELD_OUT], sort=False):
            values = self.interactions[name]
            if pd.api.types.is_numeric_dtype(values):  # bools too
                array = values.to_numpy(np.int64) if name == TIME else values.to_numpy()
                columns[name] = values.to_numpy(np.float64, na_value=np.nan) if array.dtype == object else array
        return columns

    def with_exact_times(self) -> "Dataset":
        """The dataset with timestamps in microseconds where it has any: for what asks whether two are equal."""
        if MICROSECOND not in self.interactions:
            return self
        exact = self.interactions[TIME] * 1_000_000 + self.interactions[MICROSECOND]
        return replace(self, interactions=self.interactions.assign(**{TIME: exact}).drop(columns=MICROSECOND))

    def titles(self, items: np.ndarray | None = None) -> np.ndarray:
        """Item titles, or raw ids where there is none: (I+1,) for all items with '' at 0, or those of `items`."""
        names = self.items["title"] if "title" in self.items else self.items[RAW]
        names = names.where(names.astype("string").str.strip().str.len() > 0, self.items[RAW])
        table = np.concatenate([[""], names.to_numpy(dtype=object)])
        return table if items is None else table[np.asarray(items)]

    def save(self, folder: Path) -> None:
        """Write parquet tables and dataset.json into an existing folder."""
        for name, table in [("interactions", self.interactions), ("items", self.items), ("users", self.users)]:
            table.to_parquet(folder / f"{name}.parquet")
        for name, table in self.tables.items():
            table.to_parquet(folder / f"table-{name}.parquet")
        (folder / "dataset.json").write_text(json.dumps({"name": self.name, "order": self.order, "about": self.about}))

    @classmethod
    def load(cls, folder: Path) -> "Dataset":
        """Read a dataset written by `save`."""
        main = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("interactions", "items", "users")}
        extra = {p.stem.removeprefix("table-"): pd.read_parquet(p) for p in sorted(folder.glob("table-*.parquet"))}
        return cls(**main, tables=extra, **json.loads((folder / "dataset.json").read_text()))


def text_ids(raw: np.ndarray | pd.Series | pd.Index) -> np.ndarray:
    """(n,) object: raw ids as text, the same for 7 and "7"."""
    return np.fromiter(map(str, raw.tolist()), object, len(raw))


def hash_ids(raw: np.ndarray | pd.Series, seed: int = 0) -> np.ndarray:
    """(n,) uint64: a seeded SipHash of the text of each raw id, the same on every machine and for 7 and "7"."""
    key = hashlib.sha256(f"workbench ids {seed}".encode()).hexdigest()[:16]
    return pd.util.hash_array(text_ids(np.asarray(raw)), hash_key=key, categorize=False)


def hash_ranks(raw: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n,) int64: the rank of each distinct raw id by seeded hash; hash collisions are broken by the raw id."""
    hashes = hash_ids(raw, seed)
    order = np.argsort(hashes)
    if (hashes[order][1:] == hashes[order][:-1]).any():
        order = np.lexsort((np.asarray(raw).astype(str), hashes))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def compact_codes(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes below `size`, renumbered without gaps, and the old codes in use, ascending."""
    used = np.zeros(size, bool)
    used[codes] = True
    return codes if used.all() else (np.cumsum(used, dtype=np.int32) - 1)[codes], np.flatnonzero(used)


def factorize(values: np.ndarray | pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """(n,) integer codes and the distinct values they index, each of which occurs; a missing value has code -1.

    A Categorical is only compacted, and small integers are counted instead of hashed."""
    if isinstance(values.dtype, pd.CategoricalDtype) and not values.hasnans:
        codes, used = compact_codes(values.cat.codes.to_numpy(), len(values.cat.categories))
        return codes, values.cat.categories.to_numpy()[used]
    values = np.asarray(values)
    if values.dtype.kind == "i" and len(values) and values.min() >= 0 and values.max() < 4 * len(values) + 1000:
        return compact_codes(values, int(values.max()) + 1)
    return pd.factorize(values)


def assemble(
    name: str,
    events: pd.DataFrame,
    *,
    items: pd.DataFrame | None = None,
    users: pd.DataFrame | None = None,
    order: str = "time",
    about: dict | None = None,
    seed: int = 0,
) -> Dataset:
    """A Dataset from raw ids: users and items that occur in `events`, numbered by a seeded hash of their raw id.

    events: user, item (raw ids: text, integers or a Categorical of either), timestamp in seconds where known, row where
    the source's rows were filtered (default: the position in this frame), and further columns. items, users: a raw_id
    column and attributes; ids that never occur are dropped, ids without a row get empty attributes. UserError for an
    empty log or a missing id.
    """
    if not len(events):
        raise UserError(f"{name}: the log has no interactions", code=3)
    if order not in ORDERS:
        raise UserError(f"{name}: unknown order {order!r}; allowed: {', '.join(ORDERS)}")
    columns = {}
    tables_by_side = {}
    for column, attributes, base in ((USER, users, 0), (ITEM, items, 1)):
        codes, raw = factorize(events[column])
        if codes.min() < 0:
            raise UserError(f"{name}: the {column} id of row {int(codes.argmin()) + 1} is missing", code=3)
        text = text_ids(raw)
        rank = hash_ranks(text, seed)
        columns[column] = (rank + base).astype(np.int32)[codes]
        by_rank = np.empty_like(text)
        by_rank[rank] = text
        table = pd.DataFrame({RAW: by_rank}, index=pd.Index(np.arange(len(text)) + base, name=column))
        if attributes is not None:
            attributes = attributes.assign(**{RAW: attributes[RAW].astype(str)}).drop_duplicates(RAW).set_index(RAW)
            table = table.join(attributes, on=RAW)
        tables_by_side[column] = table
    row = events[ROW].to_numpy(np.int64) if ROW in events else np.arange(len(events), dtype=np.int64)
    other_columns = {column: events[column].array for column in events if column not in (USER, ITEM, ROW)}
    interactions = pd.DataFrame({**columns, ROW: row, **other_columns}, copy=False)
    return Dataset(name, interactions, tables_by_side[ITEM], tables_by_side[USER], {}, order, about or {})

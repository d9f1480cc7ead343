"""Histories that are not in the log: of raw item ids that a person types or a file lists."""
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data import Dataset, Histories
from workbench.data.formats import log_reader
from workbench.data.schema import RAW, text_ids
from workbench.errors import UserError, unknown_id


def given_histories(dataset: Dataset, lists: list[list[str]]) -> Histories:
    """Histories of raw item ids, oldest first, one per list, with users that the log does not have. UserError for an
    item that it does not have either, or a history without items."""
    raw = dataset.items[RAW].to_numpy()
    for number, items in enumerate(lists, 1):
        if not items:
            raise UserError(f"history {number} has no items; write their raw ids with commas between them")
    given = [item for items in lists for item in items]
    places = pd.Index(raw).get_indexer(given)
    if (places < 0).any():
        raise _unknown_item(dataset, given[int(np.flatnonzero(places < 0)[0])])
    offsets = np.concatenate([[0], np.cumsum([len(items) for items in lists])]).astype(np.int64)
    users = np.arange(dataset.n_users, dataset.n_users + len(lists), dtype=np.int32)
    return Histories(offsets, dataset.items.index.to_numpy()[places].astype(np.int32), users)


def _unknown_item(dataset: Dataset, text: str) -> UserError:
    """The error for a text that is no raw item id: of which item it is in the title, else the nearest id."""
    if "title" in dataset.items:
        titles = dataset.items["title"].astype("string").str.casefold()
        first = titles.str.partition(",")[0]  # a title is typed with its commas, at which a history is divided
        titled = dataset.items[RAW][((titles == text.casefold()) | (first == text.casefold())).fillna(False)]
        if len(titled):
            return UserError(f"{text!r} is in the title of the item {titled.iloc[0]!r} of {dataset.name}; a history "
                             "lists raw item ids")  # fmt: skip
    return unknown_id(f"item of {dataset.name}", text, dataset.items[RAW].tolist())


def split_items(text: str) -> list[str]:
    """["a", "b"] from "a, b"."""
    return [item for item in map(str.strip, text.split(",")) if item]


def read_histories(path: Path) -> dict[str, list[str]]:
    """Raw item ids by the name of their history: a table with the columns user and item, and timestamp if the rows are
    not in order; else a text file with one history a line, commas between items. UserError if it has none."""
    columns = log_reader.column_names(path, ("user", "item"))
    if {"user", "item"} <= set(columns):
        kinds = {"user": "id", "item": "id"} | ({"timestamp": "time"} if "timestamp" in columns else {})
        table = pd.DataFrame({name: text_ids(pd.Series(values)) if name != "timestamp" else values
                              for name, values in log_reader.read(path, kinds).columns.items()})  # fmt: skip
        if "timestamp" in table:
            table = table.sort_values("timestamp", kind="stable")
        return {user: items.tolist() for user, items in table.groupby("user", sort=False)["item"]}
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return {f"line {number}": split_items(line) for number, line in enumerate(lines, 1) if line.strip()}

"""Item tables of a log: titles and other attributes by raw id, from a table of their own or from the log itself."""
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data.formats import column_mapping, log_reader
from workbench.data.formats.containers.file_format import FileFormat
from workbench.data.formats.values.money import parse_money
from workbench.data.schema import ITEM, RAW
from workbench.errors import UserError

log = logging.getLogger("workbench")


def titles_from_log(events: dict) -> pd.DataFrame:
    """Raw ids and titles from the title column of the log, which is removed from `events`."""
    titles, codes = events.pop("title"), events[ITEM].codes
    has_title = titles.categories.str.strip() != ""
    first = np.flatnonzero(has_title[titles.codes])
    first = first[np.unique(codes[first], return_index=True)[1]]
    return pd.DataFrame({RAW: events[ITEM].categories.to_numpy()[codes[first]], "title": titles[first].to_numpy()})


def _check_overlap(path: Path, table_items: np.ndarray, log_items: pd.Index) -> None:
    """UserError (code 3) where the table has none of the log's items; a warning where it lacks some, with a guess at
    why, and where it has duplicate rows."""
    if not log_items.isin(table_items).any():
        theirs, ours = (", ".join(map(repr, map(str, ids[:3]))) for ids in (table_items, log_items))
        raise UserError(f"{path}: none of the log's {len(log_items):,} items is in it; its items are {theirs} ..., "
                        f"in the log {ours} ...", code=3)  # fmt: skip
    if missing := int((~log_items.isin(table_items)).sum()):
        stripped = log_items.str.lstrip("0").isin([str(item).lstrip("0") for item in table_items])
        without_zeros = int(stripped.sum()) - (len(log_items) - missing)
        hint = f"; {without_zeros:,} of these match without leading zeros, so write both alike" if without_zeros else ""
        log.warning("%s: %d of the log's %d items are not in it%s", path.name, missing, len(log_items), hint)
    if repeats := len(table_items) - len(set(table_items)):
        log.warning("%s: %d of %d rows repeat an item; the first of each is used", path.name, repeats, len(table_items))


def item_table(path: Path, item: str, title: str, events: pd.DataFrame, form: FileFormat) -> pd.DataFrame:
    """Item attributes by raw id; the column `title` becomes the title.

    UserError (code 3) where the table has none of the log's items.
    """
    columns_in_file = log_reader.column_names(path, (item,), form)
    key = column_mapping.find_column(path, item, columns_in_file)
    names = {name: column_mapping.ATOMIC_SUFFIX.sub("", name) for name in columns_in_file}
    if title != "title":
        title_column = column_mapping.find_column(path, title, columns_in_file)
        if title_column == key:
            raise UserError(f"{path}: one column is mapped to two roles: {key} is the item and its title")
        names = {name: names[name] for name in columns_in_file if names[name] != "title"} | {title_column: "title"}
    names = {name: new for name, new in names.items() if new != RAW} | {key: RAW}  # our raw_id overrides theirs
    table = log_reader.read(path, dict.fromkeys(names, "text"), form)
    columns = {names[name]: values for name, values in table.columns.items()}
    _check_overlap(path, columns[RAW], events[ITEM].cat.categories.astype(str))
    if "price" in columns:
        columns["price"], left_out = parse_money(columns["price"])
        negative = int((columns["price"] < 0).sum())
        reasons = ", ".join(f"{reason} ({count})" for reason, count in left_out.items())
        if negative or set(left_out) - {"empty"}:
            log.warning("%s: of %d prices %d are read, %d of them negative; the rest is missing: %s", path.name,
                        len(table.columns[key]), len(columns["price"]) - sum(left_out.values()), negative,
                        reasons or "none")  # fmt: skip
    return pd.DataFrame(columns)

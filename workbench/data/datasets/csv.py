"""Your own interaction log: CSV, TSV, JSON lines or parquet, compressed or not, with a column mapping.

Files: delimited text, JSON lines or an array of records, parquet, Arrow or ORC; plain, gzip, bzip2, xz, zstd or a zip
of one file; or a folder of part files (part-00000 ...), read in the order of their names. The first line of text names
the columns, separated by comma, tab, semicolon, bar, `::` or space; the type suffix of RecBole atomic files
(`user_id:token`) may be omitted. Blanks around values are removed, and rows that repeat the column names left out.

columns: the column names of a file without such a line, such as user,item,rating,timestamp.
layout: "events", a row an event, or "sequences", a row a user with his items in order: lines `user item item ...`, a
JSON object {user: [items]}, or a table with lists of items; the order of events is then that of the lists.
encoding: of text that is neither UTF-8 nor marked as UTF-16, such as latin-1 or gbk; also of the item table.
quoting: "auto" refuses a quoted field that seems to hold other rows, and reads the quotes of tab-separated text as
characters where they do not enclose fields; "standard" accepts such fields; "none" reads all quotes as characters.
"""
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data.formats import column_mapping, log_reader
from workbench.data.formats.containers.file_format import FileFormat, file_format
from workbench.data.formats.containers.file_kinds import digest
from workbench.data.kcore import k_core
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble
from workbench.errors import UserError, unknown_name

log = logging.getLogger("workbench")
MISSING_VALUE_WORDS = ["NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none", "-1"]  # read as ids, with a warning
POLICIES = ("keep", "first", "last", "drop-exact")


def load(
    *,
    path: str | None = None,
    user: str = USER,
    item: str = ITEM,
    timestamp: str | None = TIME,
    rating: str | None = None,
    event: str | None = None,
    items: str | None = None,
    item_title: str = "title",
    core: int = 0,
    duplicates: str = "keep",
    columns: str = "",
    layout: str = "events",
    encoding: str = "",
    quoting: str = "auto",
) -> Dataset:
    """An interaction log as a Dataset; the arguments map its columns.

    path: the log. columns, layout, encoding, quoting: how it is written, as described above.
    timestamp: seconds, milliseconds, microseconds, ISO dates or days as yyyymmdd. Without this column the log has no
    order; "" declares the row order to be the event order.
    rating, event: further columns to keep.
    items: path of an item table with the same item column. `item_title` becomes the title, other columns keep their
    names (text, category, brand and price are used). Without a table `item_title` is a column of the log, and an item's
    title is its first non-blank value.
    core: k of the k-core filter (0 or 1: none).
    duplicates: policy for repeated user-item pairs: keep, first or last (in time), or drop-exact (rows equal in every
    column read).

    UserError for an unknown column; with code 3 for bad data, naming file, line, column, value and remedy.
    """
    _check_options(path, user, item, duplicates, core)
    path, form = Path(str(path)).expanduser(), file_format(columns, layout, encoding, quoting)
    columns = log_reader.column_names(path, (user, item), form)
    if not form.columns:
        column_mapping.check_header(path, columns)
    title_column = None if items else _title_column(path, item_title, columns, (user, item, timestamp, rating, event))
    roles = {USER: (user, "id"), ITEM: (item, "id"), TIME: (_timestamp_column(columns, timestamp), "time"),
             "rating": (rating, "number"), "event": (event, "label"), "title": (title_column, "name")}  # fmt: skip
    mapping = {
        role: (column_mapping.find_column(path, name, columns), kind) for role, (name, kind) in roles.items() if name
    }
    if len({column for column, _ in mapping.values()}) < len(mapping):
        raise UserError(f"{path}: one column is mapped to two roles: {', '.join(c for c, _ in mapping.values())}")
    table = log_reader.read(path, dict(mapping.values()), form)
    events = {name: table.columns.pop(column) for name, (column, _) in mapping.items()}
    titles = _titles_from_log(events) if title_column else None
    _warn_of_missing_values(path, events)
    about = {"title": path.name, "files": {path.name: digest(path)}, "read": table.summary}
    kept, about["duplicates"] = _without_duplicates(events, duplicates)
    events, about["core"] = _within_core(events, kept, core)
    if not len(events):
        raise UserError(f"{path}: no user and item have {core} events each ({about['core']}); lower core", code=3)
    in_order = timestamp == "" or form.layout == "sequences"
    order = "time" if TIME in mapping else "sequence" if in_order else "none"
    table_form = form._replace(columns=(), layout="events")
    attributes = _item_table(Path(str(items)).expanduser(), item, item_title, events, table_form) if items else titles
    return assemble(path.name.partition(".")[0], events, items=attributes, order=order, about=about)


def _check_options(path: str | None, user: str, item: str, duplicates: str, core: int) -> None:
    """UserError for a value that is not allowed."""
    if not path:
        raise UserError("dataset csv needs the log: path=FILE (CSV, TSV or parquet; columns: user=, item=, timestamp=)")
    if duplicates not in POLICIES:
        raise unknown_name("duplicates", duplicates, POLICIES)
    if not (str(user) and str(item)):
        raise UserError(f"dataset csv needs the columns of users and items; given user={user!r} and item={item!r}")
    if core < 0:
        raise UserError(f"core must be at least 0 (0: all), not {core}")


def _timestamp_column(columns: list[str], timestamp: str | None) -> str | None:
    """The timestamp column; None where the default one does not exist."""
    found = any(column_mapping.ATOMIC_SUFFIX.sub("", name) == TIME for name in columns)
    return timestamp if timestamp != TIME or found else None


def _title_column(path: Path, title: str, columns: list[str], taken: tuple) -> str | None:
    """The title column of the log; None where the default one does not exist or is mapped to another role.

    UserError where a column other than the default does not exist.
    """
    available = [column_mapping.ATOMIC_SUFFIX.sub("", name) for name in columns if name not in taken]
    if title == "title" and (title in taken or title not in available):
        return None
    return column_mapping.find_column(path, title, columns)


def _titles_from_log(events: dict) -> pd.DataFrame:
    """Raw ids and titles from the title column of the log, which is removed from `events`."""
    titles, codes = events.pop("title"), events[ITEM].codes
    has_title = titles.categories.str.strip() != ""
    first = np.flatnonzero(has_title[titles.codes])
    first = first[np.unique(codes[first], return_index=True)[1]]
    return pd.DataFrame({RAW: events[ITEM].categories.to_numpy()[codes[first]], "title": titles[first].to_numpy()})


def _warn_of_missing_values(path: Path, events: dict) -> None:
    """Warn of ids that may denote a missing value, whose events are all assigned to one user or item."""
    for side in (USER, ITEM):
        ids = events[side]
        for at in np.flatnonzero(pd.Index(ids.categories).astype(str).isin(MISSING_VALUE_WORDS)):
            count = int((ids.codes == at).sum())
            log.warning("%s: %d of %d events have the %s id %r and are read as one %s; remove them if it means missing",
                        path.name, count, len(ids), side, str(ids.categories[at]), side)  # fmt: skip


def _pair_codes(events: dict) -> np.ndarray:
    """(N,) int64: one code per user-item pair."""
    pair = events[USER].codes.astype(np.int64)
    pair *= len(events[ITEM].categories)
    pair += events[ITEM].codes
    return pair


def _without_duplicates(events: dict, policy: str) -> tuple[np.ndarray | None, dict]:
    """(N,) bool events to keep (None: all), and counts of repeats: events whose user-item pair occurred before."""
    pair = _pair_codes(events)
    pair.sort()
    repeated = pair[1:][pair[1:] == pair[:-1]]
    counts = {"policy": policy, "repeats": len(repeated), "dropped": 0}
    if policy == "keep" or not len(repeated):
        if len(repeated) > len(pair) / 2:
            log.warning("%d of %d rows repeat a user and an item of an earlier row, and all are kept; duplicates=first,"
                        " last or drop-exact leaves some out", len(repeated), len(pair))  # fmt: skip
        return None, counts
    pair = _pair_codes(events)
    rows = np.flatnonzero(pd.Series(pair).isin(repeated))
    columns = {"pair": pair[rows]} | {name: events[name][rows] for name in events if name not in (USER, ITEM)}
    repeats = pd.DataFrame(columns, index=rows)
    if policy == "drop-exact":
        drop = repeats.duplicated()
    else:
        by_time = repeats.sort_values(TIME, kind="stable") if TIME in repeats else repeats
        drop = by_time.duplicated("pair", keep=policy)
    kept = np.ones(len(pair), bool)
    kept[drop.index[drop]] = False
    return kept, counts | {"dropped": int(drop.sum())}


def _within_core(events: dict, kept: np.ndarray | None, core: int) -> tuple[pd.DataFrame, dict]:
    """The events in `kept` and in their k-core, with their row in the file, and the counts before and after."""
    n_read = len(events[USER])
    if core > 1:
        in_core = k_core(*(events[side].codes[slice(None) if kept is None else kept] for side in (USER, ITEM)), core)
        if kept is None:
            kept = in_core
        else:
            kept[np.flatnonzero(kept)[~in_core]] = False
    if kept is not None and not kept.all():
        events = {name: events.pop(name)[kept] for name in list(events)} | {ROW: np.flatnonzero(kept)}
    return pd.DataFrame(events, copy=False), {"core": core, "read": n_read, "kept": len(events[USER])}


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


def _item_table(path: Path, item: str, title: str, events: pd.DataFrame, form: FileFormat) -> pd.DataFrame:
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
        columns["price"] = pd.to_numeric(pd.Series(columns["price"]), errors="coerce")
    return pd.DataFrame(columns)

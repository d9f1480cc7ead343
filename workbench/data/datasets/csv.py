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
from workbench.data.formats.containers.file_format import file_format
from workbench.data.formats.containers.file_kinds import digest
from workbench.data.formats.item_tables import item_table, titles_from_log
from workbench.data.formats.values.ratings import as_numbers, kept_ratings, rating_column
from workbench.data.formats.values.time_formats import check_time_format
from workbench.data.kcore import k_core
from workbench.data.schema import ITEM, MICROSECOND, ROW, TIME, USER, Dataset, assemble
from workbench.errors import UserError, unknown_name

log = logging.getLogger("workbench")
MISSING_VALUE_WORDS = ["NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none", "-1"]  # read as ids, with a warning
UNASKED = "unasked rating"  # the role of a column of ratings that no option names
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
    time_format: str = "",
    min_rating: float | None = None,
    columns: str = "",
    layout: str = "events",
    encoding: str = "",
    quoting: str = "auto",
) -> Dataset:
    """An interaction log as a Dataset; the arguments map its columns.

    path: the log. columns, layout, encoding, quoting: how it is written, as described above.
    timestamp: seconds, milliseconds, microseconds, ISO dates or days as yyyymmdd; kept to the microsecond. Without this
    column the log has no order; "" declares the row order to be the event order.
    time_format: how other dates are written, as for strptime: %d.%m.%Y %H:%M for 31.05.2024 13:45.
    rating, event: further columns to keep. min_rating: the lowest rating of an event that counts; None for all. Without
    `rating` the column that is called so.
    items: path of an item table with the same item column. `item_title` becomes the title, other columns keep their
    names (text, category, brand and price are used). Without a table `item_title` is a column of the log, and an item's
    title is its first non-blank value.
    core: k of the k-core filter (0 or 1: none).
    duplicates: policy for repeated user-item pairs: keep, first or last (in time), or drop-exact (rows equal in every
    column read).

    UserError for an unknown column; with code 3 for bad data, naming file, line, column, value and remedy.
    """
    time_format = _checked_options(path, user, item, core, duplicates, time_format)
    path, form = Path(str(path)).expanduser(), file_format(columns, layout, encoding, quoting)
    columns = log_reader.column_names(path, (user, item), form)
    if not form.columns:
        column_mapping.check_header(path, columns)
    title_column = None if items else _title_column(path, item_title, columns, (user, item, timestamp, rating, event))
    roles = {USER: (user, "id"), ITEM: (item, "id"), TIME: (_timestamp_column(columns, timestamp), "time"),
             "rating": (rating, "number"), "event": (event, "label"), "title": (title_column, "name")}  # fmt: skip
    mapping = _mapping(path, columns, roles)
    table = log_reader.read(path, dict(mapping.values()), form, time_format=time_format)
    events = {name: table.columns.pop(column) for name, (column, _) in mapping.items()}
    order = "time" if TIME in mapping else "sequence" if timestamp == "" or form.layout == "sequences" else "none"
    unread = _unread(path, columns, mapping, bool(items or title_column))
    events |= _times(path, events, order, unread, table.summary.get(mapping.get(TIME, ("",))[0]))
    titles = titles_from_log(events) if title_column else None
    read = dict(each for each in table.summary.items() if each[1])
    about = {"title": path.name, "files": {path.name: digest(path)}, "read": read}
    events, about["ratings"] = _well_rated(path, events, min_rating)
    _warn_of_missing_values(path, events)
    kept, about["duplicates"] = _without_duplicates(events, duplicates)
    events, about["core"] = _within_core(path, events, kept, core)
    table_form = form._replace(columns=(), layout="events")
    attributes = item_table(Path(str(items)).expanduser(), item, item_title, events, table_form) if items else titles
    return assemble(path.name.partition(".")[0], events, items=attributes, order=order, about=about)


def _checked_options(
    path: str | None, user: str, item: str, core: int, duplicates: str, time_format: str
) -> str:
    """The format of times. UserError for options that no log can have."""
    if not path:
        raise UserError("dataset csv needs the log: path=FILE (CSV, TSV or parquet; columns: user=, item=, timestamp=)")
    if duplicates not in POLICIES:
        raise unknown_name("duplicates", duplicates, POLICIES)
    if not (str(user) and str(item)):
        raise UserError(f"dataset csv needs the columns of users and items; given user={user!r} and item={item!r}")
    if core < 0:
        raise UserError(f"core must be at least 0 (0: all), not {core}")
    return time_format and check_time_format(time_format)


def _mapping(path: Path, columns: list[str], roles: dict) -> dict[str, tuple[str, str]]:
    """Role -> (column, kind), of the roles that name a column; ratings that none names are looked at, not kept."""
    mapping = {
        role: (column_mapping.find_column(path, name, columns), kind) for role, (name, kind) in roles.items() if name
    }
    taken = {column for column, _ in mapping.values()}
    if len(taken) < len(mapping):
        raise UserError(f"{path}: one column is mapped to two roles: {', '.join(c for c, _ in mapping.values())}")
    free = [name for name in columns if name not in taken and columns.count(name) == 1]
    found = None if "rating" in mapping else rating_column(free)
    return mapping | ({UNASKED: (found, "glance")} if found else {})


def _unread(path: Path, columns: list[str], mapping: dict[str, tuple[str, str]], titled: bool) -> str:
    """The columns that are not read, in words; where items have no titles, that one of them may hold these is said."""
    unread = ", ".join(sorted(set(columns) - {column for column, _ in mapping.values()}))
    if unread and not titled:
        log.info("%s: its items have no titles; item_title=COLUMN names them (columns not read: %s), items=FILE a "
                 "table of items", path.name, unread)  # fmt: skip
    return unread


def _times(path: Path, events: dict, order: str, unread: str, summary: str | None) -> dict[str, np.ndarray]:
    """Columns of the whole seconds and, where there are any, of the microseconds above them; how times were read, or
    that there are none, is said."""
    if TIME in events:
        log.info("%s: timestamps are %s", path.name, summary)
    elif order == "none":
        others = f" (columns not read: {unread})" if unread else ""
        log.warning('%s: no column of timestamps, so the order of events is unknown; timestamp=COLUMN names one%s, '
                    'timestamp="" says that the rows are in order', path.name, others)  # fmt: skip
    if TIME not in events or events[TIME].dtype.kind != "M":
        return {}
    seconds, rest = np.divmod(events[TIME].view(np.int64), 1_000_000)
    return {TIME: seconds, MICROSECOND: rest.astype(np.int32)}


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


def _well_rated(path: Path, events: dict, least: float | None) -> tuple[dict, dict]:
    """The events with at least this rating, with their row in the file, and the count of those left out. A column of
    ratings that was not asked for is removed."""
    ratings = events.pop(UNASKED, events.get("rating"))
    if ratings is None and least is not None:
        raise UserError(f"{path}: min_rating={least} needs a column of ratings: rating=COLUMN")
    kept = None if ratings is None else kept_ratings(path.name, as_numbers(ratings), least)
    counts = {"min_rating": least, "dropped": 0 if kept is None else int((~kept).sum())}
    if not counts["dropped"]:
        return events, counts
    return {name: values[kept] for name, values in events.items()} | {ROW: np.flatnonzero(kept)}, counts


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
        if len(repeated):
            level = logging.WARNING if len(repeated) > len(pair) / 2 else logging.INFO
            log.log(level, "%d of %d rows repeat a user and an item of an earlier row, and all are kept; "
                    "duplicates=first, last or drop-exact leaves some out", len(repeated), len(pair))  # fmt: skip
        return None, counts
    pair = _pair_codes(events)
    rows = np.flatnonzero(pd.Series(pair).isin(repeated))
    columns = {"pair": pair[rows]} | {name: events[name][rows] for name in events if name not in (USER, ITEM, ROW)}
    repeats = pd.DataFrame(columns, index=rows)
    if policy == "drop-exact":
        drop = repeats.duplicated()
    else:
        times = [name for name in (TIME, MICROSECOND) if name in repeats]
        by_time = repeats.sort_values(times, kind="stable") if times else repeats
        drop = by_time.duplicated("pair", keep=policy)
    kept = np.ones(len(pair), bool)
    kept[drop.index[drop]] = False
    return kept, counts | {"dropped": int(drop.sum())}


def _within_core(path: Path, events: dict, kept: np.ndarray | None, core: int) -> tuple[pd.DataFrame, dict]:
    """The events in `kept` and in their k-core, with their row in the file, and the counts before and after. UserError
    if there are none."""
    n_read = len(events[USER])
    if core > 1:
        in_core = k_core(*(events[side].codes[slice(None) if kept is None else kept] for side in (USER, ITEM)), core)
        if kept is None:
            kept = in_core
        else:
            kept[np.flatnonzero(kept)[~in_core]] = False
    if kept is not None and not kept.all():
        rows = events.get(ROW, np.arange(n_read))
        events = {name: events.pop(name)[kept] for name in list(events)} | {ROW: rows[kept]}
    counts = {"core": core, "read": n_read, "kept": len(events[USER])}
    if not counts["kept"]:
        raise UserError(f"{path}: no user and item have {core} events each ({counts}); lower core", code=3)
    return pd.DataFrame(events, copy=False), counts

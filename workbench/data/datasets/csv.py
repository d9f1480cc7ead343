"""Your own interaction log: CSV, TSV (gzip or not) or parquet, with a column mapping."""
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.artifacts import sha256
from workbench.data.formats import column_mapping, log_reader
from workbench.data.kcore import k_core
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble
from workbench.errors import UserError, unknown

log = logging.getLogger("workbench")
MISSING = ["NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none", "-1"]  # taken as ids, as they stand
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
) -> Dataset:
    """One's own log as a Dataset; the arguments name its columns.

    path: the log; its first line names the columns, separated by comma, tab, semicolon, bar or blank; an atomic file's
    `user_id:token` may be called user_id. timestamp: seconds, milliseconds, microseconds, ISO dates or days as
    yyyymmdd; without such a column the log has no order, and "" says that the order of the file is the order.
    rating, event: columns to carry along. items: path of an item table with the same item column; `item_title`
    becomes its title, other columns keep their names (text, category, brand, price are known). Without such a table
    `item_title` is a column of the log itself: an item's title is the first that is not blank.
    core: keep users and items with at least that many events. duplicates, of the same user and item: keep them all,
    the first or the last in time, or drop-exact repeats of every column read.

    UserError for an unknown column; with code 3 for bad data, naming file, line, column, value and remedy.
    """
    if not path:
        raise UserError("dataset csv needs the log: path=FILE (CSV, TSV or parquet; columns: user=, item=, timestamp=)")
    if duplicates not in POLICIES:
        raise unknown("duplicates", duplicates, POLICIES)
    if not (str(user) and str(item)):
        raise UserError(f"dataset csv needs the columns of users and items; given user={user!r} and item={item!r}")
    if core < 0:
        raise UserError(f"core must be at least 0 (0: all), not {core}")
    path = Path(str(path)).expanduser()
    there = log_reader.names(path, (user, item))
    column_mapping.check(path, there)
    own = None if items else _own_title(path, item_title, there, (user, item, timestamp, rating, event))
    given = {USER: (user, "id"), ITEM: (item, "id"), TIME: (_time(there, timestamp), "time"),
             "rating": (rating, "number"), "event": (event, "label"), "title": (own, "name")}  # fmt: skip
    wanted = {role: (column_mapping.column(path, name, there), kind) for role, (name, kind) in given.items() if name}
    if len({column for column, _ in wanted.values()}) < len(wanted):
        raise UserError(f"{path}: one column is named for two purposes: {', '.join(c for c, _ in wanted.values())}")
    read = log_reader.read(path, dict(wanted.values()))
    events = {name: read.columns.pop(column) for name, (column, _) in wanted.items()}
    titles = _titles(events) if own else None
    _doubt(path, events)
    about = {"title": path.name, "files": {path.name: sha256(path)}, "read": read.found}
    kept, about["duplicates"] = _unrepeated(events, duplicates)
    events, about["core"] = _thinned(events, kept, core)
    if not len(events):
        raise UserError(f"{path}: no user and item have {core} events each ({about['core']}); lower core", code=3)
    order = "time" if TIME in wanted else "sequence" if timestamp == "" else "none"
    attributes = _item_table(Path(str(items)).expanduser(), item, item_title, events) if items else titles
    return assemble(path.name.partition(".")[0], events, items=attributes, order=order, about=about)


def _time(there: list[str], timestamp: str | None) -> str | None:
    """The column of times to look for: none where the default one is not there."""
    return (
        timestamp if timestamp != TIME or any(column_mapping.ATOMIC.sub("", name) == TIME for name in there) else None
    )


def _own_title(path: Path, title: str, there: list[str], taken: tuple) -> str | None:
    """The log's own column of titles: none where the default one is not there, or serves another purpose. UserError
    where another than the default is not there."""
    free = [column_mapping.ATOMIC.sub("", name) for name in there if name not in taken]
    return (
        None
        if title == "title" and (title in taken or title not in free)
        else column_mapping.column(path, title, there)
    )


def _titles(events: dict) -> pd.DataFrame:
    """Raw ids and titles from the log's own column, which is taken out of `events`."""
    titles, codes = events.pop("title"), events[ITEM].codes
    said = titles.categories.str.strip() != ""
    first = np.flatnonzero(said[titles.codes])
    first = first[np.unique(codes[first], return_index=True)[1]]
    return pd.DataFrame({RAW: events[ITEM].categories.to_numpy()[codes[first]], "title": titles[first].to_numpy()})


def _doubt(path: Path, events: dict) -> None:
    """Warn of an id that other programs write for a missing value: all its events are one user's or item's."""
    for side in (USER, ITEM):
        ids = events[side]
        for at in np.flatnonzero(pd.Index(ids.categories).astype(str).isin(MISSING)):
            count = int((ids.codes == at).sum())
            log.warning("%s: %d of %d events have the %s id %r and are read as one %s; remove them if it means missing",
                        path.name, count, len(ids), side, str(ids.categories[at]), side)  # fmt: skip


def _pairs(events: dict) -> np.ndarray:
    """(N,) int64: one number for each user and item."""
    pair = events[USER].codes.astype(np.int64)
    pair *= len(events[ITEM].categories)
    pair += events[ITEM].codes
    return pair


def _unrepeated(events: dict, policy: str) -> tuple[np.ndarray | None, dict]:
    """(N,) bool events to keep (None: all), and the count of repeats: events whose user and item occurred before."""
    pair = _pairs(events)
    pair.sort()
    again = pair[1:][pair[1:] == pair[:-1]]
    counts = {"policy": policy, "repeats": len(again), "dropped": 0}
    if policy == "keep" or not len(again):
        return None, counts
    pair = _pairs(events)
    at = np.flatnonzero(pd.Series(pair).isin(again))
    columns = {"pair": pair[at]} | {name: events[name][at] for name in events if name not in (USER, ITEM)}
    some = pd.DataFrame(columns, index=at)
    if policy == "drop-exact":
        gone = some.duplicated()
    else:
        by_time = some.sort_values(TIME, kind="stable") if TIME in some else some
        gone = by_time.duplicated("pair", keep=policy)
    kept = np.ones(len(pair), bool)
    kept[gone.index[gone]] = False
    return kept, counts | {"dropped": int(gone.sum())}


def _thinned(events: dict, kept: np.ndarray | None, core: int) -> tuple[pd.DataFrame, dict]:
    """The events in `kept` and in the k-core of those, with their row in the file; and how many there were."""
    read = len(events[USER])
    if core > 1:
        inner = k_core(*(events[side].codes[slice(None) if kept is None else kept] for side in (USER, ITEM)), core)
        if kept is None:
            kept = inner
        else:
            kept[np.flatnonzero(kept)[~inner]] = False
    if kept is not None and not kept.all():
        events = {name: events.pop(name)[kept] for name in list(events)} | {ROW: np.flatnonzero(kept)}
    return pd.DataFrame(events, copy=False), {"core": core, "read": read, "kept": len(events[USER])}


def _joined(path: Path, known: np.ndarray, asked: pd.Index) -> None:
    """UserError (code 3) where none of the log's items is in the table; a warning where the table has one twice."""
    if not asked.isin(known).any():
        theirs, ours = (", ".join(map(repr, map(str, ids[:3]))) for ids in (known, asked))
        raise UserError(f"{path}: none of the log's {len(asked):,} items is in it; items here are called {theirs} ..., "
                        f"in the log {ours} ...", code=3)  # fmt: skip
    if repeats := len(known) - len(set(known)):
        log.warning("%s: %d of %d rows repeat an item; the first of each counts", path.name, repeats, len(known))


def _item_table(path: Path, item: str, title: str, events: pd.DataFrame) -> pd.DataFrame:
    """Item attributes by raw id; the column `title` becomes the title. UserError (code 3) where the table knows none of
    the log's items."""
    there = log_reader.names(path, (item,))
    key = column_mapping.column(path, item, there)
    known = {name: column_mapping.ATOMIC.sub("", name) for name in there}
    if title != "title":
        own = column_mapping.column(path, title, there)
        if own == key:
            raise UserError(f"{path}: one column is named for two purposes: {key} is the item and its title")
        known = {name: known[name] for name in there if known[name] != "title"} | {own: "title"}
    known = {name: plain for name, plain in known.items() if plain != RAW} | {key: RAW}  # ours, whatever theirs says
    read = log_reader.read(path, dict.fromkeys(known, "text"))
    columns = {known[name]: values for name, values in read.columns.items()}
    _joined(path, columns[RAW], events[ITEM].cat.categories.astype(str))
    if "price" in columns:
        columns["price"] = pd.to_numeric(pd.Series(columns["price"]), errors="coerce")
    return pd.DataFrame(columns)

"""KuaiLive: 21 days of a live-streaming app, with the times at which every room was live (not bundled).

https://zenodo.org/records/16565801, CC BY-NC-SA 4.0. Unpack it into a folder KuaiLive of WORKBENCH_DATA:

    click.csv comment.csv like.csv gift.csv   user_id, live_id, streamer_id, timestamp (ms); watch_live_time, gift_price
    negative.csv      what was shown and not clicked, as comment.csv; not grouped into pages; optional
    room.csv          live_id, streamer_id, live_type, start_timestamp, end_timestamp (ms), live_content_category,
                      live_name_id, p_date
    streamer.csv user.csv                     ranges, dates and encoded columns
    title_embeddings_pca128.npy               128 numbers a title; optional, .npz and title_embeddings.pca128 too

The columns are those of the project's page; an earlier page, and its scripts, say author_id, author.csv and
mapped_room.csv, which are read as well. The page leaves the table of titles empty: that row n is live_name_id n is
what the name says, and could not be verified, nor could SHA-256 of any file.

Traps  Rooms that end before they start, rooms of one streamer that overlap, and events outside the times of their room
       exist: they are left out and counted. A room is an item of an hour or so, which no user has seen before; what
       recurs is the streamer. A negative that was not live at the time makes any ranking easy: rank among what was
       live (evaluate.live), and beside the streamer that the user has watched before. With level="streamer" the title
       vector of a streamer is the mean over the clicked rooms of the whole log, held-out clicks included. Counts are
       in the lint report.
"""
import io

import numpy as np
import pandas as pd
import polars as pl

from workbench.data.formats.delimited_text import data_error, read_table
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.lint.finding import NOTE, Finding, counted
from workbench.data.schema import ITEM, MICROSECOND, RAW, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError, unknown_name

LEVELS = ("streamer", "room")
KEYS = ["user_id", "live_id", "streamer_id", "timestamp"]
VALUES = {"comment": [], "like": [], "gift": ["gift_price"]}
LOGS = ("click", *VALUES, "negative")
REASONS = UNKNOWN, OUTSIDE, REPEATED = "of no known room", "while their room is not live", "repeats"
ROOM = ["live_id", "streamer_id", "live_type", "start_timestamp", "end_timestamp", "live_name_id"]
ALIASES = {"streamer_id": "author_id", "streamer.csv": "author.csv", "room.csv": "mapped_room.csv"}
TITLES = [f"title_embeddings{mark}pca128.{end}" for mark in "_." for end in ("npy", "npz")]
ABOUT = {
    "title": "KuaiLive, 5 to 25 May 2025", "homepage": "https://zenodo.org/records/16565801",
    "terms": "CC BY-NC-SA 4.0: not for commercial use.", "release": "Zenodo 16565801",
    "citation": "Qu et al., KuaiLive: A Real-time Interactive Dataset for Live Streaming Recommendation, "
                "arXiv:2508.05633",
}  # fmt: skip
BROUGHT = {
    "works": "The tables are read whole, streamers or rooms as items. Ranking among what is live at the time, and who "
             "was watched before and is live now as its baseline, are in evaluate.live.",
    "sample": "tests/live_samples.py", "systems": (), "stand_ins": {},
    "lacks": "The log, and a stand-in: no log at hand tells when an item was live. Not verified: that row n of the "
             "title vectors is live_name_id n, SHA-256 of any file.",
}  # fmt: skip


def load(*, level: str = "streamer") -> Dataset:
    """KuaiLive. An event is a click, watched: milliseconds. level: what an item is, a streamer, or a room, which then
    has the columns streamer, category and type.

    Tables: live (item, start, end), seconds, when each item was live, fractions rounded outwards; feedback (user, item,
    timestamp, event, price) with event comment, like or gift; shown (user, item, timestamp), not clicked; title, dense
    features, of a streamer the mean of its rooms that somebody clicked. UserError for files that are missing or of
    another layout.
    """
    if level not in LEVELS:
        raise unknown_name("level of kuailive", level, LEVELS)
    files, read, dropped = DataFiles("kuailive", "KuaiLive"), {}, {}
    _require(files)
    rooms = _rooms(_one(files, "room.csv"), read, dropped)
    item = f"{'live' if level == 'room' else 'streamer'}_id"
    clicks = _inside(_log(files, "click", ["watch_live_time"], read), rooms, "click", dropped)
    events = _events(clicks, item).assign(watched=clicks["watch_live_time"].to_numpy())
    clicked = rooms[rooms["live_id"].isin(clicks["live_id"].unique())]
    tables = {"live": _live(rooms[rooms[item].isin(events[ITEM].unique())], item)}
    tables["feedback"] = pd.concat([
        _events(found, item).assign(event=name, price=found[VALUES[name][0]].to_numpy() if VALUES[name] else np.nan)
        for name in VALUES for found in [_inside(_log(files, name, VALUES[name], read), rooms, name, dropped)]
    ], ignore_index=True)  # fmt: skip
    if _path(files, "negative.csv"):
        tables["shown"] = _events(_inside(_log(files, "negative", [], read), rooms, "negative", dropped), item)
    if titles := _first(files, TITLES):
        tables["title"] = _titles(files.read(titles), clicked, item, dropped)
    items = _attributes(_one(files, "streamer.csv"), "streamer_id").rename(columns={"live_operation_tag": "category"})
    if level == "room":
        items = clicked.rename(columns={"live_id": RAW, "streamer_id": "streamer", "live_content_category": "category",
                                        "live_type": "type"})[[RAW, "streamer", "category", "type"]]  # fmt: skip
    notes = ["order: by time, in milliseconds", "rooms that overlap an earlier one of their streamer are left out"]
    users = _attributes(files.read(File("user.csv")), "user_id")
    about = {**ABOUT, "files": files.checksums, "read": read, "dropped": dropped, "notes": notes,
             "findings": [list(finding) for finding in _findings(clicks, rooms, read, dropped)]}  # fmt: skip
    return attach_tables(assemble("kuailive", events, items=items, users=users, order="time", about=about), tables)


def _path(files: DataFiles, name: str) -> File | None:
    """The file of a name, or of its earlier name, if it is at hand."""
    return _first(files, [name, *([ALIASES[name]] if name in ALIASES else [])])


def _first(files: DataFiles, names: list[str]) -> File | None:
    return next((File(name) for name in names if files.find(File(name))), None)


def _require(files: DataFiles) -> None:
    """UserError (code 3) that says what was found, what is wanted and where to get it."""
    names = ["click.csv", *(f"{name}.csv" for name in VALUES), "room.csv", "streamer.csv", "user.csv"]
    has = [name for name in names if _path(files, name)]
    if lacks := [name for name in names if name not in has]:
        folders = " or ".join(str(root / files.folder_names[0]) for root in files.search_folders()) or files.downloads
        raise UserError(f"kuailive: {', '.join(lacks)} missing (found: {', '.join(has) or 'none'}). Unpack "
                        f"{ABOUT['homepage']} into {folders}; WORKBENCH_DATA names more folders", code=3)  # fmt: skip


def _one(files: DataFiles, name: str) -> Content:
    return files.read(_path(files, name))


def _numbers(content: Content, columns: list[str], others: tuple[str, ...] = ()) -> pd.DataFrame:
    """Columns of whole numbers, under their present names, and others of text. UserError for a column that is missing,
    or a value that is no number, with its line."""
    line = content.data[:4096].partition(b"\n")[0].decode("utf-8-sig", "replace")
    header = [name.strip() for name in line.split(",")]
    names = {name: name if name in header or ALIASES.get(name) not in header else ALIASES[name] for name in columns}
    kinds = dict.fromkeys(names.values(), pl.Int64) | dict.fromkeys(others, pl.String)
    try:  # ten million rooms: columns that are not asked for are not read
        table = pl.read_csv(content.data, columns=list(kinds), schema_overrides=kinds).select(list(kinds))
        whole = not any(table[name].has_nulls() for name in names.values())
    except pl.exceptions.PolarsError:
        whole = False
    if not whole:  # says which line is wrong
        table = read_table(content, dict.fromkeys(names.values(), "int") | dict.fromkeys(others, "text"), separator=",")
    return table.rename({old: new for new, old in names.items()}).to_pandas()


def _rooms(content: Content, read: dict, dropped: dict) -> pd.DataFrame:
    """Rooms with a start before their end that overlap no earlier one of their streamer, by streamer and start."""
    rooms = _numbers(content, ROOM, ("live_content_category",))
    read["rooms"] = len(rooms)
    repeated = rooms["live_id"].duplicated().to_numpy()
    backward = ~repeated & (rooms["end_timestamp"] <= rooms["start_timestamp"]).to_numpy()
    rooms = rooms[~repeated & ~backward].sort_values(["streamer_id", "start_timestamp"], kind="stable")
    before = rooms.groupby("streamer_id", sort=False)["end_timestamp"].cummax()
    same = rooms["streamer_id"].eq(rooms["streamer_id"].shift())
    overlaps = (same & (rooms["start_timestamp"] < before.shift())).to_numpy()
    dropped |= {"rooms given twice": int(repeated.sum()), "rooms that end at or before their start":
                int(backward.sum()), "rooms that overlap an earlier one of their streamer": int(overlaps.sum())}
    return rooms[~overlaps].reset_index(drop=True)


def _log(files: DataFiles, name: str, values: list[str], read: dict) -> pd.DataFrame:
    table = _numbers(files.read(File(f"{name}.csv")), [*KEYS, *values])
    read[f"rows of {name}"] = len(table)
    return table


def _inside(log: pd.DataFrame, rooms: pd.DataFrame, name: str, dropped: dict) -> pd.DataFrame:
    """The rows of a log about a room that is known, while it was live, and each of them once."""
    at = pd.Index(rooms["live_id"]).get_indexer(log["live_id"])
    room, times = rooms.iloc[np.maximum(at, 0)], log["timestamp"].to_numpy()
    known = (at >= 0) & (room["streamer_id"].to_numpy() == log["streamer_id"].to_numpy())
    live = (times >= room["start_timestamp"].to_numpy()) & (times < room["end_timestamp"].to_numpy())
    again = log.duplicated(KEYS).to_numpy()
    faults = (~known, known & ~live, known & live & again)
    dropped |= {f"rows of {name}: {why}": int(fault.sum()) for why, fault in zip(REASONS, faults, strict=True)}
    return log[known & live & ~again]


def _findings(clicks: pd.DataFrame, rooms: pd.DataFrame, read: dict, dropped: dict) -> list[Finding]:
    """The traps. clicks, rooms: those that are kept. read, dropped: counts of what was read and left out."""
    n, rows = read["rooms"], sum(read.get(f"rows of {name}", 0) for name in LOGS)
    wrong = {why: sum(dropped.get(f"rows of {name}: {why}", 0) for name in LOGS) for why in REASONS}
    start, end = (np.sort(rooms[name]) for name in ("start_timestamp", "end_timestamp"))
    begun, over = (np.searchsorted(each, clicks["timestamp"], "right") for each in (start, end))
    live = float(np.median(begun - over)) if len(clicks) else 0.0
    again = clicks.duplicated(["user_id", "streamer_id"]).sum()
    found = [
        counted("kuailive: rooms given twice", dropped["rooms given twice"], n,
                "rooms have the id of an earlier one: left out"),
        counted("kuailive: rooms that end before they start", dropped["rooms that end at or before their start"], n,
                "rooms end at or before their start, so they were never live: left out"),
        counted("kuailive: rooms that overlap", dropped["rooms that overlap an earlier one of their streamer"], n,
                "rooms overlap an earlier one of their streamer: left out"),
        counted("kuailive: events of no known room", wrong[UNKNOWN], rows,
                "rows are of no room that is kept, or name another streamer: left out"),
        counted("kuailive: events outside the window of their room", wrong[OUTSIDE], rows,
                "rows are of a time at which their room was not live: left out"),
        counted("kuailive: repeated events", wrong[REPEATED], rows, "rows repeat an earlier row: left out"),
        counted("kuailive: clicks on a known streamer", again, len(clicks), "clicks repeat a user and a streamer: "
                "who was watched before and is live now is the baseline to beat", NOTE),
        Finding("kuailive: rooms live at a click", live, np.nan, NOTE, f"At half the clicks {live:,.0f} or fewer of "
                f"{len(rooms):,} rooms are live: rank among those (evaluate.live), as others were no choice."),
    ]  # fmt: skip
    if "rooms without a title" in dropped:
        bare, of = dropped["rooms without a title"], clicks["live_id"].nunique()
        found.append(counted("kuailive: rooms without a title", bare, of, "clicked rooms have no title vector", NOTE))
    return found


def _events(log: pd.DataFrame, item: str) -> pd.DataFrame:
    times = log["timestamp"].to_numpy(np.int64)
    return pd.DataFrame({USER: log["user_id"].to_numpy(), ITEM: log[item].to_numpy(), TIME: times // 1000,
                         MICROSECOND: (times % 1000 * 1000).astype("int32")})  # fmt: skip


def _live(rooms: pd.DataFrame, item: str) -> pd.DataFrame:
    return pd.DataFrame({ITEM: rooms[item], "start": rooms["start_timestamp"] // 1000,
                         "end": -(-rooms["end_timestamp"] // 1000)})  # fmt: skip


def _titles(content: Content, rooms: pd.DataFrame, item: str, dropped: dict) -> pd.DataFrame:
    """The mean of the titles of an item's rooms, by live_name_id, the row of the array."""
    try:
        array = np.load(io.BytesIO(content.data), allow_pickle=False)
        array = array if isinstance(array, np.ndarray) else array[array.files[0]]
    except (ValueError, EOFError, OSError, IndexError) as error:
        raise data_error(content, None, f"not a plain numpy array ({error})", "get a fresh copy") from error
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        what = f"an array {array.shape} of {array.dtype}, a row of numbers for each title expected"
        raise data_error(content, None, what, "get a fresh copy")
    name = rooms["live_name_id"].to_numpy()
    known = (name >= 0) & (name < len(array))
    dropped["rooms without a title"] = int((~known).sum())
    numbers = pd.DataFrame(array[name[known]].astype(np.float32), columns=[str(n) for n in range(array.shape[1])])
    return numbers.groupby(rooms[item].to_numpy()[known]).mean().rename_axis(ITEM).reset_index()


def _attributes(content: Content, key: str) -> pd.DataFrame:
    """The columns of streamer.csv or user.csv as text, the key as raw_id."""
    table = pd.read_csv(io.BytesIO(content.data), dtype=str)
    name = key if key in table else ALIASES.get(key, key)
    if name not in table:
        raise data_error(content, 1, f"no column {key} (found: {', '.join(table.columns[:8])})", "get a fresh copy")
    return table.rename(columns={name: RAW})

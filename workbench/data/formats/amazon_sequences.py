"""Amazon 2014 categories as published sequences: lists of integer ids, id maps, and day-resolution timestamps.

Raw ids are ASINs and reviewer ids wherever a map is available, so that all releases of a category assign the same
internal ids; the integer ids of a release become alias columns.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.lcrec import parse_json
from workbench.data.formats.sequences import parse_lists
from workbench.data.schema import factorize
from workbench.errors import UserError


class SequenceTables(NamedTuple):
    """A published release: events in file order (user, item, timestamp where known), item and user tables, notes."""

    events: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    notes: list[str]


def read_sequences(
    files: DataFiles, sequence: File, *, maps: File | None, times: tuple[File, File] | None = None,
    alias: str = "s3rec_id", alternative: str = "",
) -> SequenceTables:
    """The lists of `sequence`, with raw ids from a P5 `datamaps.json` and timestamps from TiCoSeRec where available.

    Without the maps the published integer ids are the raw ids, and there are no timestamps. UserError if files are
    inconsistent.
    """
    files.require(sequence, alternative=alternative)
    user_numbers, item_numbers = parse_lists(files.read(sequence))
    notes = ["order: row order of the published sequences; the order within a day is arbitrary"]
    names = _raw_ids_by_number(files, maps)
    tables, columns, codes = {}, {}, {}
    for kind, numbers in (("item", item_numbers), ("user", user_numbers)):
        codes[kind], distinct = factorize(numbers)
        raw = _to_raw_ids(files, distinct, names[kind], kind) if names else distinct
        tables[kind] = pd.DataFrame({"raw_id": raw, alias: distinct})
        columns[kind] = pd.Categorical.from_codes(codes[kind], raw)
    if names:
        tables["item"]["asin"] = tables["item"]["raw_id"]
        if times is not None and all([files.try_get(file) for file in times]):
            asins = tables["item"]["asin"].to_numpy(dtype=object)
            columns["timestamp"] = _timestamps(files, times, user_numbers, asins, codes["item"])
            notes.append("timestamps: whole days, TiCoSeRec release, matched by user and ASIN")
    else:
        notes.append("raw ids are the published integer ids: no id map is available")
    events = pd.DataFrame({name: columns[name] for name in ("user", "item", "timestamp") if name in columns})
    return SequenceTables(events, tables["item"], tables["user"], notes)


def _raw_ids_by_number(files: DataFiles, maps: File | None) -> dict[str, np.ndarray] | None:
    """(n+1,) raw ids of users and of items by published integer id, '' at 0; None where there is no map."""
    if maps is None or not files.try_get(maps):
        return None
    content, names = files.read(maps), {}
    maps_json = parse_json(content)
    for kind in ("user", "item"):
        table = maps_json.get(f"id2{kind}")
        if not isinstance(table, dict) or not all(str(n) in table for n in range(1, len(table) + 1)):
            raise data_error(content, None, f"no id2{kind} that maps ids 1..n", "check that this is the right file")
        names[kind] = np.array(["", *(str(table[str(n)]) for n in range(1, len(table) + 1))], dtype=object)
        if len(set(names[kind])) < len(names[kind]):
            raise data_error(content, None, f"id2{kind} maps two ids to one name", "get a fresh copy")
    return names


def _to_raw_ids(files: DataFiles, numbers: np.ndarray, names: np.ndarray, kind: str) -> np.ndarray:
    if numbers.max() >= len(names) or numbers.min() < 1:
        raise UserError(
            f"{files.dataset}: its id map has {len(names) - 1:,} {kind}s, its sequences go up to {numbers.max():,}; "
            "get both files from the same release", code=3,
        )
    return names[numbers]


def _timestamps(
    files: DataFiles, pair: tuple[File, File], users: np.ndarray, asins: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """(N,) int64 timestamps from the TiCoSeRec pair, which numbers items by sorted ASIN and users as S3-Rec does.

    users: (N,) published ids. asins: the distinct ones; items: (N,) indices into it. UserError if the pair does not
    contain exactly these interactions.
    """
    their_users, their_items = parse_lists(files.read(pair[0]))
    content = files.read(pair[1])
    time_users, times = parse_lists(content)
    if not np.array_equal(their_users, time_users):
        what = f"its lists differ in length from those of {pair[0].name}"
        raise data_error(content, None, what, "get fresh copies of both")
    rank = np.empty(len(asins), np.int64)
    rank[np.argsort(asins)] = np.arange(1, len(asins) + 1)
    width = max(len(asins), int(their_items.max())) + 1
    ours, theirs = users * width + rank[items], their_users * width + their_items
    ours_order, theirs_order = np.argsort(ours), np.argsort(theirs)
    if not np.array_equal(ours[ours_order], theirs[theirs_order]):
        remedy = "get fresh copies of all files of this dataset"
        raise data_error(content, None, "not the timestamps of these sequences", remedy)
    timestamps = np.empty(len(ours), np.int64)
    timestamps[ours_order] = times[theirs_order]
    return timestamps

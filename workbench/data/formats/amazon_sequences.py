"""Amazon 2014 domains as published sequences: numbered lists, the maps that name the numbers, and day times.

The raw id of an item is its ASIN and that of a user the reviewer id wherever a map gives them, so that every release of
a domain numbers its users and items alike; the numbers of the releases stay as alias columns.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import bad
from workbench.data.formats.file_lookup import File, Shelf
from workbench.data.formats.lcrec import parse_json
from workbench.data.formats.sequences import parse_lists
from workbench.data.schema import factorize
from workbench.errors import UserError


class Sequences(NamedTuple):
    """A published release: events in file order (user, item, timestamp where known), item and user tables with raw_id
    and aliases, and what a reader should know."""

    events: pd.DataFrame
    items: pd.DataFrame
    users: pd.DataFrame
    notes: list[str]


def read_sequences(
    shelf: Shelf, sequence: File, *, maps: File | None, times: tuple[File, File] | None = None, alias: str = "s3rec_id",
    otherwise: str = "",
) -> Sequences:
    """Lists of `sequence` named through a P5 `datamaps.json`, with the day times of TiCoSeRec where there are any.

    Without the maps the published numbers are the raw ids, and there are no times. UserError if files do not fit.
    """
    shelf.get(sequence, otherwise=otherwise)
    user_numbers, item_numbers = parse_lists(shelf.read(sequence))
    notes = ["order: the rows of the published sequences; order inside a day is arbitrary"]
    names = _names(shelf, maps)
    tables, columns, codes = {}, {}, {}
    for kind, numbers in (("item", item_numbers), ("user", user_numbers)):
        codes[kind], distinct = factorize(numbers)
        raw = _translate(shelf, distinct, names[kind], kind) if names else distinct
        tables[kind] = pd.DataFrame({"raw_id": raw, alias: distinct})
        columns[kind] = pd.Categorical.from_codes(codes[kind], raw)
    if names:
        tables["item"]["asin"] = tables["item"]["raw_id"]
        if times is not None and all([shelf.has(file) for file in times]):
            asins = tables["item"]["asin"].to_numpy(dtype=object)
            columns["timestamp"] = _days(shelf, times, user_numbers, asins, codes["item"])
            notes.append("times: whole days, TiCoSeRec release, matched by user and ASIN")
    else:
        notes.append("raw ids are the published numbers: no map names them")
    events = pd.DataFrame({name: columns[name] for name in ("user", "item", "timestamp") if name in columns})
    return Sequences(events, tables["item"], tables["user"], notes)


def _names(shelf: Shelf, maps: File | None) -> dict[str, np.ndarray] | None:
    """(n+1,) raw ids of users and of items by published number, '' at 0; None where there is no map."""
    if maps is None or not shelf.has(maps):
        return None
    content, names = shelf.read(maps), {}
    read = parse_json(content)
    for kind in ("user", "item"):
        table = read.get(f"id2{kind}")
        if not isinstance(table, dict) or not all(str(n) in table for n in range(1, len(table) + 1)):
            raise bad(content, None, f"no id2{kind} that names ids 1..n", "check that this is the right file")
        names[kind] = np.array(["", *(str(table[str(n)]) for n in range(1, len(table) + 1))], dtype=object)
        if len(set(names[kind])) < len(names[kind]):
            raise bad(content, None, f"id2{kind} gives one name to two numbers", "get a fresh copy")
    return names


def _translate(shelf: Shelf, numbers: np.ndarray, names: np.ndarray, kind: str) -> np.ndarray:
    if numbers.max() >= len(names) or numbers.min() < 1:
        raise UserError(
            f"{shelf.dataset}: its id map names {len(names) - 1:,} {kind}s, its sequences go up to {numbers.max():,}; "
            "get both files from one release", code=3,
        )
    return names[numbers]


def _days(
    shelf: Shelf, pair: tuple[File, File], users: np.ndarray, asins: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """(N,) int64 stamps from the TiCoSeRec pair, which numbers items by sorted ASIN and users as S3-Rec does.

    users: (N,) published numbers. asins: the distinct ones; items: (N,) places in it. UserError if the pair is not
    about exactly these interactions.
    """
    their_users, their_items = parse_lists(shelf.read(pair[0]))
    content = shelf.read(pair[1])
    time_users, times = parse_lists(content)
    if not np.array_equal(their_users, time_users):
        raise bad(content, None, f"its lists are not as long as those of {pair[0].name}", "get fresh copies of both")
    rank = np.empty(len(asins), np.int64)
    rank[np.argsort(asins)] = np.arange(1, len(asins) + 1)
    width = max(len(asins), int(their_items.max())) + 1
    ours, theirs = users * width + rank[items], their_users * width + their_items
    back, order = np.argsort(ours), np.argsort(theirs)
    if not np.array_equal(ours[back], theirs[order]):
        raise bad(content, None, "not the times of these sequences", "get fresh copies of all files of this dataset")
    out = np.empty(len(ours), np.int64)
    out[back] = times[order]
    return out

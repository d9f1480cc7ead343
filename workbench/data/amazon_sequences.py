"""Amazon 2014 domains as published sequences: numbered lists, the maps that name the numbers, and day times.

The raw id of an item is its ASIN and that of a user the reviewer id wherever a map gives them, so that every release of
a domain numbers its users and items alike; the numbers of the releases stay as alias columns.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.files import File, Shelf
from workbench.data.layouts.lcrec import parse_json
from workbench.data.layouts.sequences import parse_lists
from workbench.data.layouts.tables import bad
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
    tables, columns = {}, {}
    for kind, numbers in (("item", item_numbers), ("user", user_numbers)):
        names = _names(shelf, maps, kind)
        columns[kind] = _translate(shelf, numbers, names, kind)
        distinct = np.unique(numbers)
        tables[kind] = pd.DataFrame({"raw_id": _translate(shelf, distinct, names, kind), alias: distinct})
        if names is None:
            notes.append(f"raw {kind} ids are the published numbers: no map names them")
    if names is not None:
        tables["item"]["asin"] = tables["item"]["raw_id"]
        if times is not None and all([shelf.has(file) for file in times]):
            asins = tables["item"]["asin"].to_numpy()[np.searchsorted(np.unique(item_numbers), item_numbers)]
            columns["timestamp"] = _days(shelf, times, user_numbers, asins)
            notes.append("times: whole days, TiCoSeRec release, matched by user and ASIN")
    events = pd.DataFrame({name: columns[name] for name in ("user", "item", "timestamp") if name in columns})
    return Sequences(events, tables["item"], tables["user"], notes)


def _names(shelf: Shelf, maps: File | None, kind: str) -> np.ndarray | None:
    """(n+1,) raw ids by published number, '' at 0; None where the map is not to be had."""
    if maps is None or not shelf.has(maps):
        return None
    content = shelf.read(maps)
    table = parse_json(content).get(f"id2{kind}")
    if not isinstance(table, dict) or not all(str(n) in table for n in range(1, len(table) + 1)):
        raise bad(content, None, f"no id2{kind} that names ids 1..n", "check that this is the right file")
    return np.array(["", *(str(table[str(n)]) for n in range(1, len(table) + 1))], dtype=object)


def _translate(shelf: Shelf, numbers: np.ndarray, names: np.ndarray | None, kind: str) -> np.ndarray:
    if names is None:
        return numbers
    if numbers.max() >= len(names) or numbers.min() < 1:
        raise UserError(
            f"{shelf.dataset}: its id map names {len(names) - 1:,} {kind}s, its sequences go up to {numbers.max():,}; "
            "get both files from one release", code=3,
        )
    return names[numbers]


def _days(shelf: Shelf, pair: tuple[File, File], users: np.ndarray, asins: np.ndarray) -> np.ndarray:
    """(N,) int64 stamps from the TiCoSeRec pair, which numbers items by sorted ASIN and users as S3-Rec does.

    UserError if the pair is not about exactly these interactions.
    """
    their_users, their_items = parse_lists(shelf.read(pair[0]))
    content = shelf.read(pair[1])
    time_users, times = parse_lists(content)
    if not np.array_equal(their_users, time_users):
        raise bad(content, None, f"its lists are not as long as those of {pair[0].name}", "get fresh copies of both")
    codes, distinct = pd.factorize(asins, sort=True)
    width = max(len(distinct), int(their_items.max())) + 1
    ours, theirs = users * width + codes + 1, their_users * width + their_items
    back, order = np.argsort(ours), np.argsort(theirs)
    if not np.array_equal(ours[back], theirs[order]):
        raise bad(content, None, "not the times of these sequences", "get fresh copies of all files of this dataset")
    out = np.empty(len(ours), np.int64)
    out[back] = times[order]
    return out

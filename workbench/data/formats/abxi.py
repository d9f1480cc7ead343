"""ABXI's pairs of Amazon 2014 categories: users who are active in both, `user item|second item|second ...` a line.

An item map gives ASIN -> [id, domain], a user map reviewer id -> number. Within a day the events are sorted by domain
and then by ASIN, so the order of a file says nothing that its times do not.
"""
import re

import numpy as np
import pandas as pd

from workbench.data.formats.amazon_official import CITATION, TERMS
from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.formats.lcrec import parse_json
from workbench.data.formats.sequences import parse_lists
from workbench.data.schema import Dataset, assemble

GITHUB = "https://raw.githubusercontent.com/DiMarzioBian/ABXI/72e52c9f85c740cb5dbdab11f7e5a70eb28ae00d/data/"
LINE = re.compile(rb"\d+( \d+\|\d+)+")
ABOUT = {
    "homepage": "https://github.com/DiMarzioBian/ABXI",
    "terms": f"A repository without licence, of Amazon reviews. {TERMS}",
    "citation": f"Bian et al., ABXI: Invariant Interest Adaptation, WWW 2025; {CITATION}",
    "release": "ABXI",
}
NOTES = [
    "timestamps: whole days; within a day the published order is by domain and then by ASIN, so ties are left to the "
    "protocol, and same-day changes of domain mean nothing",
    "users: the release chose those active in both domains, and has the last 50 events of each: all have five or more "
    "in either, none is cold or of one domain, so imbalance has to be simulated",
    "text: none is published with it; no domain has titles for all of its items, so there are none here",
    "items: published ids follow domain and ASIN; no user has an item twice",
]


def published(code: str, *checksums: str) -> tuple[File, File, File]:
    """The sequences, the item map and the user map of a pair, such as afk, with their SHA-256."""
    paths = [f"{code}/{name}.txt" for name in (f"{code}_50_preprocessed", "map_item_50", "map_user_50")]
    return tuple(File(path, GITHUB + path, checksum) for path, checksum in zip(paths, checksums, strict=True))


def load_pair(name: str, title: str, published_files: tuple[File, File, File], domains: tuple[str, str]) -> Dataset:
    """A pair as one log of shared users, in order of time. items: raw_id, the ASIN, and domain, by name; users: raw_id,
    the reviewer id. UserError for files that are missing, damaged, or not of one release."""
    files = DataFiles(name, "crossdomain_abxi")
    files.require(*published_files)
    log, item_map, user_map = map(files.read, published_files)
    users, items, times = parse_events(log)
    items_table, users_table = parse_items(item_map, domains), parse_users(user_map)
    ids = {"user": _raw(log, users, users_table, "user"), "item": _raw(log, items, items_table, "item")}
    events = pd.DataFrame(ids | {"timestamp": times})
    domain_of_event = items_table["domain"].reindex(items)
    counts = {"events": len(events)} | {f"{each} events": int((domain_of_event == each).sum()) for each in domains}
    if empty := [each for each in domains if not counts[f"{each} events"]]:
        raise data_error(log, None, f"no event of the domain {empty[0]}", "get all files from the same release")
    about = {**ABOUT, "title": title, "files": dict(files.checksums), "read": counts, "dropped": {}, "notes": NOTES}
    return assemble(name, events, items=items_table, users=users_table, order="time", about=about)


def parse_events(content: Content) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, items and seconds (N,) int64 in file order. UserError names the first line of another form."""
    lines = content.data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if line.strip() and not LINE.fullmatch(line.rstrip()):
            raise data_error(content, number, "not a user followed by item|second pairs")
    users, values = parse_lists(Content(content.data.replace(b"|", b" "), content.name))
    return users[::2], values[::2], values[1::2]


def parse_items(content: Content, domains: tuple[str, str]) -> pd.DataFrame:
    """raw_id and domain of the items, by published id. UserError for an entry that is not ASIN: [id, 0 or 1]."""
    table = parse_json(content)
    for asin, entry in table.items():
        if not (isinstance(entry, list) and list(map(type, entry)) == [int, int] and entry[1] in (0, 1)):
            raise data_error(content, None, f"item {asin!r} has {entry!r}, not [id, domain 0 or 1]")
    ids, domain = np.array(list(table.values())).T
    rows = {"raw_id": list(table), "domain": np.array(domains, object)[domain]}
    return _checked(content, pd.DataFrame(rows, index=ids), "item")


def parse_users(content: Content) -> pd.DataFrame:
    """raw_id of the users, by published number. UserError for an entry that is not reviewer id: number."""
    table = parse_json(content)
    for user, number in table.items():
        if type(number) is not int:
            raise data_error(content, None, f"user {user!r} has {number!r}, not a whole number")
    return _checked(content, pd.DataFrame({"raw_id": list(table)}, index=list(table.values())), "user")


def _checked(content: Content, table: pd.DataFrame, kind: str) -> pd.DataFrame:
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise data_error(content, None, f"two {kind}s have the id {twice}", "get a fresh copy")
    return table


def _raw(content: Content, ids: np.ndarray, table: pd.DataFrame, kind: str) -> np.ndarray:
    """(N,) raw ids. UserError for an id that the map lacks."""
    unknown = ~np.isin(ids, table.index)
    if unknown.any():
        remedy = "get all files from the same release"
        raise data_error(content, None, f"its map has no {kind} {ids[unknown.argmax()]}", remedy)
    return table["raw_id"].reindex(ids).to_numpy(object)

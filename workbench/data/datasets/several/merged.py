"""Several datasets as one log: of=office,beauty. Users and items stay apart, and an item's `domain` is its dataset.

Nothing is matched: users of two datasets are two users, and ids get the name of their dataset before them, such as
`office:1309`. Each dataset is read as it is published and filtered, with its own options at their defaults.
"""
import logging

import numpy as np
import pandas as pd

from workbench.data import datasets
from workbench.data.schema import HELD_OUT, ITEM, MICROSECOND, RAW, ROW, TIME, USER, Dataset, assemble

log = logging.getLogger("workbench")
DOMAIN = "domain"
TEXTS = ("title", "text", "category", "brand")
KEPT = (*TEXTS, "price")  # item columns; others, such as aliases, mean something within one dataset only
UNIQUE = ("homepage", "terms", "citation", "release")  # parts of `about` that are said once if they are the same


def load(*, of: str = "") -> Dataset:
    """The datasets named in `of`, two or more separated by commas, as one Dataset called such as office+beauty.

    Items have the columns raw_id, domain and, where a dataset has them, title, text, category, brand and price; users
    raw_id and domain. Event columns are those that all datasets have, so times are kept where all have times. Order:
    time where every dataset is ordered by time; else sequence, in which the events of a dataset without times keep the
    order of their rows, and those of one with times are sorted by time, ties by row; none where one has no order.
    UserError for fewer than two names, a name twice, an unknown one, or one that needs options of its own.
    """
    names = datasets.merged_names(of)
    parts = {name: datasets.load(name) for name in names}
    order = _order(parts)
    columns, left_out = _event_columns(list(parts.values()))
    events = pd.concat([_events(name, part, columns) for name, part in parts.items()], ignore_index=True)
    items = pd.concat([_attributes(name, part.items) for name, part in parts.items()], ignore_index=True)
    items = items.fillna({text: "" for text in TEXTS if text in items})
    users = pd.concat([_attributes(name, part.users)[[RAW, DOMAIN]] for name, part in parts.items()])
    about = _about(parts) | {"merged": names}
    about["notes"] += [f"order: {order}"] + [f"event column {name}: left out, not in all datasets" for name in left_out]
    about["notes"] += [f"{name}: table {table} left out" for name, part in parts.items() for table in part.tables]
    return assemble("+".join(names), events, items=items, users=users, order=order, about=about)


def _order(parts: dict[str, Dataset]) -> str:
    """The order that all datasets have; a warning where one without any takes it from the others."""
    orders = {name: part.order for name, part in parts.items()}
    unordered = [name for name, order in orders.items() if order == "none"]
    if unordered:
        if len(unordered) < len(orders):
            log.warning("%s: the order of events is unknown, so the merged log has none", ", ".join(unordered))
        return "none"
    return "time" if set(orders.values()) == {"time"} else "sequence"


def _event_columns(parts: list[Dataset]) -> tuple[list[str], list[str]]:
    """Event columns beside ids, which are in all of the datasets, and those that are in some only."""
    found = [set(part.interactions.columns) - {USER, ITEM, ROW, HELD_OUT, MICROSECOND} for part in parts]
    shared = set.intersection(*found)
    finer = [MICROSECOND] if TIME in shared and any(MICROSECOND in part.interactions for part in parts) else []
    return sorted(shared) + finer, sorted(set.union(*found) - shared)


def _events(name: str, part: Dataset, columns: list[str]) -> pd.DataFrame:
    """The events of a dataset in its order, with raw ids."""
    times = [column for column in (TIME, MICROSECOND) if part.order == "time" and column in part.interactions]
    events = part.interactions.sort_values([*times, ROW], kind="stable")
    ids = {USER: part.users[RAW].to_numpy(object)[events[USER]],
           ITEM: part.items[RAW].to_numpy(object)[events[ITEM] - 1]}  # fmt: skip
    others = {column: events[column].to_numpy() if column in events else np.zeros(len(events), np.int32)
              for column in columns}  # fmt: skip
    return pd.DataFrame({side: f"{name}:" + values for side, values in ids.items()} | others)


def _attributes(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The columns of an item or user table that are kept, and the domain."""
    kept = table[[column for column in KEPT if column in table]].reset_index(drop=True)
    return kept.assign(**{RAW: f"{name}:" + table[RAW].to_numpy(object), DOMAIN: name})


def _about(parts: dict[str, Dataset]) -> dict:
    """What the datasets say of themselves, each entry with its name."""
    about = {name: part.about for name, part in parts.items()}
    merged: dict = {"title": " + ".join(str(each.get("title", name)) for name, each in about.items())}
    for entry in UNIQUE:
        said = dict.fromkeys(str(each[entry]) for each in about.values() if each.get(entry))
        merged |= {entry: "; ".join(said)} if said else {}
    for entry in ("files", "read", "dropped"):
        merged[entry] = {f"{name}/{key}": value for name, each in about.items() for key, value in
                         each.get(entry, {}).items()}  # fmt: skip
    for entry in ("notes", "missing_files"):
        merged[entry] = [f"{name}: {each_one}" for name, each in about.items() for each_one in each.get(entry, [])]
    return merged

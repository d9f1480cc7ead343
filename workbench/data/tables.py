"""Side tables of a dataset: what the known kinds hold, and how their ids follow those of the dataset.

A table is called as its kind: dataset.tables["social"]. Tables of other names are kept too. A reader gives raw ids to
`attach_tables`; in a dataset the columns user and friend hold its user ids, item its item ids.
"""
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data.links.repair import id_text, repaired
from workbench.data.schema import ITEM, RAW, USER, Dataset, hash_ranks
from workbench.errors import UserError, unknown_name


class Kind(NamedTuple):
    """columns: those it must have; others are kept. meaning: what they hold. bundled: datasets that bring one."""

    columns: tuple[str, ...]
    meaning: str
    bundled: tuple[str, ...] = ()


KINDS = {
    "relations": Kind(("head", "relation", "tail"), "a knowledge graph. head, tail: entities, of which 1..I are the "
                      "items and those above I are none; relation: text or number",
                      ("grocery", "lastfm", "kg-bookcrossing", "rokomaribg", "synthetic-relations")),
    "social": Kind((USER, "friend"), "links between users, one row a direction",
                   ("lastfm", "ciao", "filmtrust", "synthetic-social")),
    "tree": Kind(("child", "parent"), "a hierarchy of named nodes; the parent of a root is missing. An item is the "
                 "node of its raw id", ("code-sciml", "synthetic-files")),
    "slates": Kind(("slate", "position", ITEM), "what was shown together; position: a number within the slate"),
    "dialogues": Kind(("dialogue", "turn", "speaker", "text"), "conversations; turn: a number that grows row by row"),
    "geography": Kind((ITEM, "lat", "lon"), "the place of an item, in degrees", ("foursquare-nyc", "synthetic-places")),
    "image": Kind((ITEM, "0"), "dense features of what an item looks like, in numbered columns", ("tiktok-mm",)),
    "audio": Kind((ITEM, "0"), "dense features of what an item sounds like, in numbered columns", ("tiktok-mm",)),
}  # fmt: skip
SIDES = {USER: USER, "friend": USER, ITEM: ITEM}  # column -> whose ids it holds
ENTITY, ENTITIES = "entity", "entities"  # side of head and tail of relations; table (item, entity) of raw ids


def required_table(dataset: Dataset, name: str) -> pd.DataFrame:
    """The table of this name. UserError (code 3) names those there are and the datasets that bring this one."""
    if name in dataset.tables:
        return dataset.tables[name]
    kind = KINDS.get(name)
    remedy = "" if not kind else f". Its columns are {', '.join(kind.columns)}"
    remedy += f"; bundled with {', '.join(kind.bundled)}" if kind and kind.bundled else ""
    raise UserError(f"{dataset.name}: {unknown_name('table', name, dataset.tables)}{remedy}", code=3)


def attach_tables(dataset: Dataset, tables: dict[str, pd.DataFrame]) -> Dataset:
    """The dataset with these tables of raw ids, which become those of the dataset.

    Rows about users or items without interactions are dropped and counted in `about`. Head and tail of relations are
    raw ids of items or, with a table `entities` (item, entity), of entities; those that are no items are numbered above
    the items by a seeded hash. Of two items with one entity the first is meant. A row with a missing id is dropped too.
    Repeated links, and others that `links.repair` names, are left out and counted. UserError (code 3) for a table that
    lacks a column of its kind, or a tree with a cycle.
    """
    text, dropped = {}, dict(dataset.about.get("dropped", {}))
    for name, table in tables.items():
        _check_columns(dataset.name, name, table)
        ids = {column: id_text(table[column]) for column in _sides(name, table)}
        text[name], faults = repaired(dataset.name, name, table.assign(**ids))
        dropped |= {reason: dropped.get(reason, 0) + count for reason, count in faults.items()}
    dataset = replace(dataset, about={**dataset.about, "dropped": dropped})
    lookups = {USER: pd.Series(dataset.users.index, dataset.users[RAW]),
               ITEM: pd.Series(dataset.items.index, dataset.items[RAW])}  # fmt: skip
    if "relations" in text:
        lookups[ENTITY] = _entity_ids(text, lookups[ITEM])
    return _with_tables(dataset, text, lookups, "about unknown ids")


def follow_tables(old: Dataset, new: Dataset) -> Dataset:
    """The dataset `new` with the tables of `old`, of whose users and items it has a part; rows about others are dropped
    and counted in `about`."""
    lookups = {}
    for side, before, after in ((USER, old.users, new.users), (ITEM, old.items, new.items)):
        ids = pd.Series(after.index, after[RAW]).reindex(before[RAW]).to_numpy()
        lookups[side] = pd.Series(ids, before.index).dropna()
    if "relations" in old.tables:
        most = max([old.n_items, *old.tables["relations"][["head", "tail"]].max().dropna().astype(int)])
        others = np.arange(old.n_items + 1, most + 1)
        shifted = pd.Series(others - old.n_items + new.n_items, others)
        lookups[ENTITY] = pd.concat([lookups[ITEM], shifted])
    return _with_tables(new, old.tables, lookups, "about users or items that a filter left out")


def _sides(name: str, table: pd.DataFrame) -> dict[str, str]:
    """Column -> whose ids it holds, of the columns that hold ids."""
    sides = SIDES | (dict.fromkeys(("head", "tail"), ENTITY) if name == "relations" else {})
    return {column: sides[column] for column in table if column in sides}


def _check_columns(dataset: str, name: str, table: pd.DataFrame) -> None:
    for column in KINDS[name].columns if name in KINDS else ():
        if column not in table:
            needed = ", ".join(KINDS[name].columns)
            wrong = unknown_name("column", column, table.columns)
            raise UserError(f"{dataset}: table {name!r} needs the columns {needed}; {wrong}", code=3)


def _entity_ids(tables: dict[str, pd.DataFrame], items: pd.Series) -> pd.Series:
    """Raw entity -> id: that of its item, or a number above those of all items."""
    known = items
    if ENTITIES in tables:
        links = tables[ENTITIES]
        known = pd.Series(items.reindex(links[ITEM]).to_numpy(), id_text(links[ENTITY])).dropna()
        known = known[~known.index.duplicated()]
    names = pd.unique(tables["relations"][["head", "tail"]].to_numpy().ravel())
    others = np.array([name for name in names if isinstance(name, str) and name not in known.index], object)
    return pd.concat([known, pd.Series(hash_ranks(others) + len(items) + 1, others)])


def _with_tables(dataset: Dataset, tables: dict[str, pd.DataFrame], lookups: dict[str, pd.Series], why: str) -> Dataset:
    """The dataset with these tables, their ids replaced by lookups (given id -> id) of each side."""
    mapped, dropped = {}, dict(dataset.about.get("dropped", {}))
    for name, table in tables.items():
        sides = _sides(name, table)
        ids = pd.DataFrame({c: lookups[side].reindex(table[c]).to_numpy() for c, side in sides.items()}, table.index)
        known = ids.notna().all(axis=1)
        mapped[name] = table[known].assign(**ids[known].astype("int32")).reset_index(drop=True)
        if (~known).any():
            reason = f"rows of {name} {why}"
            dropped[reason] = dropped.get(reason, 0) + int((~known).sum())
    return replace(dataset, tables={**dataset.tables, **mapped}, about={**dataset.about, "dropped": dropped})


def unknown_rows(dataset: Dataset, name: str) -> tuple[int, int]:
    """Rows of a table about unknown users or items: those left out so far, and those that it still holds."""
    table, inside = dataset.tables[name], np.zeros(len(dataset.tables[name]), bool)
    valid: dict[str, Callable] = {
        USER: lambda ids: ids.between(0, dataset.n_users - 1), ITEM: lambda ids: ids.between(1, dataset.n_items),
        ENTITY: lambda ids: ids >= 1,
    }  # fmt: skip
    for column, side in _sides(name, table).items():
        inside |= ~valid[side](pd.to_numeric(table[column], errors="coerce")).to_numpy(bool)
    left_out = sum(n for what, n in dataset.about.get("dropped", {}).items() if what.startswith(f"rows of {name} "))
    return left_out, int(inside.sum())

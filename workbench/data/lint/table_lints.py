"""Checks of the side tables of a dataset, one function a kind of `workbench.data.tables.KINDS`; values are counts."""
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.data.links.repair import on_cycle
from workbench.data.lint.finding import NOTE, WARNING, Finding, counted
from workbench.data.schema import ITEM, USER, Dataset
from workbench.data.tables import unknown_rows

MOST_AT_ONE_PLACE = 5  # items; more share a placeholder rather than a building


def table_findings(dataset: Dataset) -> Iterator[Finding]:
    """The checks of every table whose kind is known."""
    for name, table in dataset.tables.items():
        if name in LINTS:
            left_out, inside = unknown_rows(dataset, name)
            note = f"rows are about users or items that the log does not have, {left_out:,} of them left out"
            rows = len(table) + left_out
            yield counted(f"{name}: unknown ids", left_out + inside, rows, note, WARNING if inside else NOTE)
            yield from LINTS[name](dataset, table)


def relations(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """Triples that are given twice, link an entity to itself or concern no item; items without a triple."""
    n, head, tail = len(table), table["head"].to_numpy(), table["tail"].to_numpy()
    linked = np.intersect1d(np.concatenate([head, tail]), dataset.items.index)
    repeated = table.duplicated(["head", "relation", "tail"]).sum()
    yield counted("relations: duplicated triples", repeated, n, "triples repeat an earlier one")
    yield counted("relations: self links", (head == tail).sum(), n, "triples link an entity to itself")
    apart = (np.minimum(head, tail) > dataset.n_items).sum()
    yield counted("relations: triples without an item", apart, n, "triples link two entities that are no items", NOTE)
    bare = dataset.n_items - len(linked)
    yield counted("relations: items without a triple", bare, dataset.n_items, "items are in no triple", NOTE)


def social(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """Links of a user to himself, links given twice, and links without the opposite one."""
    n, links = len(table), table[[USER, "friend"]]
    own = links[USER] == links["friend"]
    pairs = pd.MultiIndex.from_frame(links[~own])
    one_sided = (~pairs.isin(pd.MultiIndex.from_arrays([links["friend"], links[USER]]))).sum()
    yield counted("social: self links", own.sum(), n, "links lead from a user to the same one")
    yield counted("social: duplicated links", links.duplicated().sum(), n, "links repeat an earlier one")
    note = "links have no link in the opposite direction: who follows is not followed"
    yield counted("social: one-sided links", one_sided, n, note, NOTE)


def tree(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """Nodes with two parents, and nodes on a cycle, which no path from a root reaches."""
    edges, nodes = table[table["parent"].notna()].drop_duplicates(["child", "parent"]), on_cycle(table)
    two = edges["child"].duplicated(keep=False) & ~edges["child"].duplicated()
    yield counted("tree: nodes with two parents", two.sum(), len(nodes), "nodes have more than one parent")
    yield counted("tree: nodes on a cycle", nodes.sum(), len(nodes), "nodes are above themselves")


def slates(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """Positions that are filled twice, and items that are shown twice, in one slate."""
    place, item = (table.duplicated(["slate", column]).sum() for column in ("position", ITEM))
    yield counted("slates: repeated positions", place, len(table), "rows take a position that its slate has filled")
    yield counted("slates: repeated items", item, len(table), "rows show an item that its slate shows already", NOTE)


def dialogues(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """Turns that do not come after the one before, and turns without text."""
    turn = pd.to_numeric(table["turn"], errors="coerce")
    before = turn.groupby(table["dialogue"], sort=False).shift()
    first = ~table["dialogue"].duplicated()
    wrong = (~(turn > before) & ~first | turn.isna()).sum()
    empty = (table["text"].astype("string").fillna("").str.strip() == "").sum()
    yield counted("dialogues: turns out of order", wrong, len(table), "turns have no number above the turn before")
    yield counted("dialogues: empty turns", empty, len(table), "turns have no text")


def geography(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """Coordinates that are none, the place (0, 0), items with two places or none, and places of many items."""
    n, lat, lon = len(table), *(pd.to_numeric(table[column], errors="coerce") for column in ("lat", "lon"))
    zero = (lat == 0) & (lon == 0)
    crowd = table.groupby([lat, lon])[ITEM].nunique().loc[lambda items: items > MOST_AT_ONE_PLACE].sum()
    outside = (~(lat.abs() <= 90) | ~(lon.abs() <= 180)).sum()
    yield counted("geography: out of range", outside, n, "rows lack a latitude in -90..90 and a longitude in -180..180")
    note = "rows are at latitude 0, longitude 0, which stands for unknown"
    yield counted("geography: at (0, 0)", zero.sum(), n, note)
    another = table.drop_duplicates([ITEM, "lat", "lon"])[ITEM].duplicated().sum()
    yield counted("geography: repeated items", another, n, "rows give an item another place")
    note = f"items share a place with more than {MOST_AT_ONE_PLACE - 1} others"
    yield counted("geography: crowded places", crowd, table[ITEM].nunique(), note, NOTE)
    without = dataset.n_items - table[ITEM].nunique()
    yield counted("geography: items without a place", without, dataset.n_items, "items have no place", NOTE)


def image(dataset: Dataset, table: pd.DataFrame, name: str = "image") -> Iterator[Finding]:
    """Rows of dense features with missing numbers, of zeros alone, or equal to another row; items without features."""
    numbers = table.drop(columns=ITEM).apply(pd.to_numeric, errors="coerce")
    yield counted(f"{name}: missing numbers", numbers.isna().any(axis=1).sum(), len(table), "rows lack a number")
    empty = (numbers == 0).all(axis=1)
    yield counted(f"{name}: empty rows", empty.sum(), len(table), "rows are zeros, which stand for unknown", NOTE)
    repeated = numbers[~empty].duplicated().sum()
    yield counted(f"{name}: repeated rows", repeated, len(table), "rows have the features of an earlier one", NOTE)
    yield counted(f"{name}: repeated items", table[ITEM].duplicated().sum(), len(table), "rows give an item others")
    without = dataset.n_items - table[ITEM].nunique()
    yield counted(f"{name}: items without features", without, dataset.n_items, "items have no features", NOTE)


def audio(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    """As of `image`."""
    yield from image(dataset, table, "audio")


LINTS = {lint.__name__: lint for lint in (relations, social, tree, slates, dialogues, geography, image, audio)}

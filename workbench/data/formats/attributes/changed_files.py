"""Commits as interactions: authors are the users, files the items, with words and a tree from their paths."""
import numpy as np
import pandas as pd

from workbench.data.formats.attributes.file_tree import file_tree, path_words
from workbench.data.schema import ITEM, RAW, ROW, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError, unknown_name

DUPLICATES, NAMES = ("first", "keep"), ("first", "newest")


def check_choices(duplicates: str, names: str) -> None:
    """UserError unless both are allowed."""
    for option, value, allowed in (("duplicates", duplicates, DUPLICATES), ("names", names, NAMES)):
        if value not in allowed:
            raise unknown_name(option, value, allowed)


def changes_dataset(
    name: str, changes: pd.DataFrame, *, duplicates: str, names: str, about: dict, root: str | None = None
) -> Dataset:  # fmt: skip
    """The dataset of changed files, with the table `tree`.

    changes: rows from oldest to newest; author, timestamp (seconds), file (the newest path of what was changed: its raw
    id), path (that of the change), and further columns of events. Rows with the status D, deletions, are no events.
    duplicates: first (an author and a file are an event once, the first time) or keep. names: the path by which an item
    is called, that gives its words and its place in the tree: first (nothing of later is in it) or newest. about: see
    Dataset; how many rows were left out is added. root: see `file_tree`. UserError (code 3) without a change.
    """
    kept = changes[changes["status"] != "D"]
    if kept.empty:
        raise UserError(f"{name}: {len(changes):,} changes of files, none of which adds or changes one", code=3)
    dropped = {"deletions of files": len(changes) - len(kept)}
    called = kept.drop_duplicates("file")
    items = pd.DataFrame({RAW: called["file"], "title": called["path" if names == "first" else "file"]})
    items = items.assign(text=path_words(items["title"]))
    if duplicates == "first":
        once = kept.drop_duplicates(["author", "file"])
        dropped["later changes of a file by the same author"] = len(kept) - len(once)
        kept = once
    events = kept.rename(columns={"author": USER, "file": ITEM, "timestamp": TIME}).drop(columns="path")
    events = events.assign(**{ROW: np.flatnonzero(changes.index.isin(kept.index))}).reset_index(drop=True)
    dataset = assemble(name, events, items=items, about={**about, "dropped": about.get("dropped", {}) | dropped})
    tree = file_tree(items[RAW].to_numpy(object), items["title"].to_numpy(object), root=root)
    return attach_tables(dataset, {"tree": tree})

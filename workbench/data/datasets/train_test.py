"""A published split of your own files: path= the train rows, test= the test rows, such as LightGCN's two lists.

The files are read as those of dataset csv; the protocol split=published evaluates on the test rows. By default a line
is a user with his items, `user item item ...`, as in train.txt and test.txt of LightGCN; layout=events reads a row an
event.
"""
import numpy as np
import pandas as pd

from workbench.data.datasets import csv
from workbench.data.schema import HELD_OUT, ITEM, MICROSECOND, RAW, TIME, USER, Dataset, assemble
from workbench.errors import UserError


def load(
    *,
    path: str | None = None,
    test: str | None = None,
    layout: str = "sequences",
    user: str = USER,
    item: str = ITEM,
    timestamp: str | None = TIME,
    columns: str = "",
    encoding: str = "",
) -> Dataset:
    """The rows of both files as one Dataset, with the column held_out (bool) of the test rows; other arguments as for
    csv. Lists have no order of events (order none): that of a LightGCN list says nothing.

    UserError where a file is not named, where only one has times, and as for csv.
    """
    if not path or not test:
        raise UserError("dataset train-test needs two files: path=train.txt and test=test.txt")
    settings = {"layout": layout, "user": user, "item": item, "timestamp": timestamp, "columns": columns,
                "encoding": encoding}  # fmt: skip
    parts = [csv.load(path=file, **settings) for file in (path, test)]
    if parts[0].order != parts[1].order:
        raise UserError(f"{path} and {test}: only one of them has timestamps", code=3)
    events = pd.concat([_raw_events(part) for part in parts], ignore_index=True)
    events[HELD_OUT] = np.arange(len(events)) >= len(parts[0].interactions)
    about = {"title": parts[0].about["title"], "files": parts[0].about["files"] | parts[1].about["files"],
             "read": {"train rows": len(parts[0].interactions), "test rows": len(parts[1].interactions)}}  # fmt: skip
    return assemble(parts[0].name, events, order="time" if parts[0].has_times else "none", about=about)


def _raw_events(part: Dataset) -> pd.DataFrame:
    """The events with raw ids, in the order of the file."""
    events = part.interactions
    kept = {name: events[name].to_numpy() for name in (TIME, MICROSECOND) if name in events}
    raw = {USER: part.users[RAW].to_numpy()[events[USER]], ITEM: part.items[RAW].to_numpy()[events[ITEM] - 1]}
    return pd.DataFrame(raw | kept)

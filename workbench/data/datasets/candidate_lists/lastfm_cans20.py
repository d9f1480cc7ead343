"""Last.fm prompts of S-DPO: the artists of a listener, and twenty candidates of which the next one is among."""
import itertools
import json

import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

S_DPO = ("https://raw.githubusercontent.com/chenyuxin1999/S-DPO/07befa4141239c1ecd8d13b1136d226315d0227b/sample_data/"
         "lastfm-sft-cans20/")  # fmt: skip
SHA256 = {
    "lastfm-val.json": "4fe1044f3c95eb77d402d0fc2d1b513bf3a585225c344b8f84c23b1c3f3007a4",
    "lastfm-test.json": "868fe7570f4fdeea9cbbf3fb85c1fdadc20cf2f375e7a70247dae7d34d867983",
}
VALID, TEST = (File(name, S_DPO + name, digest) for name, digest in SHA256.items())
ABOUT = {
    "title": "Last.fm, prompts of 20 candidates", "homepage": "https://github.com/chenyuxin1999/S-DPO",
    "terms": "The repository has no licence; made from HetRec 2011 Last.fm, which is for non-commercial use.",
    "citation": "Chen et al., On Softmax Direct Preference Optimization for Recommendation, NeurIPS 2024", "release":
    "S-DPO",
    "notes": ["the rows of a file are windows of ten artists that slide over 122 listeners: they are put together here",
              "the train file is not at hand, so there are the listeners of the validation and of the test file alone",
              "19 candidates of a row are uniform draws: popularity is far above chance (.05)"],
}  # fmt: skip


def load() -> Dataset:
    """Last.fm prompts, 244 listeners. Leave-one-out holds out the choice of the last row of each.

    Table candidates (user, item): the twenty of that row, the chosen one among them, but for artists that nobody has
    heard, which are counted among what was dropped.
    """
    files = DataFiles("lastfm-cans20", "lastfm_cans20")
    files.require(VALID, TEST)
    parts = [_listeners(files.read(file), part) for file, part in ((VALID, "valid"), (TEST, "test"))]
    events, candidates = (pd.concat(tables, ignore_index=True) for tables in zip(*(part[:2] for part in parts)))
    names = events["item"].unique()
    read = {"rows": sum(part[2] for part in parts)}
    about = {**ABOUT, "files": files.checksums, "read": read, "dropped": {}}
    items = pd.DataFrame({"raw_id": names, "title": names})
    dataset = assemble("lastfm-cans20", events, items=items, order="sequence", about=about)
    return attach_tables(dataset, {"candidates": candidates})


def _listeners(content: Content, part: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Events (user, item), candidates (user, item) of the last row of each user, and the number of rows of a file. A
    row goes on with the one before where its history is that and its choice, but for the oldest artist. UserError for
    another layout."""
    try:
        rows = json.loads(content.data)
        histories = [row["historyList"].split("::") for row in rows]
        chosen, listed = [row["trueSelection"] for row in rows], [row["itemList"] for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise data_error(content, None, f"no list of historyList, itemList and trueSelection ({error})") from error
    if wrong := sum(name not in names for name, names in zip(chosen, listed)):
        raise data_error(content, None, f"{wrong} rows whose trueSelection is not in their itemList")
    follows = [before + [choice] for before, choice in zip(histories[:-1], chosen[:-1])]
    starts = np.array([True, *(now not in (all_, all_[1:]) for now, all_ in zip(histories[1:], follows))])
    user = np.cumsum(starts) - 1
    first = [(number, name) for number, history in zip(user[starts], itertools.compress(histories, starts))
             for name in history]  # fmt: skip
    events = pd.DataFrame([*first, *zip(user, chosen)], columns=["user", "item"]).sort_values("user", kind="stable")
    last = np.append(starts[1:], True)
    pairs = [(number, name) for number, names in zip(user[last], itertools.compress(listed, last)) for name in names]
    tables = events, pd.DataFrame(pairs, columns=["user", "item"])
    return *(table.assign(user=part + " " + table["user"].astype(str)) for table in tables), len(rows)

"""Evaluate predictions made by other programs: a CSV of raw ids, the same metrics under the same protocol."""
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data import Dataset, Split
from workbench.data.formats import log_reader
from workbench.data.schema import RAW, text_ids
from workbench.errors import UserError
from workbench.evaluate.evaluation import DEPTH, Evaluation

log = logging.getLogger("workbench")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table as logs are read (CSV with any usual separator, gzip, parquet) with the columns user, item, and rank
    (1 is best) or score (higher is better).

    Returns the columns user, item (raw ids as text) and sort_key (lower is better). UserError if a file, column or
    number is invalid, or there are no rows."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; predictions are a CSV with columns user,item,rank or user,item,score")
    columns = log_reader.column_names(path, ("user", "item"))
    order = next((column for column in ("rank", "score") if column in columns), None)
    if order is None and {"user", "item"} <= set(columns):
        raise UserError(f"{path}: needs a column rank or score beside user and item; it has {', '.join(columns)}")
    table = log_reader.read(path, {"user": "id", "item": "id"} | ({order: "number"} if order else {})).columns
    number = np.asarray(table[order], float)
    if not np.isfinite(number).all():
        line = int(np.flatnonzero(~np.isfinite(number))[0]) + 2
        raise UserError(f"{path}, line {line}: {order} {number[line - 2]} is not a number", code=3)
    ids = {side: pd.array(text_ids(pd.Series(table[side])), "string") for side in ("user", "item")}
    return pd.DataFrame(ids | {"sort_key": number if order == "rank" else -number})


def evaluate_predictions(
    table: pd.DataFrame, dataset: Dataset, split: Split, *, name: str = "predictions"
) -> Evaluation:
    """Rank of each test user's targets among that user's predictions; a user without predictions is a miss.

    Ties are broken by item id (ids are in the order of a seeded hash). Where the protocol masks the history, its items
    are dropped first. UserError for a user or item that is not in the dataset, or a duplicate pair. name: of the table
    in messages.
    """
    ids = {}
    for column, side in (("user", dataset.users), ("item", dataset.items)):
        codes = pd.Index(side[RAW]).get_indexer(table[column])
        if (codes < 0).any():
            line = int(np.flatnonzero(codes < 0)[0])
            examples = ", ".join(map(repr, side[RAW].iloc[:3]))
            raise UserError(
                f"{name}, line {line + 2}: {column} {table[column].iloc[line]!r} is not in {dataset.name}, whose "
                f"{column} ids look like {examples}", code=3,
            )
        ids[column] = side.index.to_numpy()[codes]
    width = split.n_items + 1
    pair = ids["user"].astype(np.int64) * width + ids["item"]
    if len(np.unique(pair)) < len(pair):
        raise UserError(f"{name}: a pair of user and item appears twice", code=3)
    histories = split.test.histories
    if split.protocol.mask_history:
        keep = ~np.isin(pair, histories.users[histories.rows()].astype(np.int64) * width + histories.items)
        ids, table = {k: v[keep] for k, v in ids.items()}, table[keep]
    order = np.lexsort((ids["item"], table["sort_key"].to_numpy(), ids["user"]))
    users, items = ids["user"][order], ids["item"][order]
    first = np.searchsorted(users, users)  # users are sorted: the start of each list
    rank = np.arange(len(users)) - first + 1
    case = np.full(max(split.n_users, dataset.n_users), -1, np.int64)
    case[histories.users] = np.arange(len(histories))
    listed = rank <= DEPTH
    places = pd.Series(rank[listed], users[listed].astype(np.int64) * width + items[listed])
    wanted = histories.users[split.test.rows()].astype(np.int64) * width + split.test.targets
    ranks = places.reindex(wanted, fill_value=0).to_numpy(np.int32)
    top = (rank <= 10) & (case[users] >= 0)
    return Evaluation(ranks, None, np.bincount(items[top], minlength=width), DEPTH, split.test.offsets)


def users_with_predictions(table: pd.DataFrame, dataset: Dataset, split: Split) -> int:
    """The number of test users with at least one prediction; the others count as misses, which a warning says.
    UserError if it is none."""
    wanted, given = dataset.users[RAW].to_numpy()[split.test.histories.users], table["user"].to_numpy()
    covered = int(np.isin(wanted, given).sum())
    n = len(wanted)
    if not covered:
        raise UserError(f"none of the {n} test users has a prediction; test users are {wanted[0]!r} ...", code=3)
    if covered < n:
        log.warning("%d of %d test users have no prediction; each counts as a miss", n - covered, n)
    return covered

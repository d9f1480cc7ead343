"""Evaluate predictions made by other programs: a CSV of raw ids, the same metrics under the same protocol."""
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.data import Dataset, Split
from workbench.data.schema import RAW
from workbench.errors import UserError, unknown_name
from workbench.evaluate.evaluation import DEPTH, Evaluation


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a CSV with the columns user, item, and rank (1 is best) or score (higher is better); ids are text.

    Returns the columns user, item and sort_key (lower is better). UserError if a file, column or number is invalid."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; predictions are a CSV with columns user,item,rank or user,item,score")
    try:
        table = pd.read_csv(path, dtype="string", keep_default_na=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not a readable CSV ({error})", code=3) from error
    for column in ("user", "item"):
        if column not in table:
            raise unknown_name(f"columns in {path}: it lacks", column, table.columns)
    order = next((column for column in ("rank", "score") if column in table), None)
    if order is None:
        raise UserError(f"{path}: needs a column rank or score beside user and item; it has {', '.join(table.columns)}")
    number = pd.to_numeric(table[order], errors="coerce").astype(float)
    bad = np.flatnonzero(~np.isfinite(number.to_numpy()))
    if len(bad):
        raise UserError(f"{path}, line {bad[0] + 2}: {order} {table[order][bad[0]]!r} is not a number", code=3)
    return table.assign(sort_key=number if order == "rank" else -number)[["user", "item", "sort_key"]]


def evaluate_predictions(
    table: pd.DataFrame, dataset: Dataset, split: Split, *, name: str = "predictions"
) -> Evaluation:
    """Rank of each test user's target among that user's predictions; a user without predictions is a miss.

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
    hit = (case[users] >= 0) & (items == split.test.targets[case[users]]) & (rank <= DEPTH)
    ranks = np.zeros(len(histories), np.int32)
    ranks[case[users[hit]]] = rank[hit]
    top = (rank <= 10) & (case[users] >= 0)
    return Evaluation(ranks, None, np.bincount(items[top], minlength=width), DEPTH)


def users_with_predictions(table: pd.DataFrame, dataset: Dataset, split: Split) -> int:
    """The number of test users with at least one prediction; the others count as misses."""
    return int(np.isin(dataset.users[RAW].to_numpy()[split.test.histories.users], table["user"].to_numpy()).sum())

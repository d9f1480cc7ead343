"""Named extra tables of a dataset, with raw ids replaced by its own."""
from dataclasses import replace

import pandas as pd

from workbench.data.schema import RAW, Dataset

USERS, ITEMS = ("user", "friend"), ("item", "other")


def attach(dataset: Dataset, tables: dict[str, pd.DataFrame]) -> Dataset:
    """The dataset with these tables: columns user and friend become user ids, item and other become item ids.

    Rows about users or items without interactions are dropped and counted in `about`.
    """
    done, dropped = {}, dict(dataset.about.get("dropped", {}))
    lookups = {
        **dict.fromkeys(USERS, pd.Series(dataset.users.index, dataset.users[RAW])),
        **dict.fromkeys(ITEMS, pd.Series(dataset.items.index, dataset.items[RAW])),
    }
    for name, table in tables.items():
        columns = [column for column in table if column in lookups]
        ids = pd.DataFrame({c: lookups[c].reindex(table[c].astype(str)).to_numpy() for c in columns}, table.index)
        known = ids.notna().all(axis=1)
        done[name] = table[known].assign(**ids[known].astype("int32")).reset_index(drop=True)
        if (~known).any():
            dropped[f"rows of {name} about unknown ids"] = int((~known).sum())
    return replace(dataset, tables={**dataset.tables, **done}, about={**dataset.about, "dropped": dropped})

"""Side tables of a dataset, with raw ids mapped to its integer ids."""
from dataclasses import replace

import pandas as pd

from workbench.data.schema import RAW, Dataset

USER_COLUMNS, ITEM_COLUMNS = ("user", "friend"), ("item", "other")


def attach_tables(dataset: Dataset, tables: dict[str, pd.DataFrame]) -> Dataset:
    """The dataset with these tables; columns user and friend are mapped to user ids, item and other to item ids.

    Rows about users or items without interactions are dropped and counted in `about`.
    """
    mapped, dropped = {}, dict(dataset.about.get("dropped", {}))
    lookups = {
        **dict.fromkeys(USER_COLUMNS, pd.Series(dataset.users.index, dataset.users[RAW])),
        **dict.fromkeys(ITEM_COLUMNS, pd.Series(dataset.items.index, dataset.items[RAW])),
    }
    for name, table in tables.items():
        columns = [column for column in table if column in lookups]
        ids = pd.DataFrame({c: lookups[c].reindex(table[c].astype(str)).to_numpy() for c in columns}, table.index)
        known = ids.notna().all(axis=1)
        mapped[name] = table[known].assign(**ids[known].astype("int32")).reset_index(drop=True)
        if (~known).any():
            dropped[f"rows of {name} about unknown ids"] = int((~known).sum())
    return replace(dataset, tables={**dataset.tables, **mapped}, about={**dataset.about, "dropped": dropped})

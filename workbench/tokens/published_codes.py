"""Published semantic IDs, mapped to items by the raw ids of their dataset."""
import numpy as np

from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.lcrec import parse_index
from workbench.data.schema import Dataset
from workbench.errors import UserError

FOLDERS = {"beauty": "amazon_beauty_2014", "office": "amazon_office_2014", "grocery": "amazon_grocery_2014"}


def load(name: str, published: dict[str, File], dataset: Dataset) -> tuple[np.ndarray, tuple[int, ...]]:
    """The codes (I, L) published by `name` for a dataset, and their sizes. published: a file for each dataset.

    UserError where none were published, the file is not available, or file and catalogue contain different items.
    """
    if dataset.name not in published:
        raise UserError(f"{name} published no codes for {dataset.name}; available: {', '.join(published)}")
    if "lcrec_id" not in dataset.items:
        raise UserError(f"{dataset.name}: this release has no lcrec_id, which {name}'s codes refer to", code=3)
    files = DataFiles(dataset.name, FOLDERS[dataset.name])
    table = parse_index(files.read(published[dataset.name])).to_pandas().set_index("lcrec_id")
    lcrec_ids = dataset.items["lcrec_id"].to_numpy()
    unknown, missing = np.setdiff1d(table.index, lcrec_ids), np.setdiff1d(lcrec_ids, table.index)
    if len(unknown) or len(missing):
        raise UserError(
            f"{name}'s codes and {dataset.name} are different catalogues: {len(unknown):,} items of the file are "
            f"unknown here{f', such as {unknown[0]}' if len(unknown) else ''}, and {len(missing):,} items here have no "
            f"codes{f', such as {missing[0]}' if len(missing) else ''}", code=3,
        )  # fmt: skip
    codes = table.loc[lcrec_ids].to_numpy()
    return codes, tuple(max(256, int(largest) + 1) for largest in codes.max(axis=0))

"""Amazon CDs and Vinyl as LightGCN adjacency lists: a large user-item graph without times or text."""
import numpy as np
import pandas as pd

from workbench.data.formats import amazon_official
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.sequences import parse_lists
from workbench.data.schema import Dataset, assemble

ULTRAGCN = "https://raw.githubusercontent.com/xue-pai/UltraGCN/b220010d62af08bd895963a3d71c7c8e55ee1f56/data/amazoncds/"
TRAIN = File("train.txt", ULTRAGCN + "train.txt", "dffb4e0cb45813f752ebe4c201a6c35aeb2755289b39b89bc1c148df8afcbd0c")
TEST = File("test.txt", ULTRAGCN + "test.txt", "5ad687ad2d00d7b3da4b366736aa606a63b3df5a53502ffc860f40990d7d6c36")


def load() -> Dataset:
    """CDs. The order of events is not published (order none); `held_out` marks the published test set."""
    files = DataFiles("cds", "amazon_cds_lightgcn")
    files.require(TRAIN, TEST)
    parts = [parse_lists(files.read(file), allow_empty=True) for file in (TRAIN, TEST)]
    users, items = (np.concatenate(side) for side in zip(*parts, strict=True))
    held_out = np.arange(len(users)) >= len(parts[0][0])
    counts = {"train interactions": len(parts[0][0]), "test interactions": len(parts[1][0])}
    about = amazon_official.dataset_metadata(
        files, "Amazon CDs, UltraGCN release", "LightGCN lists", counts, ["order: not published"]
    )
    events = pd.DataFrame({"user": users, "item": items, "held_out": held_out})
    return assemble("cds", events, order="none", about=about)

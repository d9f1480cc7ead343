"""Amazon CDs and Vinyl as LightGCN adjacency lists: a large user-item graph without times or text."""
import numpy as np
import pandas as pd

from workbench.data.formats import amazon_official
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.sequences import parse_lists
from workbench.data.schema import Dataset, assemble

RELEASE = "https://raw.githubusercontent.com/xue-pai/UltraGCN/b220010d62af08bd895963a3d71c7c8e55ee1f56/data/"
DIGESTS = ("dffb4e0cb45813f752ebe4c201a6c35aeb2755289b39b89bc1c148df8afcbd0c",
           "5ad687ad2d00d7b3da4b366736aa606a63b3df5a53502ffc860f40990d7d6c36")  # fmt: skip


def load() -> Dataset:
    """CDs. The order of events is not published (order none); `held_out` marks the published test set."""
    return load_lists(DataFiles("cds", "amazon_cds_lightgcn"), "amazoncds", DIGESTS, "Amazon CDs, UltraGCN release")


def load_lists(files: DataFiles, published: str, digests: tuple[str, str], title: str) -> Dataset:
    """A dataset of train and test lists of the UltraGCN release. published: their folder in it. digests: SHA-256 of
    both. UserError where they are missing or no lists."""
    both = [File(f"{part}.txt", f"{RELEASE}{published}/{part}.txt", digest)
            for part, digest in zip(("train", "test"), digests, strict=True)]  # fmt: skip
    files.require(*both)
    parts = [parse_lists(files.read(file), allow_empty=True) for file in both]
    users, items = (np.concatenate(side) for side in zip(*parts, strict=True))
    held_out = np.arange(len(users)) >= len(parts[0][0])
    counts = {"train interactions": len(parts[0][0]), "test interactions": len(parts[1][0])}
    about = amazon_official.dataset_metadata(files, title, "LightGCN lists", counts, ["order: not published"])
    events = pd.DataFrame({"user": users, "item": items, "held_out": held_out})
    return assemble(files.dataset, events, order="none", about=about)

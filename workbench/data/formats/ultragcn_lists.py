"""The train and test lists that the UltraGCN release publishes (Apache-2.0 for its code), in LightGCN's format."""
import numpy as np
import pandas as pd

from workbench.data.formats import amazon_official
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.sequences import parse_lists
from workbench.data.schema import Dataset, assemble

RELEASE = "https://raw.githubusercontent.com/xue-pai/UltraGCN/b220010d62af08bd895963a3d71c7c8e55ee1f56/data/"


def load(name: str, folder: str, published: str, digests: tuple[str, str], title: str) -> Dataset:
    """A dataset of two lists. folder: where they may lie locally. published: their folder in the release. digests:
    SHA-256 of train and test. UserError where they are missing or no lists."""
    files = DataFiles(name, folder)
    both = [File(f"{part}.txt", f"{RELEASE}{published}/{part}.txt", digest)
            for part, digest in zip(("train", "test"), digests, strict=True)]  # fmt: skip
    files.require(*both)
    parts = [parse_lists(files.read(file), allow_empty=True) for file in both]
    users, items = (np.concatenate(side) for side in zip(*parts, strict=True))
    held_out = np.arange(len(users)) >= len(parts[0][0])
    counts = {"train interactions": len(parts[0][0]), "test interactions": len(parts[1][0])}
    about = amazon_official.dataset_metadata(files, title, "LightGCN lists", counts, ["order: not published"])
    events = pd.DataFrame({"user": users, "item": items, "held_out": held_out})
    return assemble(name, events, order="none", about=about)

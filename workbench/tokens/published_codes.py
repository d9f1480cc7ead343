"""Published semantic IDs, mapped to items by the raw ids of their dataset."""
import numpy as np

from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.lcrec import parse_index
from workbench.data.schema import Dataset
from workbench.errors import UserError, unknown_name
from workbench.tokens.codes import ItemCodes, item_codes
from workbench.tokens.control_codes import raw_ids

GITHUB = "https://raw.githubusercontent.com/"
APAO = GITHUB + "yuyq18/APAO/aa08fcfab4ad306a536a1fde648042972a292bbe/data/"
LETTER = GITHUB + "HonghuiBao2000/LETTER/8d0154e28de37dbb6e24871c508ad8ddb1921cda/data/"
FILES = {
    "letter": {  # RQ-VAE, 4 x 256, arXiv:2405.07314
        "beauty": File(
            "letter/Beauty.index.json", LETTER + "Beauty/Beauty.index.json",
            "be3fb890e59b5443824cdebc560ef349191b97f20d3aecad4727de2d6b212c82",
        ),
    },
    "apao": {  # RQ-KMeans, 4 x 256, arXiv:2603.02730
        "beauty": File(
            "apao/Beauty.index.rq-kmeans.json", APAO + "Beauty/Beauty.index.rq-kmeans.json",
            "75ec4c78aba505cec7503a5e5ada1f2eee4ebfa7eefb5a0988978677b4089aea",
        ),
        "office": File(
            "apao/Office.index.rq-kmeans.json", APAO + "Office/Office.index.rq-kmeans.json",
            "6c06fd85972bfa297f66e9597057fa6797886d1483e3f0aaed7be87fb7ddd1f9",
        ),
        "grocery": File(
            "apao/Grocery.index.rq-kmeans.json", APAO + "Grocery/Grocery.index.rq-kmeans.json",
            "4ed40e0ed6da04146c3611070008513546bdb1dd99111b5b2ed0bf065d046906",
        ),
    },
}  # fmt: skip
FOLDERS = {"beauty": "amazon_beauty_2014", "office": "amazon_office_2014", "grocery": "amazon_grocery_2014"}


def load(name: str, dataset: Dataset) -> ItemCodes:
    """The codes published by `name` (letter, apao) for a dataset, without a collision policy.

    UserError where none were published, the file is not available, or file and catalogue contain different items.
    """
    if name not in FILES:
        raise unknown_name("published codes", name, FILES)
    if dataset.name not in FILES[name]:
        raise UserError(f"{name} published no codes for {dataset.name}; available: {', '.join(FILES[name])}")
    if "lcrec_id" not in dataset.items:
        raise UserError(f"{dataset.name}: this release has no lcrec_id, which {name}'s codes refer to", code=3)
    files = DataFiles(dataset.name, FOLDERS[dataset.name])
    table = parse_index(files.read(FILES[name][dataset.name])).to_pandas().set_index("lcrec_id")
    lcrec_ids = dataset.items["lcrec_id"].to_numpy()
    unknown, missing = np.setdiff1d(table.index, lcrec_ids), np.setdiff1d(lcrec_ids, table.index)
    if len(unknown) or len(missing):
        raise UserError(
            f"{name}'s codes and {dataset.name} are different catalogues: {len(unknown):,} items of the file are "
            f"unknown here{f', such as {unknown[0]}' if len(unknown) else ''}, and {len(missing):,} items here have no "
            f"codes{f', such as {missing[0]}' if len(missing) else ''}", code=3,
        )  # fmt: skip
    codes = table.loc[lcrec_ids].to_numpy()
    sizes = tuple(max(256, int(largest) + 1) for largest in codes.max(axis=0))
    return item_codes(codes, sizes, raw_ids(dataset), about={"kind": name, "dataset": dataset.name})

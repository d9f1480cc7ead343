"""Semantic IDs that others published, by the raw ids of the dataset they belong to."""
import numpy as np

from workbench.data.formats.file_lookup import File, Shelf
from workbench.data.formats.lcrec import parse_index
from workbench.data.schema import Dataset
from workbench.errors import UserError, unknown
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
    """The codes published as `name` (letter, apao) for a dataset, with no collision policy: as they are.

    UserError where there are none for it, where the file cannot be had, or where file and catalogue name other items.
    """
    if name not in FILES:
        raise unknown("published codes", name, FILES)
    if dataset.name not in FILES[name]:
        raise UserError(f"{name} published no codes for {dataset.name}; there are some for {', '.join(FILES[name])}")
    if "lcrec_id" not in dataset.items:
        raise UserError(f"{dataset.name}: this release lacks lcrec_id, by which {name}'s codes name items", code=3)
    shelf = Shelf(dataset.name, FOLDERS[dataset.name])
    table = parse_index(shelf.read(FILES[name][dataset.name])).to_pandas().set_index("lcrec_id")
    wanted = dataset.items["lcrec_id"].to_numpy()
    strange, missing = np.setdiff1d(table.index, wanted), np.setdiff1d(wanted, table.index)
    if len(strange) or len(missing):
        raise UserError(
            f"{name}'s codes and {dataset.name} are not of one catalogue: {len(strange):,} items of the file are "
            f"unknown here{f', as {strange[0]}' if len(strange) else ''}, and {len(missing):,} items here have no code"
            f"{f', as {missing[0]}' if len(missing) else ''}", code=3,
        )  # fmt: skip
    codes = table.loc[wanted].to_numpy()
    sizes = tuple(max(256, int(top) + 1) for top in codes.max(axis=0))
    return item_codes(codes, sizes, raw_ids(dataset), about={"kind": name, "dataset": dataset.name})

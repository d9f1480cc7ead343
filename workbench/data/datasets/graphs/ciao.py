"""Ciao, 2011: ratings of products and who trusts whom, categories without names, no titles, no times."""
import numpy as np
import pandas as pd

from workbench.data.formats.containers.number_arrays import read_mat
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

GRAPHREC = (
    "https://raw.githubusercontent.com/Wang-Shuo/GraphRec_PyTorch/5768c61f66b238dc057c09535b00eec687daac2c/"
    "datasets/Ciao/"
)
RATINGS = File(
    "rating.mat", GRAPHREC + "rating.mat", "aa793568686285a93286ba9e56954fcce347370ad2e58c785760362ab12d2c2c"
)
TRUST = File(
    "trustnetwork.mat", GRAPHREC + "trustnetwork.mat",
    "0a8963ed22e6b534ce8d14e478f54ce0af6f5a3440a67ed5a35e62486580ce3a",
)  # fmt: skip
ABOUT = {
    "title": "Ciao", "homepage": "https://www.cse.msu.edu/~tangjili/datasetcode/truststudy.htm",
    "terms": "No formal licence found: crawled for research with a request to cite.",
    "citation": "Tang, Gao and Liu, mTrust: Discerning Multi-faceted Trust in a Connected World, WSDM 2012",
    "release": "GraphRec_PyTorch",
}  # fmt: skip


def load() -> Dataset:
    """Ciao. rating: 1 to 5; helpfulness: of the review, 1 to 7. The order of events is not published (order none).

    items: category, such as `category 7`, the first published one. The table social (user, friend) has one row for a
    user and one whom this user trusts. A second rating of a product by one user is left out.
    """
    files = DataFiles("ciao")
    files.require(RATINGS, TRUST)
    user, item, category, rating, helpfulness = read_mat(files.read(RATINGS), "rating", 5).T
    events = pd.DataFrame({"user": user, "item": item, "rating": rating, "helpfulness": helpfulness})
    items = pd.DataFrame({"raw_id": item, "category": [f"category {number}" for number in category]})
    trust = pd.DataFrame(read_mat(files.read(TRUST), "trustnetwork", 2), columns=["user", "friend"])
    counts = {"ratings": len(events), "trust links": len(trust)}
    repeated = events.duplicated(["user", "item"])
    events = events.assign(row=np.arange(len(events)))[~repeated]
    categories = items.drop_duplicates()["raw_id"].value_counts()
    notes = [
        "order: not published", "ratings: low ones are events like all others",
        f"{int((events['rating'] == 0).sum())} ratings are 0, which the scale of 1 to 5 does not have; kept",
        f"{int((categories > 1).sum())} items are in several categories; the first is used",
    ]  # fmt: skip
    dropped = {"ratings of a product that the user has rated already": int(repeated.sum())}
    about = {**ABOUT, "files": files.checksums, "read": counts, "dropped": dropped, "notes": notes}
    return attach_tables(assemble("ciao", events, items=items, order="none", about=about), {"social": trust})

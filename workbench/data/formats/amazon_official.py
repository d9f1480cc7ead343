"""Amazon 2014 categories from the official reviews and metadata, and functions shared by all releases of a category."""
import pandas as pd
import polars as pl

from workbench.data.formats.amazon_reviews import parse_metadata, parse_reviews
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.errors import unknown_name

UCSD = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/"
HOMEPAGE = "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html"
TERMS = "No formal licence: published for research with a request to cite; product text is third-party content."
CITATION = "McAuley et al., Image-based Recommendations on Styles and Substitutes, SIGIR 2015"
TEXT_COLUMNS = ("title", "text", "brand", "category")


def official_files(category: str) -> tuple[File, File]:
    """The official 5-core reviews and metadata of a category; no checksums are published for them."""
    names = f"reviews_{category}_5.json.gz", f"meta_{category}.json.gz"
    return tuple(File(name, UCSD + name) for name in names)


def choose_release(files: DataFiles, release: str, releases: dict[str, File]) -> str:
    """The release to read: `release`, or for "auto" the first whose main file is found, else the first."""
    if release == "auto":
        return next((name for name, file in releases.items() if files.find(file)), next(iter(releases)))
    if release not in releases:
        raise unknown_name(f"release of {files.dataset}", release, ["auto", *releases])
    return release


def load_official(files: DataFiles, category: str, title: str) -> Dataset:
    """The official reviews in time order, with metadata where available."""
    reviews, meta = official_files(category)
    files.require(reviews)
    events = parse_reviews(files.read(reviews))
    items = None
    if files.try_get(meta):
        items = parse_metadata(files.read(meta), set(events["item"].unique())).to_pandas()
    notes = ["order: by timestamp at day resolution; ties are broken by the protocol"]
    about = dataset_metadata(files, title, "official UCSD files", {"reviews": len(events)}, notes)
    return assemble(files.dataset, events.to_pandas(), items=items, order="time", about=about)


def dataset_metadata(files: DataFiles, title: str, release: str, counts: dict, notes: list[str]) -> dict:
    """The `about` entries of a dataset."""
    return {
        "title": title, "homepage": HOMEPAGE, "terms": TERMS, "citation": CITATION, "release": release,
        "files": dict(files.checksums), "read": counts, "dropped": {}, "notes": notes,
        "missing_files": files.missing_optional,
    }  # fmt: skip


def fill_from_metadata(files: DataFiles, items: pd.DataFrame, meta: File) -> pd.DataFrame:
    """The items with empty text columns filled, and price added, from the official metadata if available."""
    if "asin" not in items or files.find(meta) is None:
        return items
    metadata = parse_metadata(files.read(meta), set(items["asin"])).to_pandas()
    metadata = metadata.set_index("raw_id").reindex(items["raw_id"])
    for column in (*TEXT_COLUMNS, "price"):
        new = pd.Series(metadata[column].to_numpy(), items.index)
        if column in items:
            new = items[column].where(items[column].fillna("").astype(str).str.len() > 0, new)
        items = items.assign(**{column: new})
    return items


def join_on_alias(items: pd.DataFrame, table: pl.DataFrame, on: str) -> pd.DataFrame:
    """The item table with the columns of another release, joined on an alias column."""
    return items.merge(table.to_pandas(), on=on, how="left")

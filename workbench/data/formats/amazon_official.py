"""Amazon 2014 domains as the official reviews and metadata give them, and what all releases of a domain share."""
import pandas as pd
import polars as pl

from workbench.data.formats.amazon_reviews import parse_metadata, parse_reviews
from workbench.data.formats.file_lookup import File, Shelf
from workbench.data.schema import Dataset, assemble
from workbench.errors import unknown

UCSD = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/"
HOMEPAGE = "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html"
TERMS = "No formal licence: published for research with a request to cite; product text is third-party content."
CITATION = "McAuley et al., Image-based Recommendations on Styles and Substitutes, SIGIR 2015"
TEXTS = ("title", "text", "brand", "category")


def official_files(category: str) -> tuple[File, File]:
    """The official 5-core reviews and metadata of a category; no checksums are published for them."""
    names = f"reviews_{category}_5.json.gz", f"meta_{category}.json.gz"
    return tuple(File(name, UCSD + name) for name in names)


def choose(shelf: Shelf, release: str, releases: dict[str, File]) -> str:
    """The release to read: the one asked for, or for "auto" the first whose main file is here, else the first."""
    if release == "auto":
        return next((name for name, file in releases.items() if shelf.find(file)), next(iter(releases)))
    if release not in releases:
        raise unknown(f"release of {shelf.dataset}", release, ["auto", *releases])
    return release


def load_official(shelf: Shelf, category: str, title: str) -> Dataset:
    """The official reviews in time order, with metadata where it is here."""
    reviews, meta = official_files(category)
    shelf.get(reviews)
    events = parse_reviews(shelf.read(reviews))
    items = None
    if shelf.has(meta):
        items = parse_metadata(shelf.read(meta), set(events["item"].unique())).to_pandas()
    notes = ["order: by time; days are the finest unit, so ties are broken by the protocol"]
    about = describe(shelf, title, "official UCSD files", {"reviews": len(events)}, notes)
    return assemble(shelf.dataset, events.to_pandas(), items=items, order="time", about=about)


def describe(shelf: Shelf, title: str, release: str, read: dict, notes: list[str]) -> dict:
    """What a dataset says about itself."""
    return {
        "title": title, "homepage": HOMEPAGE, "terms": TERMS, "citation": CITATION, "release": release,
        "files": dict(shelf.used), "read": read, "dropped": {}, "notes": notes, "lacking": shelf.lacking,
    }  # fmt: skip


def fill(shelf: Shelf, items: pd.DataFrame, meta: File) -> pd.DataFrame:
    """Item text completed from official metadata, where that file is here: it fills what is empty, and adds price."""
    if "asin" not in items or shelf.find(meta) is None:
        return items
    more = parse_metadata(shelf.read(meta), set(items["asin"])).to_pandas().set_index("raw_id").reindex(items["raw_id"])
    for column in (*TEXTS, "price"):
        new = pd.Series(more[column].to_numpy(), items.index)
        if column in items:
            new = items[column].where(items[column].fillna("").astype(str).str.len() > 0, new)
        items = items.assign(**{column: new})
    return items


def join(items: pd.DataFrame, table: pl.DataFrame, on: str) -> pd.DataFrame:
    """The item table with the columns of another release, matched by an alias."""
    return items.merge(table.to_pandas(), on=on, how="left")

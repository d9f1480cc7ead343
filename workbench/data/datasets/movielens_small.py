"""MovieLens latest-small (2018): 100,836 ratings with seconds, titles, genres and tags."""
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.movielens import parse_latest_films, parse_latest_ratings, parse_latest_tags
from workbench.data.schema import Dataset, assemble
from workbench.data.tables import attach_tables

ZIP = File(
    "ml-latest-small.zip", "https://files.grouplens.org/datasets/movielens/ml-latest-small.zip",
    "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
)
RATINGS = File(
    "ml-latest-small/ratings.csv", None, "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646", ZIP
)
FILMS = File(
    "ml-latest-small/movies.csv", None, "44a0aa02aec20be2a197f2ecc7aaf99884ba84d3eb9e85aa2c376eb57d9896d7", ZIP
)
TAGS = File("ml-latest-small/tags.csv", None, "92a9f8bb7916dceef6151209845788c3643f794dfa79d1feaec7121b5960399d", ZIP)
ABOUT = {
    "title": "MovieLens latest-small (September 2018)", "homepage": "https://grouplens.org/datasets/movielens/latest/",
    "terms": "Research use; may be redistributed under the same conditions; no commercial use without permission.",
    "citation": "Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015", "release": "GroupLens",
}  # fmt: skip


def load() -> Dataset:
    """MovieLens latest-small. category: genres joined by " | "; the table `tags` holds user, item, tag, timestamp."""
    files = DataFiles("movielens-small", "movielens_latest_small", "ml-latest-small")
    files.require(RATINGS, FILMS, TAGS)
    events, films = parse_latest_ratings(files.read(RATINGS)), parse_latest_films(files.read(FILMS))
    tags = parse_latest_tags(files.read(TAGS))
    unrated = len(films) - events["item"].n_unique()
    about = {
        **ABOUT, "files": files.checksums, "read": {"ratings": len(events), "films": len(films), "tags": len(tags)},
        "dropped": {"films without a rating": unrated}, "notes": ["order: by time, in seconds"],
    }  # fmt: skip
    dataset = assemble("movielens-small", events.to_pandas(), items=films.to_pandas(), order="time", about=about)
    return attach_tables(dataset, {"tags": tags.to_pandas()})

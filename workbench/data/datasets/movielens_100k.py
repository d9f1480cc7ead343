"""MovieLens 100K (1998): 100,000 ratings with seconds, titles and genres; also RecBole's atomic files of it."""
from workbench.data.formats.atomic import load_atomic
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.movielens import parse_100k_films, parse_100k_ratings, parse_100k_users
from workbench.data.schema import Dataset, assemble

ZIP = File(
    "ml-100k.zip", "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
)
RATINGS = File("ml-100k/u.data", None, "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", ZIP)
FILMS = File("ml-100k/u.item", None, "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701", ZIP)
USERS = File("ml-100k/u.user", None, None, ZIP)
ATOMIC = tuple(File(f"ml-100k/ml-100k.{kind}") for kind in ("inter", "item", "user"))
ABOUT = {
    "title": "MovieLens 100K", "homepage": "https://grouplens.org/datasets/movielens/100k/",
    "terms": "Research use; no redistribution and no commercial use without permission.",
    "citation": "Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015",
}  # fmt: skip


def load() -> Dataset:
    """MovieLens 100K. category: genres joined by " | "; users: age, gender, occupation, zip_code."""
    files = DataFiles("movielens-100k", "ml-100k")
    if files.find(RATINGS) is None and files.find(ATOMIC[0]):
        return load_atomic(files, *ATOMIC, about=ABOUT)
    files.require(RATINGS, FILMS, USERS, alternative="RecBole's ml-100k.inter, .item and .user are an alternative.")
    events, films = parse_100k_ratings(files.read(RATINGS)), parse_100k_films(files.read(FILMS))
    users = parse_100k_users(files.read(USERS))
    about = {
        **ABOUT, "release": "GroupLens", "files": files.checksums,
        "read": {"ratings": len(events), "films": len(films)}, "dropped": {}, "notes": ["order: by time, in seconds"],
    }  # fmt: skip
    return assemble(
        "movielens-100k", events.to_pandas(), items=films.to_pandas(), users=users.to_pandas(), order="time",
        about=about,
    )

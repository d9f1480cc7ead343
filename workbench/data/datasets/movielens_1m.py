"""MovieLens 1M (2003): 1,000,209 ratings with seconds, titles and genres; also RecBole's atomic files of it."""
from workbench.data.formats.atomic import load_atomic
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.formats.movielens import parse_1m_films, parse_1m_ratings, parse_1m_users
from workbench.data.schema import Dataset, assemble

ZIP = File(
    "ml-1m.zip", "https://files.grouplens.org/datasets/movielens/ml-1m.zip",
    "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
)
RATINGS, FILMS, USERS = (File(f"ml-1m/{name}.dat", None, None, ZIP) for name in ("ratings", "movies", "users"))
ATOMIC = tuple(File(f"ml-1m/ml-1m.{kind}") for kind in ("inter", "item", "user"))
ABOUT = {
    "title": "MovieLens 1M", "homepage": "https://grouplens.org/datasets/movielens/1m/",
    "terms": "Research use; no redistribution and no commercial use without permission.",
    "citation": "Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015",
}  # fmt: skip


def load() -> Dataset:
    """MovieLens 1M. category: genres joined by " | "; users: gender, age (group), occupation (code), zip_code."""
    files = DataFiles("movielens-1m", "ml-1m")
    if files.find(RATINGS) is None and files.find(ATOMIC[0]):
        return load_atomic(files, *ATOMIC, about=ABOUT)
    files.require(RATINGS, FILMS, USERS, alternative="RecBole's ml-1m.inter, .item and .user are an alternative.")
    events, films = parse_1m_ratings(files.read(RATINGS)), parse_1m_films(files.read(FILMS))
    users = parse_1m_users(files.read(USERS))
    about = {
        **ABOUT, "release": "GroupLens", "files": files.checksums,
        "read": {"ratings": len(events), "films": len(films)}, "dropped": {}, "notes": ["order: by time, in seconds"],
    }  # fmt: skip
    return assemble(
        "movielens-1m", events.to_pandas(), items=films.to_pandas(), users=users.to_pandas(), order="time",
        about=about,
    )

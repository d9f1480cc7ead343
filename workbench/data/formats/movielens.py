"""The three MovieLens formats: CSV (latest), `u.data`/`u.item`/`u.user` (100K), and `::`-separated (1M, 10M).

Ratings are parsed to user, item, rating, timestamp; films to raw_id, title, category (genres joined by " | ") and year.
"""
import polars as pl

from workbench.data.formats.delimited_text import read_table
from workbench.data.formats.file_lookup import Content
from workbench.data.text_cleaning import clean_text

LATIN = "latin-1"  # the old releases are not UTF-8
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
RATING = {"user": "int", "item": "int", "rating": "float", "timestamp": "seconds"}


def film_table(raw: pl.Series, titles: pl.Series, genres: pl.Series) -> pl.DataFrame:
    """A film table from ids, titles such as `Toy Story (1995)` and genres joined by "|"."""
    genres = genres.str.replace_all(r"\(no genres listed\)|^unknown$", "").str.replace_all("|", " | ", literal=True)
    year = titles.str.extract(r"\((\d{4})\)\s*$").cast(pl.Int64)
    return pl.DataFrame({"raw_id": raw.cast(pl.String), "title": clean_text(titles), "category": genres, "year": year})


def parse_latest_ratings(content: Content) -> pl.DataFrame:
    """`ratings.csv`: userId,movieId,rating,timestamp."""
    columns = {"userId": "int", "movieId": "int", "rating": "float", "timestamp": "seconds"}
    return read_table(content, columns, separator=",").rename({"userId": "user", "movieId": "item"})


def parse_latest_films(content: Content) -> pl.DataFrame:
    """`movies.csv`: movieId,title,genres; titles with commas are quoted."""
    table = read_table(content, {"movieId": "int", "title": "text", "genres": "text"}, separator=",", quote='"')
    return film_table(table["movieId"], table["title"], table["genres"])


def parse_latest_tags(content: Content) -> pl.DataFrame:
    """`tags.csv` as user, item, tag, timestamp."""
    columns = {"userId": "int", "movieId": "int", "tag": "text", "timestamp": "seconds"}
    return read_table(content, columns, separator=",", quote='"').rename({"userId": "user", "movieId": "item"})


def parse_100k_ratings(content: Content) -> pl.DataFrame:
    """`u.data`: user, item, rating, timestamp, tab-separated, no header."""
    return read_table(content, RATING, header=False, encoding=LATIN)


def parse_100k_films(content: Content) -> pl.DataFrame:
    """`u.item`: id|title|release|video release|address|19 flags, one per genre."""
    flags = {genre: "int" for genre in GENRES_100K}
    columns = {"item": "int", "title": "text", "release": "text", "video": "text", "address": "text", **flags}
    table = read_table(content, columns, separator="|", header=False, encoding=LATIN)
    words = [pl.when(pl.col(genre) == 1).then(pl.lit(genre)) for genre in GENRES_100K]
    genres = table.select(pl.concat_str(words, separator="|", ignore_nulls=True)).to_series()
    return film_table(table["item"], table["title"], genres)


def parse_100k_users(content: Content) -> pl.DataFrame:
    """`u.user`: id|age|gender|occupation|zip code."""
    columns = {"raw_id": "id", "age": "int", "gender": "text", "occupation": "text", "zip_code": "text"}
    return read_table(content, columns, separator="|", header=False, encoding=LATIN)


def parse_1m_ratings(content: Content) -> pl.DataFrame:
    """`ratings.dat`: user::item::rating::timestamp."""
    return read_table(_tabs(content), RATING, header=False, encoding=LATIN)


def parse_1m_films(content: Content) -> pl.DataFrame:
    """`movies.dat`: id::title::genres."""
    table = read_table(_tabs(content), {"item": "int", "title": "text", "genres": "text"}, header=False, encoding=LATIN)
    return film_table(table["item"], table["title"], table["genres"])


def parse_1m_users(content: Content) -> pl.DataFrame:
    """`users.dat`: id::gender::age group::occupation code::zip code."""
    columns = {"raw_id": "id", "gender": "text", "age": "int", "occupation": "int", "zip_code": "text"}
    return read_table(_tabs(content), columns, header=False, encoding=LATIN)


def _tabs(content: Content) -> Content:
    return Content(content.data.replace(b"::", b"\t"), content.name)

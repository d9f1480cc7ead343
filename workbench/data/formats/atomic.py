"""RecBole atomic files: tab-separated, a header of `name:type` with the types token, token_seq, float, float_seq."""
import polars as pl

from workbench.data.formats.delimited_text import data_error, read_table, to_utf8
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset, assemble
from workbench.errors import UserError, unknown_name

TYPES = ("token", "token_seq", "float", "float_seq")
SYNONYMS = {"movie_title": "title", "class": "category", "genre": "category", "categories": "category"}


def parse_atomic(content: Content) -> pl.DataFrame:
    """The columns without type suffix: tokens and sequences as text, floats as numbers, `timestamp` in whole seconds.

    `user_id` and `item_id` must not be empty. UserError names file and line.
    """
    content = to_utf8(content)
    head = content.data.split(b"\n", 1)[0].decode().strip("\r")
    if ":" not in head:
        raise data_error(content, 1, "no header of the form name:type", "this is not a RecBole atomic file")
    columns = {}
    for title in head.split("\t"):
        name, _, kind = title.rpartition(":")
        if kind not in TYPES:
            error = unknown_name("type of an atomic column", title, [f"{name}:{t}" for t in TYPES])
            raise UserError(f"{content.name}, line 1: {error}", code=3)
        if name == "timestamp":
            columns[title] = "seconds"
        elif kind == "float":
            columns[title] = "float?"
        else:
            columns[title] = "id" if name in ("user_id", "item_id") else "text"
    table = read_table(content, columns)
    return table.rename({title: title.rpartition(":")[0] for title in columns})


def load_atomic(files: DataFiles, inter: File, item: File, user: File, *, about: dict) -> Dataset:
    """A dataset from RecBole's `.inter` file, with `.item` and `.user` if available; ordered by timestamp if present.

    Column synonyms such as `movie_title` and `class` become title and category.
    """
    events = parse_atomic(files.read(inter)).rename({"user_id": "user", "item_id": "item"})
    tables = {}
    for key, file in (("item_id", item), ("user_id", user)):
        if files.find(file):
            table = parse_atomic(files.read(file)).rename({key: "raw_id"}).to_pandas()
            tables[key] = table.rename(columns={k: v for k, v in SYNONYMS.items() if v not in table})
    counts = {"read": {"interactions": len(events)}, "dropped": {}}
    about = {**about, "release": "RecBole", "files": files.checksums, **counts}
    order = "time" if "timestamp" in events.columns else "none"
    return assemble(
        files.dataset, events.to_pandas(), items=tables.get("item_id"), users=tables.get("user_id"), order=order,
        about=about,
    )

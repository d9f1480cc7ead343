"""Column names of a log: matching requested columns, suggesting a mapping, and errors for invalid headers."""
import os
import re
from difflib import get_close_matches
from pathlib import Path

from workbench.data.schema import ITEM, TIME, USER
from workbench.errors import UserError, unknown_name

# Common column names, lower case and letters only, most likely first.
COMMON_NAMES = {
    USER: ("user", "userid", "uid", "reviewerid", "customer", "customerid", "client", "clientid", "visitor",
           "visitorid", "account", "accountid", "member", "memberid", "session", "sessionid", "subjectid"),
    ITEM: ("item", "itemid", "iid", "movieid", "productid", "product", "parentasin", "asin", "sku", "stockcode", "isbn",
           "articleid", "article", "artistid", "trackid", "songid", "bookid", "venueid", "adgroupid"),
    TIME: ("timestamp", "time", "datetime", "unixreviewtime", "eventtime", "createdat", "date", "eventdate", "boughtat",
           "invoicedate", "orderdate", "ts", "utctime"),
    "item_title": ("itemtitle", "producttitle", "productname", "itemname", "movietitle", "tracktitle", "description"),
}  # fmt: skip
ATOMIC_SUFFIX = re.compile(r":(token|float|token_seq|float_seq)$")
NUMERIC_VALUE = re.compile(r"[-+]?\d[\d.:eE+ -]*")


def find_column(path: Path, name: str, columns: list[str]) -> str:
    """The column called `name`, ignoring the type suffix of RecBole atomic files.

    UserError with the nearest name and suggested options where there is none.

    >>> find_column(Path("Beauty.inter"), "user_id", ["user_id:token", "item_id:token"])
    'user_id:token'
    """
    name = str(name)
    matches = [column for column in columns if column == name]
    matches = matches or [column for column in columns if ATOMIC_SUFFIX.sub("", column) == name]
    if matches:
        return matches[0]
    error = unknown_name(f"column of {path}", name, columns)
    if any(NUMERIC_VALUE.fullmatch(column) for column in columns):
        raise UserError(f"{error}. If line 1 holds values, name the {len(columns)} columns with columns=")
    suggestion = guess_options(columns)
    if not suggestion and name in ("user", "item"):  # the names of the options themselves
        suggestion = f"{name}=COLUMN, which names the column of {name}s"
    raise UserError(f"{error}. Suggested options: {suggestion}" if suggestion else str(error))


def guess_options(columns: list[str]) -> str:
    """Suggested options for a log with these columns; empty where user or item is not recognised.

    >>> guess_options(["userId", "movieId", "rating", "timestamp"])
    'user=userId item=movieId timestamp=timestamp'
    """
    plain = [ATOMIC_SUFFIX.sub("", name) for name in reversed(columns)]
    by_letters = {re.sub(r"[^a-z]", "", name.lower()): name for name in plain}
    options = {
        role: next((by_letters[name] for name in names if name in by_letters), None)
        for role, names in COMMON_NAMES.items()
    }
    if not (options[USER] and options[ITEM]):
        return ""
    return " ".join(f'{role}="{name}"' if " " in name else f"{role}={name}" for role, name in options.items() if name)


def check_header(path: Path, columns: list[str]) -> None:
    """UserError (code 3) where the first line does not name columns: it has values, or only one column."""
    line = " ".join(columns)
    if all(NUMERIC_VALUE.fullmatch(name) for name in columns):
        what = f"{line[:60]!r} are values, not names; name all {len(columns)} columns, such as"
        names = ",".join([USER, ITEM, "rating", TIME][: len(columns)] if len(columns) != 3 else [USER, ITEM, TIME])
        remedy = f"columns={names}; if every line is a user and his items in order, layout=sequences"
        raise UserError(f"{path}, line 1: {what} {remedy}", code=3)
    if len(columns) < 2:
        what = f"only one column, {line[:60]!r}; separate columns by comma, tab, semicolon, bar or blank"
        raise UserError(f"{path}, line 1: {what}", code=3)


def missing_file_error(path: Path) -> UserError:
    """The error for a path that is not a file: suggests the nearest name, or files in the folder."""
    remedy = "give the path of a CSV, TSV, JSON lines or parquet file"
    folder = path if os.path.isdir(path) else path.parent
    siblings = sorted(p.name for p in folder.iterdir() if p.is_file())[:200] if os.path.isdir(folder) else []
    if os.path.isdir(path):
        examples = f", such as {', '.join(siblings[:5])}" if siblings else ""
        return UserError(f"{path} is a folder; {remedy}, or a folder of part files only{examples}", code=3)
    nearest = get_close_matches(path.name, siblings, n=1)
    return UserError(f"{path}: no such file; {f'did you mean {nearest[0]!r}?' if nearest else remedy}", code=3)

"""The first line of a log: which of its columns is meant, and what to say where none is."""
import os
import re
from difflib import get_close_matches
from pathlib import Path

from workbench.data.schema import ITEM, TIME, USER
from workbench.errors import UserError, unknown

# What logs commonly call a column, without signs and case, the likelier first.
KNOWN = {
    USER: ("user", "userid", "uid", "reviewerid", "customer", "customerid", "client", "clientid", "visitor",
           "visitorid", "account", "accountid", "member", "memberid", "session", "sessionid", "subjectid"),
    ITEM: ("item", "itemid", "iid", "movieid", "productid", "product", "parentasin", "asin", "sku", "stockcode", "isbn",
           "articleid", "article", "artistid", "trackid", "songid", "bookid", "venueid", "adgroupid"),
    TIME: ("timestamp", "time", "datetime", "unixreviewtime", "eventtime", "createdat", "date", "eventdate", "boughtat",
           "invoicedate", "orderdate", "ts", "utctime"),
    "item_title": ("itemtitle", "producttitle", "productname", "itemname", "movietitle", "tracktitle", "description"),
}  # fmt: skip
ATOMIC = re.compile(r":(token|float|token_seq|float_seq)$")
VALUE = re.compile(r"[-+]?\d[\d.:eE+ -]*")


def column(path: Path, name: str, there: list[str]) -> str:
    """The column of `there` that `name` means: itself, or, in an atomic file of RecBole, the one that is `name` before
    its type. UserError, with the nearest and a guess at the options, where there is none.

    >>> column(Path("Beauty.inter"), "user_id", ["user_id:token", "item_id:token"])
    'user_id:token'
    """
    name = str(name)
    found = [whole for whole in there if whole == name] or [whole for whole in there if ATOMIC.sub("", whole) == name]
    if found:
        return found[0]
    error = unknown(f"column of {path}", name, there)
    guess = guessed(there)
    raise UserError(f"{error}. From their names: {guess}" if guess else str(error))


def guessed(there: list[str]) -> str:
    """The options that would read a log with these columns, as they are typed; empty where no name is known.

    >>> guessed(["userId", "movieId", "rating", "timestamp"])
    'user=userId item=movieId timestamp=timestamp'
    """
    plain = {re.sub(r"[^a-z]", "", ATOMIC.sub("", name).lower()): ATOMIC.sub("", name) for name in reversed(there)}
    found = {role: next((plain[name] for name in names if name in plain), None) for role, names in KNOWN.items()}
    if not (found[USER] and found[ITEM]):
        return ""
    return " ".join(f'{role}="{name}"' if " " in name else f"{role}={name}" for role, name in found.items() if name)


def check(path: Path, there: list[str]) -> None:
    """UserError (code 3) where the first line does not name columns: it holds values, or was not cut into columns."""
    line = " ".join(there)
    if "::" in line:
        raise UserError(f"{path}, line 1: columns are separated by '::'; put one tab in its place", code=3)
    if all(VALUE.fullmatch(name) for name in there):
        what = f"{line[:60]!r} are values, not names; put a line of names on top, such as"
        raise UserError(f"{path}, line 1: {what} user, item, timestamp, with the file's own separator", code=3)
    if len(there) < 2:
        what = f"only one column, {line[:60]!r}; separate columns by comma, tab, semicolon, bar or blank"
        raise UserError(f"{path}, line 1: {what}", code=3)


def absent(path: Path) -> UserError:
    """The error for a path that is no file: the nearest name beside it, or what lies in the folder."""
    wanted = "give the path of a CSV, TSV or parquet file"
    folder = path if os.path.isdir(path) else path.parent
    beside = sorted(p.name for p in folder.iterdir() if p.is_file())[:200] if os.path.isdir(folder) else []
    if os.path.isdir(path):
        return UserError(f"{path} is a folder; {wanted}{', such as ' if beside else ''}{', '.join(beside[:5])}", code=3)
    near = get_close_matches(path.name, beside, n=1)
    return UserError(f"{path}: no such file; {f'did you mean {near[0]!r}?' if near else wanted}", code=3)

"""The options that say how a user's file is written, checked by name."""
import codecs
from typing import NamedTuple

from workbench.errors import UserError, unknown_name

LAYOUTS = ("events", "sequences")
QUOTING = ("auto", "standard", "none")
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "cp1250", "cp1251", "koi8-r",
             "mac-roman", "gbk", "gb18030", "big5", "shift-jis", "euc-jp", "euc-kr")  # to suggest; any of Python works


class FileFormat(NamedTuple):
    """How a file is written, as the options of dataset csv describe it.

    columns: names of the columns where the first line does not name them; empty: the first line does.
    layout: "events" (a row an event) or "sequences" (a row or line a user, with its items in order).
    encoding: of a file that is neither UTF-8 nor marked as UTF-16; empty: there is none.
    quoting: "standard" (quotes enclose fields), "none" (they are characters) or "auto".
    """

    columns: tuple[str, ...] = ()
    layout: str = "events"
    encoding: str = ""
    quoting: str = "auto"


def file_format(columns: str = "", layout: str = "events", encoding: str = "", quoting: str = "auto") -> FileFormat:
    """The format of these options; columns are separated by commas. UserError for an unknown name.

    >>> file_format("user, item").columns
    ('user', 'item')
    """
    names = tuple(name.strip() for name in str(columns).split(",")) if str(columns) else ()
    if "" in names:
        raise UserError(f"columns={columns} has an empty name; name every column, separated by commas")
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    if quoting not in QUOTING:
        raise unknown_name("quoting", quoting, QUOTING)
    if names and layout == "sequences":
        raise UserError("columns= names the columns of a file of events; leave it out with layout=sequences")
    return FileFormat(names, layout, _codec(str(encoding)), quoting)


def _codec(encoding: str) -> str:
    """The name of a text codec, or empty text. UserError with the nearest name where there is none."""
    try:
        "".encode(encoding or "utf-8")  # refuses what is not a codec of text, such as base64
        return codecs.lookup(encoding).name if encoding else ""
    except LookupError:
        raise unknown_name("encoding", encoding, ENCODINGS) from None

"""What a user's file is, by its first bytes; the part files of a folder; errors that name what is not a log."""
import hashlib
import os
import re
from pathlib import Path

from workbench.artifacts import sha256
from workbench.data.formats.column_mapping import missing_file_error
from workbench.data.formats.containers.byte_streams import (
    DAMAGED,
    SAVE_AS_CSV,
    damaged_error,
    find_encoding,
    open_packed,
    utf8_blocks,
)
from workbench.errors import UserError

COLUMNAR = {b"PAR1": "parquet", b"ARROW1": "arrow", b"FEA1": "arrow", b"ORC": "orc"}
OTHERS = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old kind", b"\x89HDF": "an HDF5 file", b"\x93NUMPY": "a NumPy array",
    b"SQLite format 3": "an SQLite database", b"%PDF": "a PDF document", b"Obj\x01": "an Avro file",
    b"7z\xbc\xaf": "a 7z archive", b"Rar!": "a RAR archive", b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle", b"\x80\x05": "a Python pickle",
}  # fmt: skip
JSON = re.compile(rb'\s*(\{\s*("|\}|\Z)|\[\s*(\{|\]|\Z))')  # how records, arrays of them, and objects begin
WEB_PAGE = re.compile(rb"\s*<(!doctype html|html|\?xml)", re.IGNORECASE)
REMEDY = "write it as CSV or parquet"


def parts(path: Path) -> list[Path]:
    """The files that make up a log: the file itself, or the part files of a folder in the order of their names.

    UserError (code 3) where there is no such file, or a folder holds no part files, or other files beside them.
    """
    if os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        visible = [file for file in sorted(path.iterdir()) if file.name[0] not in "._"]
        if visible and all(re.match(r"part[-_.]?\d", file.name) and file.is_file() for file in visible):
            found = [file for file in visible if file.stat().st_size]
            if not found:
                raise UserError(f"{path}: all {len(visible)} part files are empty", code=3)
            return found
    raise missing_file_error(path)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the part files of a folder."""
    if os.path.isfile(path):
        return sha256(path)
    return hashlib.sha256("".join(f"{file.name} {sha256(file)}\n" for file in parts(path)).encode()).hexdigest()


def kind(path: Path, encoding: str = "") -> str:
    """parquet, arrow, orc, json or text. UserError (code 3) names another kind of file and what to do with it."""
    try:
        with open(path, "rb") as file:
            packed = file.read(16)
        if found := _match(packed, COLUMNAR):
            return found
        _refuse(path, packed, "")
        with open_packed(path) as file:
            start = file.read(512)
        if start[:16] != packed[: len(start[:16])]:
            if inside := _match(start, COLUMNAR):
                raise UserError(f"{path}: a packed {inside} file; unpack it and give the file inside", code=3)
            _refuse(path, start, "packed: ")
        if start[257:262] == b"ustar":
            raise UserError(f"{path}: a tar archive; unpack it and give one file", code=3)
        if b"\0" in start[:64] or not start.isascii():
            start = next(utf8_blocks(path, find_encoding(path, encoding)), b"")[:512]
        return "json" if JSON.match(start.lstrip().split(b"\n")[0]) else "text"
    except DAMAGED as error:
        raise damaged_error(path, 1, error) from error


def _match(start: bytes, magic: dict[bytes, str]) -> str | None:
    return next((name for mark, name in magic.items() if start.startswith(mark)), None)


def _refuse(path: Path, start: bytes, prefix: str) -> None:
    """UserError for a file whose first bytes say that it is no log."""
    what = _match(start, OTHERS) or ("a web page or XML" if WEB_PAGE.match(start) else None)
    if what:
        remedy = SAVE_AS_CSV if "Excel" in what else REMEDY
        raise UserError(f"{path}: {prefix}{what}, which is not read; {remedy}", code=3)

"""Bytes of a user's text file as UTF-8 blocks: compression is undone, encodings are converted, errors name the line."""
import bz2
import codecs
import gzip
import io
import logging
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from workbench.errors import UserError

log = logging.getLogger("workbench")
BATCH = 2 << 20  # bytes; must be longer than a row
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
BYTE_ORDER_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
UTF8_MARK = b"\xef\xbb\xbf"
SAVE_AS_CSV = "open it, choose Save as, 'CSV UTF-8 (comma delimited)', and give that file"
OFFICE = {"xl/": "an Excel workbook", "word/": "a Word document", "content.xml": "an OpenDocument spreadsheet"}
NOT_UTF8 = "not UTF-8 text; save the file as UTF-8, or name its encoding=, such as latin-1, cp1252 or gbk"


class BlockFile(io.RawIOBase):
    """Blocks of bytes as a file, for readers that want one."""

    def __init__(self, blocks: Iterable[bytes]):
        self.blocks, self.block, self.at = iter(blocks), b"", 0

    def readable(self) -> bool:
        """True; required by Arrow."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, without a copy where a whole block is read."""
        if size < 0:
            return self.readall()
        while self.at == len(self.block):
            self.block, self.at = next(self.blocks, None), 0
            if self.block is None:
                self.block = b""
                return b""
        start, self.at = self.at, min(self.at + size, len(self.block))
        return self.block[start : self.at]

    def readinto(self, buffer: memoryview) -> int:
        """Read the next bytes into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def open_packed(path: Path) -> IO[bytes]:
    """An open binary file, decompressing gzip, bzip2, xz, zstd and a zip of one file. UserError for another zip."""
    with open(path, "rb") as file:
        start = file.read(6)
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        return pa.input_stream(str(path), compression="zstd")
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _open_zip(path)
    openers = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
    return next((opener for magic, opener in openers.items() if start.startswith(magic)), open)(path, "rb")


def _open_zip(path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(path)
        infos = [info for info in archive.infolist() if not info.is_dir()]
        for part, what in OFFICE.items():
            if any(info.filename.startswith(part) for info in infos):
                raise UserError(f"{path}: {what}, which is not read; {SAVE_AS_CSV}", code=3)
        hidden = ("__MACOSX/", ".")
        infos = [i for i in infos if not i.filename.startswith(hidden) and PurePosixPath(i.filename).name[0] != "."]
        if len(infos) != 1:
            names = f": {', '.join(info.filename for info in infos[:5])}" if infos else ""
            raise UserError(f"{path}: a zip of {len(infos)} files{names}; unpack it and give one of them", code=3)
        return archive.open(infos[0])
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by an unknown method
        raise UserError(f"{path}: this zip cannot be read ({error}); unpack it and give the file", code=3) from error


def damaged_error(path: Path, line: int, error: Exception) -> UserError:
    """The error for a file that ends early or does not decompress."""
    what = f"the file is truncated or damaged ({error}); copy or download it again"
    return UserError(f"{path}, line {line}: {what}", code=3)


def find_encoding(path: Path, encoding: str = "") -> str:
    """The encoding to read a file in: that of its byte-order mark, else `encoding`, else UTF-8.

    A file that is UTF-8 with other than ASCII characters stays UTF-8, so that one `encoding` serves a log and its item
    table.
    """
    try:
        with open_packed(path) as file:
            start = file.read(4)
            for mark, name in BYTE_ORDER_MARKS.items():
                if start.startswith(mark):
                    return name
            if not encoding or encoding == "utf-8":
                return "utf-8"
            decoder, ascii_only, block = codecs.getincrementaldecoder("utf-8")(), True, start
            while block:
                ascii_only &= decoder.decode(block).isascii()
                block = file.read(BATCH)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return encoding
    except DAMAGED as error:
        raise damaged_error(path, 1, error) from error
    return encoding if ascii_only else "utf-8"


def utf8_blocks(path: Path, encoding: str = "utf-8", size: int | None = None) -> Iterator[bytes]:
    """The file as UTF-8 without its byte-order mark, some `size` bytes (None: `BATCH`) at a time.

    UserError names the line that is not in `encoding`; files said to be UTF-8 pass unchecked.
    """
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with open_packed(path) as file:
        first, block = True, file.read(size or BATCH)
        while block:
            if encoding != "utf-8":
                try:
                    block = decoder.decode(block).encode()
                except UnicodeDecodeError as error:
                    line += error.object[: error.start].decode(encoding, "replace").count("\n")
                    what = f"not {encoding} text; name another encoding="
                    raise UserError(f"{path}, line {line}: {what}", code=3) from None
                line += block.count(b"\n")
            yield block.removeprefix(UTF8_MARK) if first else block
            first, block = False, file.read(size or BATCH)


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that end with a line; only the last may lack its line end."""
    pieces: list[bytes] = []
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*pieces, block[:cut]]) if pieces else block[:cut]
            pieces, block = [], block[cut:]
        if block:
            pieces.append(block)
    if pieces:
        yield b"".join(pieces)

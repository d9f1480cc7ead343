"""Safe extraction of untrusted archives: member names are checked before writing, and written bytes are counted."""
import gzip
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from workbench.artifacts import MANIFEST
from workbench.errors import UserError

CHUNK = 1 << 18


def extract(archive: Path, folder: Path, max_bytes: int, max_files: int) -> None:
    """Write the regular files of a zip or tar into `folder`. UserError for an unsafe member or a damaged archive."""
    read_members = _zip if zipfile.is_zipfile(archive) else _tar
    try:
        names = [name for name, _ in read_members(archive, max_bytes, read=False)]
        check_member_names(archive, names, max_files)
        remaining = max_bytes
        for name, stream in read_members(archive, max_bytes, read=True):
            target = folder.joinpath(*PurePosixPath(name).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as file:
                while block := stream.read(CHUNK):
                    remaining -= len(block)
                    if remaining < 0:
                        raise UserError(f"{archive}: unpacks to more than {max_bytes:,} bytes; not unpacked", code=3)
                    file.write(block)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError) as error:
        raise UserError(f"{archive}: damaged or not an archive ({error}); get a fresh copy", code=3) from error
    except FileExistsError as error:
        raise UserError(f"{archive}: two members clash at {error.filename!r}; not unpacked", code=3) from error


def check_member_names(archive: Path, names: list[str], max_files: int) -> None:
    """UserError for a path that is absolute, leaves the folder, or occurs twice (ignoring case)."""
    if len(names) > max_files:
        raise UserError(f"{archive}: {len(names):,} files is over the limit of {max_files:,}; not unpacked", code=3)
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        path = PurePosixPath(name)
        bad = not path.parts or path.is_absolute() or ".." in path.parts or str(path) == MANIFEST
        if bad or any(c in name for c in '\\:\0'):
            raise UserError(f"{archive}: member {name!r} has an unsafe name; not unpacked", code=3)
        clash = files.get(_casefold(path))
        files[_casefold(path)] = name
        for parent in path.parents[:-1]:
            if folders.setdefault(_casefold(parent), str(parent)) != str(parent):
                clash = folders[_casefold(parent)]
        if clash is not None:
            raise UserError(f"{archive}: members {clash!r} and {name!r} clash; not unpacked", code=3)
    for key in files.keys() & folders.keys():
        raise UserError(f"{archive}: {files[key]!r} is a file and a folder; not unpacked", code=3)


def _casefold(path: PurePosixPath) -> str:
    """A path as a case-insensitive file system compares it."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _zip(archive: Path, max_bytes: int, read: bool) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or info.flag_bits & 1:
                raise UserError(f"{archive}: {info.filename!r} is a link, a device or encrypted; not unpacked", code=3)
            max_bytes = _remaining(archive, max_bytes, info.file_size)
            if not info.is_dir():
                yield info.filename, file.open(info) if read else None


def _tar(archive: Path, max_bytes: int, read: bool) -> Iterator[tuple[str, IO[bytes] | None]]:
    with tarfile.open(archive) as file:
        for info in file:
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise UserError(f"{archive}: {info.name!r} is a link or a device; not unpacked", code=3)
            max_bytes = _remaining(archive, max_bytes, info.size)
            if info.isreg():
                yield info.name, file.extractfile(info) if read else None


def _remaining(archive: Path, left: int, size: int) -> int:
    """The remaining size limit after a member that declares `size` bytes; UserError when it is exceeded."""
    if size > left:
        raise UserError(f"{archive}: unpacks to more than the limit; not unpacked", code=3)
    return left - size

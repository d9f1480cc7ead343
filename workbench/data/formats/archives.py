"""Archives that may be hostile: every name is judged before a byte is written, and bytes are counted, not believed."""
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


def extract(archive: Path, folder: Path, cap: int, members: int) -> None:
    """Write the regular files of a zip or tar into `folder`. UserError at the first thing that is not harmless."""
    opened = _zip if zipfile.is_zipfile(archive) else _tar
    try:
        names = [name for name, _ in opened(archive, cap, read=False)]
        check_names(archive, names, members)
        left = cap
        for name, stream in opened(archive, cap, read=True):
            target = folder.joinpath(*PurePosixPath(name).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as file:
                while block := stream.read(CHUNK):
                    left -= len(block)
                    if left < 0:
                        raise UserError(f"{archive}: unpacks to more than {cap:,} bytes; not unpacked", code=3)
                    file.write(block)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError) as error:
        raise UserError(f"{archive}: damaged or not an archive ({error}); get a fresh copy", code=3) from error
    except FileExistsError as error:
        raise UserError(f"{archive}: two members clash at {error.filename!r}; not unpacked", code=3) from error


def check_names(archive: Path, names: list[str], members: int) -> None:
    """UserError for a name that leads outside, is absolute, or occurs twice when case is ignored."""
    if len(names) > members:
        raise UserError(f"{archive}: {len(names):,} files is over the limit of {members:,}; not unpacked", code=3)
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        path = PurePosixPath(name)
        bad = not path.parts or path.is_absolute() or ".." in path.parts or str(path) == MANIFEST
        if bad or any(c in name for c in '\\:\0'):
            raise UserError(f"{archive}: a member is called {name!r}, which may not be unpacked", code=3)
        clash = files.get(_fold(path))
        files[_fold(path)] = name
        for parent in path.parents[:-1]:
            if folders.setdefault(_fold(parent), str(parent)) != str(parent):
                clash = folders[_fold(parent)]
        if clash is not None:
            raise UserError(f"{archive}: members {clash!r} and {name!r} clash; not unpacked", code=3)
    for key in files.keys() & folders.keys():
        raise UserError(f"{archive}: {files[key]!r} is a file and a folder; not unpacked", code=3)


def _fold(path: PurePosixPath) -> str:
    """A name as a file system that ignores case sees it."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _zip(archive: Path, cap: int, read: bool) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or info.flag_bits & 1:
                raise UserError(f"{archive}: {info.filename!r} is a link, a device or encrypted; not unpacked", code=3)
            cap = _within(archive, cap, info.file_size)
            if not info.is_dir():
                yield info.filename, file.open(info) if read else None


def _tar(archive: Path, cap: int, read: bool) -> Iterator[tuple[str, IO[bytes] | None]]:
    with tarfile.open(archive) as file:
        for info in file:
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise UserError(f"{archive}: {info.name!r} is a link or a device; not unpacked", code=3)
            cap = _within(archive, cap, info.size)
            if info.isreg():
                yield info.name, file.extractfile(info) if read else None


def _within(archive: Path, left: int, size: int) -> int:
    """What is left of the cap after a member that says it has `size` bytes; UserError when nothing is."""
    if size > left:
        raise UserError(f"{archive}: unpacks to more than the limit; not unpacked", code=3)
    return left - size

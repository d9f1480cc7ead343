"""Where files go, and what to do about a place that is full or cannot be written."""
import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from workbench.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNWRITABLE = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EISDIR)
PACKAGE = Path(__file__).parent
TEMPORARY = ("workbench-kernel-", "workbench-again-")  # how the names of our folders in the temporary place begin


def home() -> Path:
    """The folder of downloads and artifacts: WORKBENCH_HOME, else data/ of the checkout, else the user cache."""
    if os.environ.get("WORKBENCH_HOME"):
        return Path(os.environ["WORKBENCH_HOME"]).expanduser()
    if (PACKAGE.parent / "pyproject.toml").exists():
        return PACKAGE.parent / "data"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "workbench"


def explain(error: OSError, path: Path, *, remedy: str = "") -> UserError:
    """The UserError for a full disk or a folder that cannot be written. remedy: what to do besides freeing space; by
    default what fits the place, the home, a temporary folder or one of the user's."""
    remedy = remedy or _remedy(path)
    if error.errno in FULL:
        why = f"the disk is full at {_existing(path)}; free some space there or {remedy}"
    elif error.errno in UNWRITABLE:
        why = f"it cannot be written; {remedy}"
    else:
        why = str(error) if error.errno else f"not completely written ({error}); is the disk full?"
    return UserError(f"{path}: {why}. Nothing half-written was kept.", code=1)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error, or the one that caused it, is that of a disk without space or one that is read-only."""
    cause = error.__cause__ if isinstance(error, UserError) else error
    return isinstance(cause, OSError) and cause.errno in (*FULL, errno.EROFS)


def _existing(path: Path) -> Path:
    """The nearest folder above a path that exists."""
    return next(parent for parent in path.absolute().parents if os.path.isdir(parent))


def _remedy(path: Path) -> str:
    place = path.absolute()
    if place.is_relative_to(home().absolute()):
        return "set WORKBENCH_HOME to another folder"
    if any(parent.name.startswith(TEMPORARY) for parent in place.parents):
        return "set TMPDIR to another folder"
    return "name another folder with --out"


def temporary_folder(prefix: str) -> TemporaryDirectory:
    """A temporary folder, removed when its context ends. UserError where none of the usual places can be written."""
    try:
        return TemporaryDirectory(prefix=prefix)
    except OSError as error:
        raise UserError(f"no temporary folder can be written ({error.strerror}): the disk is full or read-only; free "
                        "some space or set TMPDIR to another folder", code=1) from error  # fmt: skip


def check_folder(folder: Path) -> None:
    """UserError unless files can be created in a folder, or in its nearest existing parent. Leaves no files."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.exists(parent))
    try:
        TemporaryFile(dir=existing).close()
    except OSError as error:
        why = "it is a file" if folder.is_file() else error.strerror
        raise UserError(f"{folder} cannot be written: {why}; choose another folder with --out", code=1) from error


def check_file(path: Path, suffix: str) -> None:
    """UserError unless a file with this suffix can be written at the path, such as one named with --out."""
    if path.suffix != suffix or path.is_dir():
        raise UserError(f"{str(path)!r} names no file that ends in {suffix}; write it as folder/name{suffix}")
    check_folder(path.parent)

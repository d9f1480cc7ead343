"""File locks: who makes what, what is in use, and which half-written folders were left by processes that died.

The operating system frees a lock when its process ends, however it ends, so that no process id is ever believed.
"""
import fcntl
import glob
import logging
import os
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.progress import Progress

MAX_USED = 200  # folders that a process marks as in use, each an open file; the oldest marks go first
_used: OrderedDict[Path, int] = OrderedDict()
log = logging.getLogger("workbench")


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """A locked descriptor of a file or folder, to be closed; None if another holds it, it is gone or has no locks."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except OSError:  # held, gone, or a file system without locks
        pass
    os.close(descriptor)
    return None


def in_use(path: Path) -> bool:
    """Whether a running process makes this file or folder or has marked it with `mark_used`."""
    descriptor = try_lock(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None and path.exists()


def mark_used(path: Path) -> None:
    """Keep a folder from being pruned as long as this process runs, and note the time as that of its last use."""
    with suppress(OSError):
        os.utime(path)
    if path not in _used and (descriptor := try_lock(path, shared=True)) is not None:
        _used[path] = descriptor
        if len(_used) > MAX_USED:
            os.close(_used.popitem(last=False)[1])


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path`, in which it is made: locked until the block ends, then deleted unless it was renamed.
    What processes that died have left beside it is deleted first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    folder, descriptor = _locked_folder(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(path: Path) -> tuple[Path, int]:
    """A new folder and its locked descriptor; a new one again if a sweep took it before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name[:20]}-", suffix=".part", dir=path.parent))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks: then nothing is swept either
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


def leftovers(folder: Path) -> list[Path]:
    """Half-written folders of processes that died."""
    parts = (Path(path) for path in glob.glob(f"{glob.escape(str(folder))}/.*-????????.part"))
    return [path for path in parts if path.is_dir() and not in_use(path)]


def sweep(folder: Path) -> None:
    """Delete the half-written folders of processes that died; those of running ones stay."""
    for path in leftovers(folder):
        if (descriptor := try_lock(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


@contextmanager
def exclusive(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file while the block runs. Where another process holds it, say at once which and since when, and
    wait. what: what the block makes."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            log.warning("%s is being made by %s; waiting for its result (Ctrl-C stops waiting)", what, holder)
            with Progress(f"wait for {what}, made by {holder}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(OSError):  # a full disk keeps nobody from working
            file.truncate(0)
            file.write(f"process {os.getpid()} on {os.uname().nodename} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            file.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                file.truncate(0)

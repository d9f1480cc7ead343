"""The artifact store: content-addressed folders, written atomically, each with a manifest of SHA-256 checksums.

A stage is identified by its kind and the JSON of its inputs. `Store.get` returns the folder if it exists and is intact;
else it logs which input changed, computes the stage in a temporary folder, and renames it into place.
"""
import errno
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from workbench import locks
from workbench.places import explain, home
from workbench.progress import Progress

MANIFEST = "manifest.json"
log = logging.getLogger("workbench")


def sha256(path: Path) -> str:
    """SHA-256 hex digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(inputs: Any) -> str:
    """SHA-256 hex digest of a JSON value, independent of key order."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_folder(
    path: Path, make: Callable[[Path], None], about: dict | None = None, *, replace: bool = False
) -> Path:
    """Write a folder atomically: `make` fills a temporary folder, which gets a manifest and is renamed to `path`.

    If another process created `path` first, its folder is kept, or replaced with `replace=True`: then the last whole
    one stands. UserError when the disk is full or read-only; after an error nothing is left at `path`, or the old one.
    """
    try:
        with locks.temporary_folder(path) as temporary:
            make(temporary)
            files = {str(p.relative_to(temporary)): sha256(p) for p in sorted(temporary.rglob("*")) if p.is_file()}
            manifest = {"files": files, "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **(about or {})}
            (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1))
            for name in [*files, MANIFEST]:
                with open(temporary / name, "rb") as file:
                    os.fsync(file.fileno())
            temporary.chmod(0o755)
            while not _renamed(temporary, path) and replace:
                with locks.temporary_folder(path) as old, suppress(FileNotFoundError):  # another was quicker
                    os.rename(path, old / "replaced")
    except OSError as error:
        raise explain(error, path) from error
    return path


def _renamed(temporary: Path, path: Path) -> bool:
    """Rename a finished folder to its place; False if a whole one is there already."""
    try:
        os.rename(temporary, path)
    except OSError as error:
        # what stood there may be gone already: another writer moves the old one away before it renames its own
        whole = any((path / MANIFEST).exists() or not path.exists() for _ in range(10))
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not whole:
            raise
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; UserError when it cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; UserError when it cannot be written. What processes that died left is deleted."""
    try:
        with locks.temporary_folder(path) as folder:
            with open(folder / path.name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(folder / path.name, path)
    except OSError as error:
        raise explain(error, path) from error


def read_manifest(path: Path) -> dict:
    """The manifest of a folder after verifying every file. ValueError names a missing or changed file."""
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        files = manifest["files"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: no readable manifest") from error
    for name, expected in files.items():
        if not (path / name).is_file() or sha256(path / name) != expected:
            raise ValueError(f"{path / name}: missing or changed since it was written")
    return manifest


def _stage_label(kind: str, inputs: dict) -> str:
    """Label of a stage for the progress line, such as "run ease" or "dictionary topk"."""
    names = (inputs.get(key) for key in ("system", "part", "kind", "name"))
    return " ".join([kind, *(name for name in names if isinstance(name, str))])


class Store:
    """Content-addressed stages under `root`, by default home()/artifacts."""

    def __init__(self, root: Path | None = None):
        self.root = Path(root) if root else home() / "artifacts"
        self.checked: set[Path] = set()

    def path(self, kind: str, inputs: dict) -> Path:
        """The path of a stage with these inputs, whether or not it exists."""
        return self.root / kind / digest(inputs)[:24]

    def get(self, kind: str, inputs: dict, make: Callable[[Path], None]) -> Path:
        """The folder of a stage, computed by `make(folder)` if absent. A damaged one is quarantined and recomputed."""
        path = self.path(kind, inputs)
        if path.exists() and path not in self.checked:
            try:
                read_manifest(path)
            except ValueError as error:
                log.warning("%s; moved to quarantine/ and recomputed", error)
                self._quarantine(path)
        if not path.exists():
            self._make(path, kind, inputs, make)
        locks.mark_used(path)
        self.checked.add(path)
        return path

    def lock(self, kind: str, name: str) -> Path:
        """The lock file that a process holds while it makes the stage with this kind and folder name."""
        return self.root / "locks" / f"{kind}-{name}"

    def _make(self, path: Path, kind: str, inputs: dict, make: Callable[[Path], None]) -> None:
        """Compute a stage, or wait for the process that does and reuse its result."""
        label, lock = _stage_label(kind, inputs), self.lock(kind, path.name)
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            lock.touch()
        except OSError as error:
            raise explain(error, lock) from error
        with locks.exclusive(lock, f"{label} ({kind}/{path.name})"):
            if not path.exists():
                log.info("%s", self.why(kind, inputs))
                with Progress(label):
                    write_folder(path, make, {"kind": kind, "inputs": inputs})

    def why(self, kind: str, inputs: dict) -> str:
        """Explanation of a cache miss: the fields in which the most similar stored stage differs."""
        fewest_changes: list[str] | None = None
        for manifest in (self.root / kind).glob(f"[!.]*/{MANIFEST}"):
            try:
                old = json.loads(manifest.read_text())["inputs"]
            except (OSError, ValueError, KeyError):
                continue
            changed = [
                f"{key}: {old.get(key, 'absent')!r} -> {inputs.get(key, 'absent')!r}"
                for key in sorted({*old, *inputs})
                if old.get(key) != inputs.get(key)
            ]
            if fewest_changes is None or len(changed) < len(fewest_changes):
                fewest_changes = changed
        if fewest_changes is None or len(fewest_changes) > len(inputs) / 2:
            return f"{kind}: no similar stage is stored; computing it"
        changes = "; ".join(fewest_changes) or "nothing"
        return f"{kind}: not stored; computing it; changed since the most similar one: {changes}"

    def _quarantine(self, path: Path) -> None:
        quarantined = self.root / "quarantine" / f"{path.parent.name}-{path.name}-{time.time_ns()}"
        try:
            quarantined.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, quarantined)
        except OSError as error:
            raise explain(error, path) from error


_store: ContextVar[Store | None] = ContextVar("store", default=None)


def current_store() -> Store:
    """The store that stages use: that of the innermost `using_store`, else one under `home()`."""
    return _store.get() or Store()


@contextmanager
def using_store(store: Store) -> Iterator[None]:
    """Let every stage inside the block use another store."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)

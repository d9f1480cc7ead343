"""The store: content-addressed folders, written whole or not at all, each with a manifest of SHA-256.

A stage is named by its kind and the JSON of its inputs. `Store.get` returns the folder if it is there and intact;
else it says which input changed, makes the folder aside, and moves it into place with one rename.
"""
import ast
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.errors import UserError
from workbench.progress import Progress

MANIFEST = "manifest.json"
UNWRITABLE = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EISDIR)
PACKAGE = Path(__file__).parent
log = logging.getLogger("workbench")


def home() -> Path:
    """Where downloads and artifacts live: WORKBENCH_HOME, else the checkout's data/, else the user's cache folder."""
    if os.environ.get("WORKBENCH_HOME"):
        return Path(os.environ["WORKBENCH_HOME"]).expanduser()
    if (PACKAGE.parent / "pyproject.toml").exists():
        return PACKAGE.parent / "data"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "workbench"


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(inputs: Any) -> str:
    """Hex digest of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@lru_cache
def code_hash(*places: str) -> str:
    """Digest of what the code in these files or rooms of the package does: comments and layout do not count."""
    paths = [p for place in places for p in sorted((PACKAGE / place).rglob("*.py")) or [PACKAGE / place]]
    return digest([ast.dump(ast.parse(path.read_text(encoding="utf-8"))) for path in paths])[:16]


def explain(error: OSError, path: Path, *, remedy: str = "set WORKBENCH_HOME to another place") -> UserError:
    """The user's words for a full disk or a folder that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        why = f"the disk is full; free some space or {remedy}"
    elif error.errno in UNWRITABLE:
        why = f"it cannot be written; {remedy}"
    else:
        why = str(error) if error.errno else f"not written whole ({error}); is the disk full?"
    return UserError(f"{path}: {why}. Nothing half-written was kept.", code=1)


def write_folder(path: Path, make: Callable[[Path], None], about: dict | None = None) -> Path:
    """Let `make` fill a fresh folder, add its manifest, and move it to `path` in one rename.

    If another process put `path` there first, theirs stays. UserError when the disk is full or read-only; whatever
    goes wrong, nothing is left at `path`.
    """
    aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name[:20]}-", suffix=".part", dir=path.parent))
        make(aside)
        files = {str(p.relative_to(aside)): sha256(p) for p in sorted(aside.rglob("*")) if p.is_file()}
        manifest = {"files": files, "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **(about or {})}
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=1))
        for name in [*files, MANIFEST]:
            with open(aside / name, "rb") as file:
                os.fsync(file.fileno())
        aside.chmod(0o755)
        try:
            os.rename(aside, path)
        except OSError as error:  # someone finished the same folder first: keep theirs
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not (path / MANIFEST).exists():
                raise
    except OSError as error:
        raise explain(error, path) from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
    return path


def write_text(path: Path, text: str) -> None:
    """Write one text file whole or not at all; UserError when it cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file whole or not at all; UserError when it cannot be written."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(aside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise explain(error, path, remedy="name another place") from error
    finally:
        with suppress(OSError):
            aside.unlink()


def check_folder(folder: Path) -> None:
    """UserError unless files can be made in a folder, or a folder that is missing where it is to be; leaves nothing."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        why = "it is a file" if folder.is_file() else error.strerror
        raise UserError(f"{folder} cannot be written: {why}; name another place with --out", code=1) from error


def read_manifest(path: Path) -> dict:
    """The manifest of a folder, after checking every file against it. ValueError names what is missing or changed."""
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        files = manifest["files"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: no readable manifest") from error
    for name, expected in files.items():
        if not (path / name).is_file() or sha256(path / name) != expected:
            raise ValueError(f"{path / name}: missing or changed since it was written")
    return manifest


def _words(kind: str, inputs: dict) -> str:
    """What is being made, for a progress line: "run ease", "dictionary topk"."""
    named = (inputs.get(key) for key in ("system", "part", "kind", "name"))
    return " ".join([kind, *(name for name in named if isinstance(name, str))])


class Store:
    """Content-addressed stages under `root`, by default home()/artifacts."""

    def __init__(self, root: Path | None = None):
        self.root = Path(root) if root else home() / "artifacts"
        self.checked: set[Path] = set()

    def path(self, kind: str, inputs: dict) -> Path:
        """Where a stage with these inputs lives, whether or not it was made."""
        return self.root / kind / digest(inputs)[:24]

    def get(self, kind: str, inputs: dict, make: Callable[[Path], None]) -> Path:
        """The folder of a stage, made by `make(folder)` if it is not there. A damaged one is set aside and remade."""
        path = self.path(kind, inputs)
        if path.exists() and path not in self.checked:
            try:
                read_manifest(path)
            except ValueError as error:
                log.warning("%s; set aside in quarantine/ and made again", error)
                self._quarantine(path)
        if not path.exists():
            with self._alone(path):
                if not path.exists():
                    log.info("%s", self.why(kind, inputs))
                    with Progress(_words(kind, inputs)):
                        write_folder(path, make, {"kind": kind, "inputs": inputs})
        self.checked.add(path)
        return path

    def why(self, kind: str, inputs: dict) -> str:
        """Why these inputs are not stored: the fields in which the nearest stored stage differs."""
        best: list[str] | None = None
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
            if best is None or len(changed) < len(best):
                best = changed
        if best is None or len(best) > len(inputs) / 2:
            return f"{kind}: nothing alike is stored, making it"
        return f"{kind}: not stored, making it; changed since the nearest one: {'; '.join(best) or 'nothing'}"

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """One process at a time makes a stage; a second waits here and then finds it made."""
        lock = self.root / "locks" / f"{path.parent.name}-{path.name}"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = open(lock, "w")
        except OSError as error:
            raise explain(error, lock) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _quarantine(self, path: Path) -> None:
        aside = self.root / "quarantine" / f"{path.parent.name}-{path.name}-{time.time_ns()}"
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, aside)
        except OSError as error:
            raise explain(error, path) from error

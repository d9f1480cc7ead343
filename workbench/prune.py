"""What the store holds, how large and how old it is, and how to free it. Nothing that a process uses is deleted."""
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from workbench import locks
from workbench.artifacts import MANIFEST, Store
from workbench.errors import check_names
from workbench.places import explain

KINDS = LEFTOVER, CHECKPOINTS, QUARANTINE = "half-written", "checkpoints", "quarantine"  # besides those of stages
RUN = "run"


class Stored(NamedTuple):
    """A folder of the store. kind: of the stage, or one of KINDS. size: bytes. used: time of the last use.
    busy: whether a process makes or uses it now. label: what it holds, where known."""

    path: Path
    kind: str
    size: int
    used: float
    busy: bool
    label: str


def stored(store: Store) -> list[Stored]:
    """Everything in the store, by kind and age."""
    kinds = [folder for folder in _folders(store.root) if folder.name != "locks"]
    paths = [(kind.name, path) for kind in kinds for path in _folders(kind) if not path.name.startswith(".")]
    found = [_describe(store, kind, path) for kind, path in paths]
    for folder in [*kinds, *(path for path in (store.root / CHECKPOINTS).rglob("*") if path.is_dir())]:  # with phases
        for path in locks.leftovers(folder):
            found.append(Stored(path, LEFTOVER, size_of(path), path.stat().st_mtime, False, ""))
    return sorted(found, key=lambda each: (each.kind, each.used))


def unfinished_fits(store: Store) -> list[Stored]:
    """The checkpoints of fits that were interrupted, or are running: `busy` says which."""
    return [_describe(store, CHECKPOINTS, path) for path in _folders(store.root / CHECKPOINTS)]


def prune(store: Store, *, days: float, kinds: list[str], yes: bool) -> Iterator[Stored]:
    """What is not in use and was not used for `days`; it is deleted with yes=True. What dead processes left
    half-written has no age. kinds: only these; without any, all but runs, which are results. UserError for an unknown
    kind."""
    everything = stored(store)
    check_names("kind in the store", kinds, {each.kind for each in everything} | {*KINDS, RUN})
    for each in everything:
        wanted = each.kind in kinds if kinds else each.kind != RUN
        old = each.kind == LEFTOVER or time.time() - each.used >= days * 86_400
        if wanted and old and not each.busy and (not yes or _delete(store, each)):
            yield each


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def size_text(size: int) -> str:
    """A size in words.

    >>> size_text(394_000_000), size_text(1_200)
    ('394 MB', '1 kB')
    """
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size // 1000} kB"


def age_text(used: float) -> str:
    """How long ago something was used, in days."""
    days = (time.time() - used) / 86_400
    return f"{days:.0f} days ago" if days >= 1.5 else "today" if days < 0.5 else "a day ago"


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _describe(store: Store, kind: str, path: Path) -> Stored:
    if kind == CHECKPOINTS:
        steps = sorted(path.rglob(f"step-*/{MANIFEST}"))
        about = _about(steps[-1]) if steps else {}
        busy = locks.in_use(store.lock(RUN, path.name))
        used = max((step.stat().st_mtime for step in steps), default=path.stat().st_mtime)
        return Stored(path, kind, size_of(path), used, busy, about.get("command", ""))
    inputs = _about(path / MANIFEST).get("inputs", {})
    label = " ".join(str(inputs[key]) for key in ("system", "dataset", "name") if isinstance(inputs.get(key), str))
    return Stored(path, kind, size_of(path), path.stat().st_mtime, locks.in_use(path), label)


def _about(manifest: Path) -> dict:
    try:
        return json.loads(manifest.read_text())
    except (OSError, ValueError):
        return {}


def _delete(store: Store, each: Stored) -> bool:
    """Delete a folder unless a process has taken it meanwhile; returns whether it is gone. It is renamed first, so that
    one that is killed here leaves nothing that looks like a stage."""
    lock = store.lock(RUN, each.path.name) if each.kind == CHECKPOINTS else each.path
    descriptor = locks.try_lock(lock if lock.exists() else each.path)
    if descriptor is None:
        return False
    try:
        aside = each.path.with_name(f".{each.path.name[:20]}-deleting.part")
        each.path.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise explain(error, each.path) from error
    finally:
        os.close(descriptor)
    return True

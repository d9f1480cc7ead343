"""A synthetic world with planted folders: authors who change files near a folder of their own, in a few projects."""
import zlib

import numpy as np
import pandas as pd

import workbench.data.synthetic.dynamics as dynamics
from workbench.data.formats.attributes.changed_files import changes_dataset
from workbench.data.schema import Dataset
from workbench.errors import UserError

PROJECTS, PACKAGES, MODULES = 4, 4, 3  # projects, packages in each, modules in each of these
NEAR, STEP = 0.9, 0.5  # share of changes near the own folder; how a probability falls with each level between
SECONDS_PER_DAY, START = 86_400, 1_262_304_000  # 2010-01-01
FOLDERS = ("amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbour", "iris", "juniper", "karst",
           "lagoon", "maple", "nickel", "opal", "pumice")  # fmt: skip
VERBS = ("load", "parse", "check", "store", "draw", "merge", "split", "count", "send", "sort", "trace", "wrap")
THINGS = ("graph", "table", "image", "queue", "token", "stream", "index", "label", "matrix", "field", "event", "cache")


def load(*, users: int = 1_200, items: int = 480, mean_length: float = 8.0, seed: int = 0) -> Dataset:
    """Synthetic files, with the table tree (child, parent), whose roots are the projects.

    An author has a folder of his own. A share NEAR of his changes go to files with a probability proportional to their
    popularity and to exp(-levels / STEP), levels counted up from his folder to the first one that holds both, the
    others by popularity alone. No author changes a file twice. The names of folders do not say which project they are
    in. UserError for an option below its minimum.
    """
    for name, value, least in (("users", users, 1), ("items", items, 100), ("mean_length", mean_length, 3)):
        if value < least:
            raise UserError(f"synthetic-files: {name} must be at least {least}, not {value!r}")
    place = _stream(seed, "places").integers(0, PROJECTS * PACKAGES * MODULES, items)
    popularity = 1 / (_stream(seed, "popularity").permutation(items) + 10.0) ** 0.4
    popularity /= popularity.sum()
    rng = _stream(seed, "authors")
    own = rng.integers(0, PROJECTS * PACKAGES * MODULES, users)
    near = popularity * np.exp(-_levels(own[:, None], place) / STEP)
    chances = NEAR * near / near.sum(axis=1, keepdims=True) + (1 - NEAR) * popularity
    days, lengths = dynamics.event_days(users, mean_length, 3, 0.25, _stream(seed, "days"))
    lengths = np.minimum(lengths, items // 4)
    keys = np.log(chances) + _stream(seed, "changes").gumbel(size=chances.shape)  # draws without replacement
    chosen = np.argsort(-keys, axis=1)[:, : len(days)].T
    step, user = np.nonzero(np.arange(len(chosen))[:, None] < lengths)
    time = START + SECONDS_PER_DAY * days[step, user].astype(np.int64)
    paths = _paths(place, seed)[chosen[step, user]]
    changes = pd.DataFrame({"author": user + 10_000, "timestamp": time, "status": "M", "file": paths, "path": paths})
    changes = changes.iloc[np.lexsort((step, user, time))].reset_index(drop=True)
    settings = {"users": users, "items": items, "mean_length": mean_length, "seed": seed}
    about = {"title": "synthetic-files: invented changes of files, most of them near a folder of the author's own",
             "terms": "invented; free to use", "options": settings}  # fmt: skip
    return changes_dataset("synthetic-files", changes, duplicates="first", names="newest", about=about)


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _levels(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many levels above two modules the first folder is that holds both: 0 for one module, 3 for two projects."""
    return sum((a // size != b // size).astype(np.int64) for size in (1, MODULES, MODULES * PACKAGES))


def _paths(place: np.ndarray, seed: int) -> np.ndarray:
    """(I,) the path of each file; names of packages and modules repeat between projects, those of files anywhere."""
    rng = _stream(seed, "names")
    project, package = place // (PACKAGES * MODULES), place // MODULES
    packages = rng.permuted(np.tile(np.arange(len(FOLDERS)), (PROJECTS, 1)), axis=1)[:, :PACKAGES].ravel()
    modules = rng.permuted(np.tile(np.arange(len(FOLDERS)), (PROJECTS * PACKAGES, 1)), axis=1)[:, :MODULES].ravel()
    folders = np.array(FOLDERS)
    names = rng.choice(np.array([f"{verb}_{thing}" for verb in VERBS for thing in THINGS]), len(place))
    parts = zip(project, folders[packages[package]], folders[modules[place]], names, range(len(place)), strict=True)
    return np.array([f"project{p + 1}/{a}/{b}/{name}_{number}.py" for p, a, b, name, number in parts], object)

"""Commits to scikit-image, networkx, joblib, imbalanced-learn and dask, 2005-26: authors, files, times, folders.

Derived from `git log --no-merges --use-mailmap --name-status -M` of the five repositories; dataset git reads a clone
the same way.
"""
from dataclasses import replace

from workbench.data.formats.attributes.changed_files import changes_dataset, check_choices
from workbench.data.formats.delimited_text import read_table
from workbench.data.formats.file_lookup import DataFiles, File
from workbench.data.schema import Dataset

CHANGES = File("commits_files.tsv", None, "180f2d8daf0662b497e2e2f979bd9f262efc087b40dcfa83e623a876f30811e8")
LIVE = File("live_files.tsv", None, "a91d239c70fc0e8e555be567c90396f9323bea3bd319d00aeace18cee2dfd215")
COLUMNS = {"project": "id", "time": "seconds", "author": "id", "status": "id", "path": "id", "file": "id"}
ABOUT = {
    "title": "Commit history of five scientific Python projects", "homepage": "https://git-scm.com/docs/git-log",
    "terms": "The projects are BSD-3-Clause; paths and times only, no code. Authors are people: re-identify nobody.",
    "citation": "the histories of scikit-image, networkx, joblib, imbalanced-learn and dask, August 2026",
    "release": "derived",
}  # fmt: skip
BROUGHT = {
    "works": "Authors, files, times and folders of the five projects are read from two tables.",
    "sample": "", "systems": ("coder",), "stand_ins": {"git": "a clone of your own, read the same way"},
    "lacks": "An address of the two tables: who lacks them makes them of clones of the projects, by git log.",
}  # fmt: skip


def load(*, duplicates: str = "first", names: str = "first") -> Dataset:
    """Commits of five projects. items: project, live (whether the file is still there); the table tree (child, parent)
    of files and folders, whose roots are the projects.

    A file keeps its id where it is moved; its raw id is its project and newest path. duplicates: first (an author and
    a file are an event once, the first time) or keep. names: the path that gives an item its title, its words (text)
    and its place in the tree: first, so that nothing of later is in it, or newest. Commits of more than 100 files and
    those of bots are not in the release. UserError for an unknown option value, or missing files.
    """
    check_choices(duplicates, names)
    files = DataFiles("code-sciml", "code_sciml_derived")
    files.require(CHANGES, LIVE)
    changes = read_table(files.read(CHANGES), COLUMNS).to_pandas()
    living = read_table(files.read(LIVE), {"project": "id", "file": "id"}).to_pandas()
    changes = changes.sort_values("time", kind="stable", ignore_index=True)
    for column in ("path", "file"):
        changes[column] = changes["project"] + "/" + changes[column]
    notes = ["order: by time, merges left out", f"items are called by their {names} path",
             "the five most active authors have 15% of the events: maintainers dominate"]  # fmt: skip
    about = {**ABOUT, "files": files.checksums, "read": {"changed files": len(changes)}, "dropped": {}, "notes": notes}
    changes = changes.drop(columns="project").rename(columns={"time": "timestamp"})
    dataset = changes_dataset("code-sciml", changes, duplicates=duplicates, names=names, about=about)
    raw = dataset.items["raw_id"]
    attributes = {"project": raw.str.partition("/")[0], "live": raw.isin(living["project"] + "/" + living["file"])}
    return replace(dataset, items=dataset.items.assign(**attributes))

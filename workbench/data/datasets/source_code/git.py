"""A git clone of your own: its authors, the files that they change and when, with the tree of its folders.

The program git reads the history; nothing is downloaded, and what is not committed is not read.
"""
import logging
from pathlib import Path

from workbench.data.formats.attributes.changed_files import changes_dataset, check_choices
from workbench.data.formats.attributes.git_log import newest_paths, read_log
from workbench.data.formats.attributes.git_program import is_shallow, newest_commit
from workbench.data.schema import Dataset
from workbench.errors import UserError

log = logging.getLogger("workbench")
ROOT = "/"  # the node of the tree that stands for the clone


def load(*, path: str | None = None, duplicates: str = "first", names: str = "first", largest: int = 100) -> Dataset:
    """The history of a clone as a Dataset, and the table tree (child, parent) of its files and folders.

    An event is a commit's change of a file, at the time of the commit; deletions, merges and commits by programs
    ("[bot]") are none. A file keeps its id where it is moved: the raw id is its newest path. Users are digests of their
    addresses, as the mailmap of the clone has them; no name and no address is kept.

    path: the clone, a folder with or without a working tree. duplicates: first (an author and a file are an event
    once) or keep. names: the path that gives an item its title, its words (text) and its place in the tree: first, so
    that nothing of later is in it, or newest. largest: commits that change more files than this are left out, such as
    those that format the code; 0 keeps all. UserError for a path that is no clone, a clone without commits or changes,
    an unknown option value, or where git is not installed.
    """
    if not path:
        raise UserError("dataset git needs a clone: path=FOLDER")
    if largest < 0:
        raise UserError(f"largest must be at least 0 (0: commits of any size), not {largest}")
    check_choices(duplicates, names)
    folder = Path(str(path)).expanduser().resolve()
    changes = read_log(folder)
    if is_shallow(folder):
        log.warning("%s: a shallow clone, whose older history is missing; git fetch --unshallow gets it", folder)
    changes = changes.assign(file=newest_paths(*(changes[name].to_numpy() for name in ("commit", "path", "old_path"))))
    size = changes.groupby("commit")["path"].transform("size")
    large = (size > largest) & (largest > 0)
    usual = changes[~large & ~changes["program"]].drop(columns=["program", "old_path", "commit"])
    if usual.empty:
        raise UserError(f"{folder}: of {len(changes):,} changed files none is left without commits of more than "
                        f"{largest} files and those of bots; largest=0 keeps commits of any size", code=3)  # fmt: skip
    title = folder.parent.name if folder.name == ".git" else folder.name.removesuffix(".git")
    about = {
        "title": f"{title}, a git clone", "terms": "those of the repository; authors are people: re-identify nobody",
        "files": {title: newest_commit(folder)}, "read": {"changed files": len(changes)},
        "dropped": {f"changes in commits of more than {largest} files": int(large.sum()),
                    "changes by bots": int((changes["program"] & ~large).sum())},
        "notes": ["order: by the time of the commit, merges left out", f"items are called by their {names} path",
                  f"{int((changes['old_path'] != '').sum())} moves of files are followed"],
    }  # fmt: skip
    return changes_dataset(title, usual, duplicates=duplicates, names=names, about=about, root=ROOT)

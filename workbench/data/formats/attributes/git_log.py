"""The history of a git clone as a table: who changed which file when. One pass over `git log`, by the program git.

Names and addresses of authors are replaced by a digest as soon as they are read. It has no salt, so that the same
person is the same id everywhere: whoever knows an address can look for it.
"""
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from workbench.data.formats.attributes.git_program import newest_commit, run_git
from workbench.errors import UserError

LOG = ("log", "--date-order", "--no-merges", "--use-mailmap", "--name-status", "-M", "--no-show-signature",
       "--no-color", "--format=%x09%ct%x09%aE%x09%aN")  # fmt: skip
PROGRAM = r"\[bot\]"  # in the name or address of an author who is none
ESCAPE = re.compile(r"\\([0-7]{3}|.)")
ESCAPED = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}


def read_log(path: Path) -> pd.DataFrame:
    """The files that the commits of a clone change, merges left out, oldest commit first.

    Columns: commit (0 is the oldest), timestamp (seconds; of the commit, not of its author's clock), author (12 hex
    digits), program (bool, whether the author is called a bot), status (A added, M changed, T of another type, R moved,
    D deleted), path, old_path ("" unless moved). The mailmap of the clone says which authors are one person. UserError
    (code 3) as `newest_commit`, and where no commit changes a file.
    """
    newest_commit(path)
    answer = run_git(path, *LOG)
    if answer.returncode:
        words = answer.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise UserError(f"{path}: its history cannot be read ({words.removeprefix('fatal: ')})", code=3)
    lines = pl.Series(answer.stdout.decode(errors="backslashreplace").split("\n"), dtype=pl.String)
    fields = lines.str.splitn("\t", 4).struct.rename_fields(["status", "one", "two", "three"]).struct.unnest()
    fields = fields.with_columns(commit=(pl.col("status") == "").and_(pl.col("one").is_not_null()).cum_sum())
    head = fields.filter((pl.col("status") == "") & pl.col("one").is_not_null())
    files = fields.filter(pl.col("status") != "")
    if not len(files):
        raise UserError(f"{path}: no commit changes a file", code=3)
    authors = head["two"].str.to_lowercase().to_numpy(), head["three"].fill_null("").to_numpy()
    person = np.where(authors[0] == "", authors[1], authors[0])
    commit = files["commit"].to_numpy().astype(np.int64) - 1
    moved = files["two"].is_not_null()
    newest = files.select(pl.when(moved).then("two").otherwise("one"))[:, 0]
    old = files.select(pl.when(moved).then("one").otherwise(pl.lit("")))[:, 0]
    program = (head["two"] + " " + head["three"].fill_null("")).str.to_lowercase().str.contains(PROGRAM).to_numpy()
    table = pd.DataFrame({
        "commit": len(head) - 1 - commit, "timestamp": head["one"].cast(pl.Int64).to_numpy()[commit],
        "author": _digests(person)[commit], "program": program[commit], "status": files["status"].str.slice(0, 1),
        "path": _unquoted(newest), "old_path": _unquoted(old),
    })  # fmt: skip
    return table.sort_values("commit", kind="stable", ignore_index=True)


def newest_paths(commits: np.ndarray, paths: np.ndarray, old_paths: np.ndarray) -> np.ndarray:
    """(n,) the path that each changed file has today, or had last: moves in later commits are followed.

    commits: (n,) numbers that grow with time. paths: (n,) after the commit. old_paths: (n,) "" where not moved.
    """
    move = np.flatnonzero(old_paths != "")
    names = pd.factorize(np.concatenate([paths, old_paths[move]]))[0]
    path, old = names[: len(paths)].astype(np.int64), names[len(paths) :].astype(np.int64)
    span = int(commits.max(initial=0)) + 2
    order = np.lexsort((commits[move], old))
    left = (old * span + commits[move])[order]  # sorted: when which path was moved away

    def next_move(rows: np.ndarray) -> np.ndarray:
        """(n,) place in `order` of the first later move of the path after each row, else the number of moves."""
        at = np.searchsorted(left, path[rows] * span + commits[rows], side="right")
        same = (left[np.minimum(at, len(left) - 1)] // span == path[rows]) & (at < len(left)) if len(left) else False
        return np.where(same, at, len(left))

    after = np.append(next_move(move[order]), len(move))  # of each move, the one that follows it
    last = np.append(move[order], -1)
    following = np.arange(len(after))
    while (after[following] < len(move)).any():
        following = np.where(after[following] < len(move), after[following], following)
    at = next_move(np.arange(len(paths)))
    end = last[following[at]]
    return np.where(end >= 0, paths[end], paths)


def _digests(people: np.ndarray) -> np.ndarray:
    """(n,) the first 12 hex digits of the SHA-256 of each text."""
    codes, distinct = pd.factorize(people)
    return np.array([hashlib.sha256(text.encode()).hexdigest()[:12] for text in distinct], object)[codes]


def _unquoted(paths: pl.Series) -> np.ndarray:
    """Paths as they are: git puts those with tabs, quotes and the like in quotes, with backslashes."""
    names = paths.to_numpy().astype(object)
    for row in np.flatnonzero(paths.str.starts_with('"').to_numpy()):
        names[row] = ESCAPE.sub(_character, names[row][1:-1])
    return names


def _character(match: re.Match) -> str:
    text = match[1]
    return chr(int(text, 8)) if len(text) == 3 else ESCAPED.get(text, text)

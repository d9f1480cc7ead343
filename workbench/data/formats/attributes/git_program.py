"""The program git, asked about a clone: what is checked out, and whether the history is whole."""
import os
import subprocess
from pathlib import Path

from workbench.errors import UserError

SETTINGS = ("-c", "core.quotePath=false", "-c", "log.showRoot=true", "-c", "diff.relative=false")


def run_git(path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The answer of git about the clone at `path`: not about one that the folder lies in, and none that the environment
    names. UserError (code 3) where git cannot be run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CEILING_DIRECTORIES": str(path.resolve().parent), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(["git", *SETTINGS, "-C", str(path), *arguments], capture_output=True, env=environment)
    except OSError as error:
        raise UserError(f"dataset git needs the program git, which cannot be run here ({error.strerror}); install it, "
                        "or put it on the PATH", code=3) from error  # fmt: skip


def newest_commit(path: Path) -> str:
    """The hash of the commit that is checked out in a clone. UserError (code 3) where git is not installed, or a path
    is no clone or one without commits."""
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; dataset git reads a clone, such as git clone makes it", code=3)
    answer = run_git(path, "rev-parse", "--git-dir")
    if answer.returncode:
        words = answer.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise UserError(f"{path} is no git clone ({words.removeprefix('fatal: ')}); give its topmost folder", code=3)
    answer = run_git(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if answer.returncode:
        raise UserError(f"{path}: the clone has no commits", code=3)
    return answer.stdout.decode().strip()


def is_shallow(path: Path) -> bool:
    """Whether the history of a clone was cut when it was cloned."""
    return run_git(path, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"

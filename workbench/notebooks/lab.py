"""JupyterLab on a working copy of the notebooks: edits and outputs never touch the originals."""
import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

from workbench.artifacts import sha256, write_bytes, write_text
from workbench.errors import UserError
from workbench.notebooks.discovery import folder
from workbench.places import home

RECORD = ".originals.json"  # SHA-256 of each notebook as it was copied, by name: a copy that differs was edited
ADDRESS = ("--ip", "--ServerApp.ip", "--allow-root", "--ServerApp.allow_root")  # choices that root must make together


def working_copy(out: Path) -> list[str]:
    """Copy all notebooks into the folder `out`, workshop included. A copy that nobody edited follows its original; an
    edited one is never overwritten. Returns the edited ones whose original has changed since.

    UserError if there are no notebooks, or if the folder cannot be written.
    """
    originals = {str(path.relative_to(folder())): path for path in sorted(folder().rglob("*.ipynb"))
                 if not any(part.startswith(".") for part in path.relative_to(folder()).parts)}  # fmt: skip
    if not originals:
        raise UserError("no notebooks found: run this in a checkout, or name a folder with --folder")
    copied, outdated = _record(out), []
    for name, original in originals.items():
        target, content = out / name, sha256(original)
        if not target.exists() or sha256(target) in (copied.get(name), content):
            if not target.exists() or sha256(target) != content:
                write_bytes(target, original.read_bytes())
            copied[name] = content
        elif copied.get(name) != content:
            outdated.append(name)
    write_text(out / RECORD, json.dumps(copied, indent=1))
    return outdated


def default_copy() -> Path:
    """The working copy of this home, made or brought up to date, after printing where it is and what was kept."""
    out = home() / "notebooks"
    outdated = working_copy(out)
    print(f"notebooks: {out} (copies, yours to edit; an edited one is never overwritten)")
    if outdated:
        print(f"kept as you edited them, although there is a newer version: {', '.join(outdated)}; to get that, "
              "rename or delete your copy")  # fmt: skip
    return out


def _record(out: Path) -> dict[str, str]:
    """What was copied into a folder; {} for a new folder, or where the record is damaged."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def lab_command(path: Path, options: tuple[str, ...] = (), *, root: bool | None = None) -> list[str]:
    """The command that opens JupyterLab in a folder, on its first notebook if it has one.

    options: of JupyterLab. root: whether root runs it, None to find out: JupyterLab refuses root unless told otherwise,
    and is then reached from this machine alone, unless the options choose. UserError if there is no such folder.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; name another one with --folder")
    first = min((each.name for each in path.glob("*.ipynb")), default="")
    page = [f"--LabApp.default_url=/lab/tree/{quote(first)}"] if first else []
    root = os.geteuid() == 0 if root is None else root
    chosen = any(option.split("=")[0] in ADDRESS for option in options)
    loopback = ["--allow-root", "--ip=127.0.0.1"] if root and not chosen else []
    return [sys.executable, "-m", "jupyterlab", str(path), *page, *loopback, *options]

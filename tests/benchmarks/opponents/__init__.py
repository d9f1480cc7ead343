"""Whom we are measured against, where they are here; each runs untouched, in an environment of its own."""
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent


def sasrec_pytorch(events: Path) -> list[str] | None:
    """The command that times pmixer/SASRec.pytorch, or None after saying what is missing."""
    checkout = os.environ.get("SASREC_PYTORCH", "")
    if not (Path(checkout) / "python" / "main.py").is_file():
        return _skip("SASRec.pytorch", "SASREC_PYTORCH to a checkout of github.com/pmixer/SASRec.pytorch", checkout)
    python = os.environ.get("SASREC_PYTHON", sys.executable)
    return [python, HERE / "sasrec_pytorch.py", checkout, events]


def recbole(task: str, events: Path) -> list[str] | None:
    """The command that times RecBole's SASRec at `train` or `rank`, or None after saying what is missing."""
    python = os.environ.get("RECBOLE_PYTHON", "")
    if not Path(python).is_file():
        return _skip("RecBole", "RECBOLE_PYTHON to the python of an environment with recbole", python)
    return [python, HERE / "recbole_sasrec.py", task, events]


def _skip(name: str, remedy: str, given: str) -> None:
    print(f"{name} is skipped: set {remedy}" + (f" ({given!r} is none)" if given else ""))

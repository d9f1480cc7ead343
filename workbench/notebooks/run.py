"""The strict runner: parameters checked first, a verdict from what happened, an executed copy written whole."""
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import workbench
from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks.anonymize import scrubber
from workbench.notebooks.parameters import check, declared, tagged
from workbench.progress import Progress

VERSIONS = ("torch", "numpy", "pandas", "plotly")


class RunResult(NamedTuple):
    """How one notebook went.

    code: 0 ok, 1 a cell's error, 124 time-out, 130 interrupted, 138 a dead kernel. html: the page, once exported.
    cell: the number of the code cell that failed, as in In [4].
    """

    name: str
    ok: bool
    code: int
    seconds: float
    executed: Path
    html: Path | None
    error: str
    cell: int | None


def run(notebook: Path | str, *, parameters: dict[str, Any], out: Path, timeout: float = 600) -> RunResult:
    """Run a notebook in a kernel of this interpreter; its executed copy goes to `out`, whatever happens.

    timeout: seconds a cell may take. UserError, before a kernel starts, for a parameter the notebook does not declare
    or of another type; and where the copy cannot be written, in which case an older one stays as it was.
    """
    notebook, out = Path(notebook), Path(out)
    executed = out / notebook.name
    if executed.resolve() == notebook.resolve():
        raise UserError(f"{notebook.name}: the executed copy would replace the notebook; choose another folder")
    nb = _read(notebook)
    values = check(declared(nb, notebook.name), parameters, notebook.name)
    _inject(nb, parameters)
    started = time.monotonic()
    code, error, cell = _execute(nb, notebook, timeout)
    seconds = round(time.monotonic() - started, 2)
    scrub = scrubber({str(notebook.parent.absolute()): ".", str(out.absolute()): "."})
    error = scrub(error)
    about = {"name": notebook.stem, "parameters": values, "seconds": seconds, "code": code, "error": error}
    about |= {"cell": cell, "versions": versions(), "made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
    write_text(executed, _finished(nb, about, scrub))
    return RunResult(notebook.stem, code == 0, code, seconds, executed, None, error, cell)


def _read(path: Path) -> Any:
    import nbformat

    try:
        nb = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise UserError(f"{path}: no such notebook") from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, nbformat.ValidationError) as error:
        raise UserError(f"{path}: not a readable notebook: {str(error).splitlines()[0]}", code=3) from error
    nb.metadata.pop("widgets", None)
    return nb


def _inject(nb: Any, parameters: dict[str, Any]) -> None:
    """Put the given values in a cell of their own after the parameters cell."""
    from nbformat.v4 import new_code_cell

    nb.cells = [cell for cell in nb.cells if not tagged(cell, "injected-parameters")]
    if parameters:
        code = "# given for this run\n" + "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        place = next(i for i, cell in enumerate(nb.cells) if tagged(cell, "parameters"))
        nb.cells.insert(place + 1, new_code_cell(code, metadata={"tags": ["injected-parameters"]}))


def _execute(nb: Any, notebook: Path, timeout: float) -> tuple[int, str, int | None]:
    """Run the cells of `nb` in place. Returns the exit code, what went wrong, and in which code cell."""
    from papermill.engines import papermill_engines

    from workbench.notebooks import engine

    codes = [i for i, cell in enumerate(nb.cells) if cell.cell_type == "code" and cell.source.strip()]
    numbers = {index: n for n, index in enumerate(codes, 1)}
    reached: list[int] = []
    nb.metadata["papermill"] = {}
    with Progress(notebook.stem, total=len(codes), unit="cells") as progress:
        try:
            papermill_engines.execute_notebook_with_engine(
                engine.NAME,
                nb,
                "python3",
                progress_bar=False,
                execution_timeout=timeout,
                cwd=str(notebook.parent.absolute()),
                on_cell_start=lambda cell, cell_index: reached.extend(n for n in [numbers.get(cell_index)] if n),
                on_cell_executed=lambda **_: progress.step(),
            )
        except (Exception, KeyboardInterrupt) as error:
            code, words = _verdict(error, timeout)
            return code, words, reached[-1] if reached else None
    return 0, "", None


def _verdict(error: BaseException, timeout: float) -> tuple[int, str]:
    """Exit code and words for what ended a run."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted"
    if isinstance(error, CellTimeoutError):
        return 124, f"took longer than {timeout:g} s"
    if isinstance(error, DeadKernelError):
        return 138, "the kernel died (killed, or out of memory)"
    if isinstance(error, CellExecutionError):
        return 1, f"{error.ename}: {error.evalue}".strip().removesuffix(":")
    return 138, f"the kernel did not start or finish: {error}"


def versions() -> dict[str, str]:
    """The versions that a page names, by package."""
    found = {"workbench": workbench.__version__, "python": python_version()}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _finished(nb: Any, about: dict, scrub: Any) -> str:
    """The executed copy as text: seconds a cell, how it went, no papermill stamps, no places of this machine."""
    import nbformat

    number = 0
    for cell in nb.cells:
        stamps = cell.metadata.pop("papermill", {})
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        if cell.source.strip():
            number += 1
            if stamps.get("duration") is not None:
                cell.metadata["workbench"] = {"seconds": round(stamps["duration"], 2)}
                cell.execution_count = number
    nb.metadata.pop("papermill", None)
    nb.metadata["workbench"] = about
    return re.sub(r"[\ud800-\udfff]", "\ufffd", nbformat.writes(scrub(nb))) + "\n"  # half a character cannot be stored

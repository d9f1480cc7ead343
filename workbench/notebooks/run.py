"""Run a notebook headlessly: check the parameters first, report an exit code, write the executed copy atomically."""
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import workbench
from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.parameters import check_parameters, declared_parameters, has_tag
from workbench.places import disk_is_full
from workbench.progress import Progress

MAX_ERROR = 1_000  # characters of an error message in banners and on the command line
VERSIONED_PACKAGES = ("torch", "numpy", "pandas", "plotly")


class RunResult(NamedTuple):
    """The result of one notebook run.

    code: 0 success, 1 error in a cell, 124 time-out, 130 interrupted, 138 dead kernel. executed: the executed copy.
    html: the page, once exported. cell: number of the code cell that failed, as in In [4], None if none did.
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
    """Run a notebook in a kernel of the current interpreter and write its executed copy to the folder `out`, also after
    an error.

    timeout: seconds per cell. UserError, before a kernel starts, for a parameter that the notebook does not declare or
    that has another type; also if the copy cannot be written, and then an older copy is left unchanged.
    """
    notebook, out = Path(notebook), Path(out)
    executed = out / notebook.name
    if executed.resolve() == notebook.resolve():
        raise UserError(f"{notebook.name}: the executed copy would replace the notebook; choose another folder")
    nb = _read(notebook)
    values = check_parameters(declared_parameters(nb, notebook.name), parameters, notebook.name)
    _inject(nb, parameters)
    started = time.monotonic()
    code, error, cell = _execute(nb, notebook, timeout)
    seconds = round(time.monotonic() - started, 2)
    anonymize = anonymizer({str(notebook.parent.absolute()): ".", str(out.absolute()): "."})
    error = anonymize(error)
    info = {"name": notebook.stem, "parameters": values, "seconds": seconds, "code": code, "error": error}
    info |= {"cell": cell, "versions": package_versions(), "made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
    with interruption_wins(code):
        write_text(executed, _executed_copy(nb, info, anonymize))
    return RunResult(notebook.stem, code == 0, code, seconds, executed, None, error, cell)


@contextmanager
def interruption_wins(code: int) -> Iterator[None]:
    """Where the work so far was interrupted (code 130), let a UserError in writing it down stay an interruption."""
    try:
        yield
    except UserError as error:
        if code == 130:
            raise KeyboardInterrupt(f"interrupted; {error}") from error
        raise


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
    """Insert a cell with the values of this run after the parameters cell."""
    from nbformat.v4 import new_code_cell

    nb.cells = [cell for cell in nb.cells if not has_tag(cell, "injected-parameters")]
    if parameters:
        code = "# parameters of this run\n" + "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        index = next(i for i, cell in enumerate(nb.cells) if has_tag(cell, "parameters"))
        nb.cells.insert(index + 1, new_code_cell(code, metadata={"tags": ["injected-parameters"]}))


def _execute(nb: Any, notebook: Path, timeout: float) -> tuple[int, str, int | None]:
    """Run the cells of `nb` in place; returns exit code, error message and the number of the code cell that failed."""
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
            code, message = _exit_code(error, timeout)
            return code, message, reached[-1] if reached else None
    return 0, "", None


def _exit_code(error: BaseException, timeout: float) -> tuple[int, str]:
    """Exit code and message for the exception that ended a run."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted"
    if isinstance(error, CellTimeoutError):
        return 124, f"took longer than {timeout:g} s"
    if isinstance(error, DeadKernelError):
        return 138, "the kernel died (killed, or out of memory)"
    if isinstance(error, UserError):
        return error.code, str(error)
    if isinstance(error, OSError) and disk_is_full(error):
        return 1, f"the disk of the temporary folder is full ({error}); free some space or set TMPDIR to another folder"
    if isinstance(error, CellExecutionError):
        message = f"{error.ename}: {error.evalue}".strip().removesuffix(":")
        return 1, message if len(message) <= MAX_ERROR else f"{message[:MAX_ERROR]} ..."
    return 138, f"the kernel did not start or finish: {error}"


def package_versions() -> dict[str, str]:
    """Versions of workbench, Python and VERSIONED_PACKAGES, as every page states them."""
    versions = {"workbench": workbench.__version__, "python": python_version()}
    for name in VERSIONED_PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _executed_copy(nb: Any, info: dict, anonymize: Any) -> str:
    """The executed notebook as text, with seconds per cell and `info` in its metadata, without papermill's metadata and
    without paths of this machine."""
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
    nb.metadata["workbench"] = info
    return re.sub(r"[\ud800-\udfff]", "\ufffd", nbformat.writes(anonymize(nb))) + "\n"  # no lone surrogates in UTF-8

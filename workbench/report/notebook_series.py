"""The whole series on one dataset: a page a notebook, an index over them, the numbers in metrics.json."""
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import notebooks
from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.experiment import Run, open_bench
from workbench.experiment.audit import run_audit as audits
from workbench.notebooks import RunResult, glued, versions
from workbench.notebooks.anonymize import scrubber
from workbench.notebooks.parameters import declared
from workbench.progress import Progress
from workbench.report.audit_page import audit_page
from workbench.report.export import export, read
from workbench.report.index import Beside, index
from workbench.report.outcome import INTERRUPTED, attempt
from workbench.report.probe_page import latents_page

log = logging.getLogger("workbench")


def page(notebook: Path | str, *, parameters: dict[str, Any], out: Path, timeout: float = 600) -> RunResult:
    """Run one notebook and export its page, also where a cell failed: what was reached is kept, with the error."""
    result = notebooks.run(notebooks.find(notebook), parameters=parameters, out=out, timeout=timeout)
    return result._replace(html=export(result.executed))


def series(
    dataset: str, *, profile: str, seed: int = 0, options: dict | None = None, system: str = "", out: Path,
    timeout: float = 600,
) -> list[RunResult | Beside]:  # fmt: skip
    """Run every notebook of the series that can be pointed at a dataset, and write the page of its audit; returns what
    failed. system: whose network the notebooks read that look into one, theirs if empty; where one is named its latents
    get a page too.

    out gets a page a notebook, audit.html, index.html and metrics.json. One failed page does not stop the others;
    Ctrl-C does. UserError where there is no notebook.
    """
    paths = notebooks.series()
    if not paths:
        raise UserError("there are no notebooks here: run from a checkout, or name one with `run`")
    asked = {"dataset": dataset, "profile": profile, "seed": seed, "options": options or {}}
    if system:
        asked["system"] = system
    pages, more, besides = [], [], _besides(paths, asked, Path(out))
    with Progress("report", len(paths) + len(besides), "pages") as progress:
        for path in paths:
            pages.append(_tried(path, asked, out, timeout))
            _write(pages, asked, out)
            progress.step(note=_word(pages[-1]))
            if pages[-1].code == INTERRUPTED:
                return [result for result in pages if not result.ok]
        for name, make in besides.items():
            more.append(beside(name, make))
            _write(pages, asked, out, more=more)
            progress.step(note=_word(more[-1]))
            if more[-1].code == INTERRUPTED:
                break
    return [made for made in [*pages, *more] if not made.ok]


def _word(made: RunResult | Beside) -> str:
    return f"{made.name}: {'done' if made.ok else 'interrupted' if made.code == INTERRUPTED else 'failed'}"


def _tried(path: Path, asked: dict[str, Any], out: Path, timeout: float) -> RunResult:
    """The page of a notebook; where it cannot even be started, a result that says why."""
    try:
        wanted = {name: value for name, value in asked.items() if name in declared(read(path), path.name)}
        return page(path, parameters=wanted, out=out, timeout=timeout)
    except UserError as error:
        return RunResult(path.stem, False, error.code, 0.0, path, None, str(error), None)


def _besides(paths: list[Path], asked: dict[str, Any], out: Path) -> dict[str, Callable[[], tuple[str, Path]]]:
    """What is written beside the notebooks, by name: each makes a page and says what it is called."""
    def run() -> Run:
        given = {name: asked[name] for name in ("profile", "seed", "options")}
        return open_bench(asked["dataset"], **given).fit(asked.get("system") or _usual(paths))

    def audited() -> tuple[str, Path]:
        made = run()
        bench = made.bench()
        return f"What can {bench.name} show?", audit_page(audits.audit(bench, [made]), out=out / "audit.html")

    def read_latents() -> tuple[str, Path]:
        made = run()
        return f"The latents of {made.label}", latents_page(made, out=out / "latents.html")

    return {"audit": audited} | ({"latents": read_latents} if asked.get("system") else {})


def _usual(paths: list[Path]) -> str:
    """The system that the notebooks look into where none is named: it is trained already."""
    for path in paths:
        with suppress(UserError):
            if name := declared(read(path), path.name).get("system"):
                return name
    return "sasrec"


def beside(name: str, make: Callable[[], tuple[str, Path]]) -> Beside:
    """The page that `make` writes, called by the title it gives; where it fails, what went wrong."""
    tried = attempt(make)
    if tried.trace:
        log.error("%s failed:\n%s", name, tried.trace)
    title, path = tried.value or (name, None)
    return Beside(name, title, tried.ok, tried.code, tried.seconds, path, tried.error)


def _write(pages: list[RunResult], asked: dict[str, Any], out: Path, *, more: list[Beside] | None = None) -> None:
    """Index and metrics.json after every page, so that an interrupted report is a shorter report."""
    asked, more = scrubber()(asked), more or []
    found = {result.name: glued(result.executed) for result in pages if result.html}
    rows = {row: values for metrics in found.values() for row, values in metrics.get("metrics", {}).items()}
    headline = dict(sorted(rows.items(), key=lambda row: -next(iter(row[1].values()), 0)))
    hashes = {metrics["data_hash"] for metrics in found.values() if "data_hash" in metrics}
    index(pages, out, headline, {**asked, **({"data": ", ".join(sorted(hashes))} if hashes else {})}, more)
    status = {made.name: {"ok": made.ok, "seconds": made.seconds, "error": made.error} for made in [*pages, *more]}
    about = asked | {"versions": versions(), "notebooks": status, "metrics": found}
    write_text(Path(out) / "metrics.json", json.dumps(about, indent=1))

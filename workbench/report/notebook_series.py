"""A report on one dataset: a page per notebook of the series, an audit, an index page and metrics.json."""
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import notebooks
from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.experiment import Bench, Run, open_bench
from workbench.experiment.audit import run_audit as audits
from workbench.notebooks import RunResult, glued, package_versions
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.parameters import declared_parameters
from workbench.notebooks.run import interruption_wins
from workbench.places import disk_is_full
from workbench.progress import Progress
from workbench.report.audit_page import audit_page
from workbench.report.export import export_notebook, read_notebook
from workbench.report.index import PageResult, index_page
from workbench.report.outcome import INTERRUPTED, attempt, stops_when_full
from workbench.report.probe_page import probe_page
from workbench.report.summary.conclusion import conclusion
from workbench.report.summary.cover import NO_COVER, Cover, add_head_line
from workbench.report.summary.data import data_facts, methods, with_dataset_name
from workbench.report.summary.results import CAPTION, result_rows

log = logging.getLogger("workbench")


def notebook_page(notebook: Path | str, *, parameters: dict[str, Any], out: Path, timeout: float = 600) -> RunResult:
    """Run one notebook and export its page. The page of a failed run shows the cells that ran and the error."""
    result = notebooks.run(notebooks.find(notebook), parameters=parameters, out=out, timeout=timeout)
    with interruption_wins(result.code):
        return result._replace(html=export_notebook(result.executed))


@stops_when_full
def series_report(
    dataset: str, *, profile: str, seed: int = 0, options: dict | None = None, system: str = "", out: Path,
    timeout: float = 600, cover: Cover = NO_COVER,
) -> list[RunResult | PageResult]:  # fmt: skip
    """Run every notebook of the series on a dataset, write the audit page, and return the pages that failed.

    system: whose network the notebooks probe, their default if empty; if it is given, its latents get a page too.
    Writes a page per notebook, audit.html, index.html and metrics.json to `out`. cover: title, author and note of the
    index, also at the head of every page. A failed page does not stop the
    others; Ctrl-C does. UserError if there are no notebooks.
    """
    paths = notebooks.series()
    if not paths:
        raise UserError("there are no notebooks here: run from a checkout, or name one with `run`")
    parameters = {"dataset": dataset, "profile": profile, "seed": seed, "options": options or {}}
    if system:
        parameters["system"] = system
    pages, more, extra_pages = [], [], _extra_pages(paths, parameters, Path(out))
    with Progress("report", len(paths) + len(extra_pages), "pages") as progress:
        for path in paths:
            pages.append(notebook_result(path, parameters, out, timeout))
            _write(pages, parameters, out, cover, progress.total)
            progress.step(note=_status(pages[-1]))
            if pages[-1].code == INTERRUPTED:
                return [result for result in pages if not result.ok]
        for name, make in extra_pages.items():
            more.append(page_result(name, make))
            _write(pages, parameters, out, cover, progress.total, more=more)
            progress.step(note=_status(more[-1]))
            if more[-1].code == INTERRUPTED:
                break
    return [result for result in [*pages, *more] if not result.ok]


def _status(result: RunResult | PageResult) -> str:
    return f"{result.name}: {'done' if result.ok else 'interrupted' if result.code == INTERRUPTED else 'failed'}"


def notebook_result(path: Path, parameters: dict[str, Any], out: Path, timeout: float) -> RunResult:
    """The result of `notebook_page`; a failed result if the notebook could not be started."""
    try:
        declared = declared_parameters(read_notebook(path), path.name)
        own = {name: value for name, value in parameters.items() if name in declared}
        return notebook_page(path, parameters=own, out=out, timeout=timeout)
    except UserError as error:
        if disk_is_full(error):
            raise
        return RunResult(path.stem, False, error.code, 0.0, path, None, str(error), None)


def _bench(parameters: dict[str, Any]) -> Bench:
    return open_bench(parameters["dataset"], **{name: parameters[name] for name in ("profile", "seed", "options")})


def _extra_pages(
    paths: list[Path], parameters: dict[str, Any], out: Path
) -> dict[str, Callable[[], tuple[str, Path]]]:
    """The pages besides the notebooks, by name: each function writes one and returns its title and path."""
    def fit() -> Run:
        return _bench(parameters).fit(parameters.get("system") or _default_system(paths))

    def audit() -> tuple[str, Path]:
        run = fit()
        bench = run.bench()
        return f"What can {bench.dataset.name} show?", audit_page(audits.audit(bench, [run]), out=out / "audit.html")

    def probe() -> tuple[str, Path]:
        run = fit()
        return f"The latents of {run.label}", probe_page(run, out=out / "latents.html")

    return {"audit": audit} | ({"latents": probe} if parameters.get("system") else {})


def _default_system(paths: list[Path]) -> str:
    """The default system of the notebooks that probe one, which is trained already."""
    for path in paths:
        with suppress(UserError):
            if name := declared_parameters(read_notebook(path), path.name).get("system"):
                return name
    return "sasrec"


def page_result(name: str, make: Callable[[], tuple[str, Path]]) -> PageResult:
    """Call `make`, which writes a page and returns its title and path; the result says how that went."""
    outcome = attempt(make)
    if outcome.trace:
        log.error("%s failed:\n%s", name, outcome.trace)
    title, path = outcome.value or (name, None)
    return PageResult(name, title, outcome.ok, outcome.code, outcome.seconds, path, outcome.error)


def _write(
    pages: list[RunResult], parameters: dict[str, Any], out: Path, cover: Cover, planned: int, *,
    more: list[PageResult] | None = None,
) -> None:  # fmt: skip
    """Write the index and metrics.json after every page, so that an interrupted report holds the pages made so far."""
    more = more or []
    with interruption_wins([*pages, *more][-1].code):
        for page in [*pages, *more]:
            if page.html:
                add_head_line(page.html, cover)
        _write_index(pages, parameters, out, cover, planned, more)


def _write_index(
    pages: list[RunResult], parameters: dict[str, Any], out: Path, cover: Cover, planned: int, more: list[PageResult]
) -> None:
    metrics = {result.name: glued(result.executed) for result in pages if result.html}
    rows = {row: values for each in metrics.values() for row, values in each.get("metrics", {}).items()}
    headline = dict(sorted(rows.items(), key=lambda row: -next(iter(row[1].values()), 0)))
    hashes = ", ".join(sorted({each["data_hash"] for each in metrics.values() if "data_hash" in each}))
    summary, parameters = _summary(parameters, metrics), anonymizer()(parameters)
    shown = with_dataset_name(parameters) | ({"data": hashes} if hashes else {})
    index_page(pages, out, result_rows(headline, metrics), shown, more, cover=cover, summary=summary,
               caption=CAPTION if rows else "", planned=planned)  # fmt: skip
    status = {page.name: {"ok": page.ok, "seconds": page.seconds, "error": page.error} for page in [*pages, *more]}
    stored = parameters | {"versions": package_versions(), "notebooks": status, "metrics": metrics}
    write_text(Path(out) / "metrics.json", json.dumps(stored, indent=1))


def _summary(parameters: dict[str, Any], glued_values: dict[str, dict]) -> dict[str, Any]:
    """The sections of the index before its table; data and methods are left out if the data cannot be read."""
    compared = next((values for values in glued_values.values() if values.get("comparison")), {})
    sections: dict[str, Any] = {"Conclusion": conclusion(compared)}
    training = {name: each for values in glued_values.values() for name, each in values.get("training", {}).items()}
    with suppress(UserError):
        bench = _bench(parameters)
        sections |= {"Data": data_facts(bench), "What was done": methods(bench, training)}
    return sections

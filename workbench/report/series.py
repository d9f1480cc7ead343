"""The whole series on one dataset: a page a notebook, an index over them, the numbers in metrics.json."""
import json
from pathlib import Path
from typing import Any

from workbench import notebooks
from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.notebooks import RunResult, glued
from workbench.notebooks.parameters import declared
from workbench.report.export import export, read
from workbench.report.index import index
from workbench.report.latents import latents_page


def page(notebook: Path | str, *, parameters: dict[str, Any], out: Path, timeout: float = 600) -> RunResult:
    """Run one notebook and export its page, also where a cell failed: what was reached is kept, with the error."""
    result = notebooks.run(notebooks.find(notebook), parameters=parameters, out=out, timeout=timeout)
    return result._replace(html=export(result.executed))


def series(
    dataset: str, *, profile: str, seed: int = 0, options: dict | None = None, system: str = "", out: Path,
    timeout: float = 600,
) -> list[RunResult]:  # fmt: skip
    """Run every notebook of the series that can be pointed at a dataset; returns those that failed. system: whose
    network the notebooks read that look into one, theirs if empty; where one is named its latents get a page too.

    out gets a page a notebook, index.html and metrics.json. One failed notebook does not stop the others; Ctrl-C does.
    UserError where there is no notebook.
    """
    paths = notebooks.series()
    if not paths:
        raise UserError("there are no notebooks here: run from a checkout, or name one with `run`")
    asked = {"dataset": dataset, "profile": profile, "seed": seed, "options": options or {}}
    if system:
        asked["system"] = system
    pages: list[RunResult] = []
    for path in paths:
        wanted = {name: value for name, value in asked.items() if name in declared(read(path), path.name)}
        pages.append(page(path, parameters=wanted, out=out, timeout=timeout))
        _write(pages, asked, out)
        if pages[-1].code == 130:
            break
    if system and not any(result.code == 130 for result in pages):
        run = open_bench(dataset, profile=profile, seed=seed, options=options).fit(system)
        made = latents_page(run, out=Path(out) / "latents.html")
        _write(pages, asked, out, more={f"The latents of {run.label}": made})
    return [result for result in pages if not result.ok]


def _write(pages: list[RunResult], asked: dict[str, Any], out: Path, *, more: dict[str, Path] | None = None) -> None:
    """Index and metrics.json after every notebook, so that an interrupted report is a shorter report."""
    found = {result.name: glued(result.executed) for result in pages}
    rows = {row: values for metrics in found.values() for row, values in metrics.get("metrics", {}).items()}
    headline = dict(sorted(rows.items(), key=lambda row: -next(iter(row[1].values()), 0)))
    hashes = {metrics["data_hash"] for metrics in found.values() if "data_hash" in metrics}
    index(pages, out, headline, {**asked, **({"data": ", ".join(sorted(hashes))} if hashes else {})}, more or {})
    status = {result.name: {"ok": result.ok, "seconds": result.seconds, "error": result.error} for result in pages}
    write_text(Path(out) / "metrics.json", json.dumps({**asked, "notebooks": status, "metrics": found}, indent=1))

"""A report over datasets x systems: a page per cell, an index page and metrics.json."""
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

from workbench import systems as all_systems
from workbench.artifacts import write_text
from workbench.data import datasets as all_datasets
from workbench.errors import UserError
from workbench.experiment import Bench, Run, open_bench
from workbench.notebooks import package_versions
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.run import interruption_wins
from workbench.progress import Progress
from workbench.report.outcome import INTERRUPTED, attempt, stops_when_full
from workbench.report.several.matrix_index import matrix_index
from workbench.report.several.matrix_page import MatrixCell, cell_page, cell_path
from workbench.report.summary.cover import NO_COVER, Cover, add_head_line
from workbench.report.summary.data import dataset_name

log = logging.getLogger("workbench")
BASELINES, UNREACHED = "baselines", -1


@stops_when_full
def matrix_report(
    datasets: list[str], systems: list[str], *, profile: str, seed: int = 0, options: dict | None = None, out: Path,
    cover: Cover = NO_COVER,
) -> list[MatrixCell]:  # fmt: skip
    """Train every system on every dataset next to the training-free baselines; returns the cells without a result.

    Writes a page per cell, index.html and metrics.json to `out` and updates them after every cell. A cell that fails
    shows its error and the others go on. Ctrl-C stops the report; the same call resumes it from the stored runs.
    options: of the datasets, the same for each. cover: title, author and note of the report. UserError for an unknown
    name, before anything is trained.
    """
    datasets, systems = _checked(datasets, systems, options or {})
    parameters = {"datasets": datasets, "systems": systems, "profile": profile, "seed": seed, "options": options or {}}
    open_bench(datasets[0], profile=profile, seed=seed, options=options)  # raises now for a wrong profile
    shown = {dataset: dataset_name(dataset, options) for dataset in datasets}
    cells = {(dataset, system): MatrixCell(dataset, system, UNREACHED, shown=shown[dataset])
             for dataset in datasets for system in systems}  # fmt: skip
    with Progress("report", len(cells), "cells", stages=True) as progress:
        for dataset in datasets:
            row = attempt(partial(_row, dataset, profile=profile, seed=seed, options=options))
            for system in systems:
                cell = _cell(dataset, system, row, systems)._replace(shown=shown[dataset])
                with interruption_wins(cell.code):
                    written = cell_page(cell, out=Path(out), parameters=_shared(parameters), links=_links(cell, cells))
                    add_head_line(written.page, cover, "../index.html")
                    cells[dataset, system] = written
                    _write(list(cells.values()), parameters, Path(out), cover)
                progress.step(note=f"{cell.name}: {'done' if cell.ok else 'failed'}")
                if cell.code == INTERRUPTED:
                    return [cell for cell in cells.values() if not cell.ok]
    return [cell for cell in cells.values() if not cell.ok]


def _checked(datasets: list[str], systems: list[str], options: dict) -> tuple[list[str], list[str]]:
    """The registered names, without duplicates."""
    if not datasets or not systems:
        raise UserError("a matrix needs --datasets and --systems, such as --datasets beauty,office --systems sasrec")
    for name in systems:
        all_systems.family(name)
    datasets = [all_datasets.check_options(name, options) for name in datasets]
    return list(dict.fromkeys(datasets)), list(dict.fromkeys(systems))


def _shared(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters that all cells share, for the header of a page."""
    return anonymizer()({name: parameters[name] for name in ("profile", "seed", "options")})


def _row(dataset: str, *, profile: str, seed: int, options: dict | None) -> tuple[Bench, list[Run], dict[str, str]]:
    """The bench of a dataset, the runs of its baselines, and the errors of baselines that failed on it, by name."""
    bench = open_bench(dataset, profile=profile, seed=seed, options=options)
    bench.split  # noqa: B018  raises once for data that cannot be read
    outcomes = {name: attempt(partial(bench.fit, name)) for name in all_systems.names(BASELINES)}
    if any(outcome.code == INTERRUPTED for outcome in outcomes.values()):
        raise KeyboardInterrupt
    baselines = [outcome.value for outcome in outcomes.values() if outcome.ok]
    return bench, baselines, {name: outcome.error for name, outcome in outcomes.items() if not outcome.ok}


def _cell(dataset: str, system: str, row: Any, systems: list[str]) -> MatrixCell:
    """Train a system, or read its stored run. row: the outcome of `_row`. systems: all of the matrix, so that a page
    and the index give a difference the same interval."""
    if not row.ok:
        return MatrixCell(dataset, system, row.code, row.seconds, row.error, row.trace)
    bench, baselines, missing = row.value
    outcome = attempt(partial(bench.fit, system))
    comparisons = len({run.system for run in baselines} | set(systems)) - 1
    if outcome.trace:
        log.error("%s on %s failed:\n%s", system, dataset, outcome.trace)
    return MatrixCell(dataset, system, outcome.code, outcome.seconds, outcome.error, outcome.trace, bench,
                      outcome.value, tuple(baselines), missing, comparisons)  # fmt: skip


def _links(cell: MatrixCell, cells: dict[tuple[str, str], MatrixCell]) -> list[tuple[str, str]]:
    """(text, address) of the index, of the other systems on the dataset and of the system on other datasets."""
    own, links = cell_path(Path(), cell.dataset, cell.system), [("All datasets and systems", "../index.html")]
    for dataset, system in cells:
        if (dataset == cell.dataset) != (system == cell.system):
            other = cell_path(Path(), dataset, system)
            address = other.name if other.parent == own.parent else f"../{other.as_posix()}"
            links.append((cells[dataset, system].name, address))
    return links


def _write(cells: list[MatrixCell], parameters: dict[str, Any], out: Path, cover: Cover) -> None:
    """Write the index and metrics.json over the cells so far."""
    parameters = anonymizer()(parameters)
    matrix_index(cells, parameters, out, cover=cover)
    results = [
        {"dataset": cell.dataset, "system": cell.system, "ok": cell.ok, "reached": cell.code != UNREACHED,
         "seconds": cell.seconds, "error": cell.error, "missing baselines": cell.missing,
         "data_hash": cell.bench.split.data_hash if cell.runs else None,
         "metrics": {run.label: run.metrics for run in cell.runs}}
        for cell in cells
    ]  # fmt: skip
    stored = parameters | {"versions": package_versions(), "cells": results}
    write_text(out / "metrics.json", json.dumps(stored, indent=1))

"""Many datasets by many systems: a page a cell, an index over them, the numbers in metrics.json."""
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

from workbench import systems as known
from workbench.artifacts import write_text
from workbench.data import datasets as registry
from workbench.errors import UserError
from workbench.experiment import Bench, Run, open_bench
from workbench.notebooks import versions
from workbench.notebooks.anonymize import scrubber
from workbench.progress import Progress
from workbench.report.matrix_index import grid
from workbench.report.matrix_page import Cell, cell_page, place
from workbench.report.outcome import INTERRUPTED, attempt

log = logging.getLogger("workbench")
BASELINES, UNREACHED = "baselines", -1


def matrix(
    datasets: list[str], systems: list[str], *, profile: str, seed: int = 0, options: dict | None = None, out: Path,
) -> list[Cell]:  # fmt: skip
    """Train every system on every dataset beside the floors; returns the cells that have no result.

    out gets a page a cell, index.html over them and metrics.json, written anew after every cell: one that fails shows
    why and the others go on; Ctrl-C ends it, and the same call goes on from there, since what is stored is read.
    options: of the datasets, the same for each. UserError for a name that does not exist, before anything is trained.
    """
    datasets, systems = _checked(datasets, systems, options or {})
    asked = {"datasets": datasets, "systems": systems, "profile": profile, "seed": seed, "options": options or {}}
    open_bench(datasets[0], profile=profile, seed=seed, options=options)  # a wrong profile is an error now
    cells = {(dataset, system): Cell(dataset, system, UNREACHED) for dataset in datasets for system in systems}
    with Progress("report", len(cells), "cells", stages=True) as progress:
        for dataset in datasets:
            row = attempt(partial(_row, dataset, profile=profile, seed=seed, options=options))
            for system in systems:
                cell = _cell(dataset, system, row)
                made = cell_page(cell, out=Path(out), asked=_common(asked), beside=_links(cell, cells))
                cells[dataset, system] = made
                _write(list(cells.values()), asked, Path(out))
                progress.step(note=f"{cell.name}: {'done' if cell.ok else 'failed'}")
                if cell.code == INTERRUPTED:
                    return [cell for cell in cells.values() if not cell.ok]
    return [cell for cell in cells.values() if not cell.ok]


def _checked(datasets: list[str], systems: list[str], options: dict) -> tuple[list[str], list[str]]:
    """The names as they are listed, each once."""
    if not datasets or not systems:
        raise UserError("a matrix needs --datasets and --systems, such as --datasets beauty,office --systems sasrec")
    for name in systems:
        known.family(name)
    return list(dict.fromkeys(registry.check(name, options) for name in datasets)), list(dict.fromkeys(systems))


def _common(asked: dict[str, Any]) -> dict[str, Any]:
    """What all cells share, for their heads."""
    return scrubber()({name: asked[name] for name in ("profile", "seed", "options")})


def _row(dataset: str, *, profile: str, seed: int, options: dict | None) -> tuple[Bench, list[Run], dict[str, str]]:
    """The bench of a dataset and its floors; of those that cannot be counted on it, why."""
    bench = open_bench(dataset, profile=profile, seed=seed, options=options)
    bench.split  # noqa: B018  where the data are not to be had, this says so once
    tried = {name: attempt(partial(bench.fit, name)) for name in known.names(BASELINES)}
    if any(each.code == INTERRUPTED for each in tried.values()):
        raise KeyboardInterrupt
    found = [each.value for each in tried.values() if each.ok]
    return bench, found, {name: each.error for name, each in tried.items() if not each.ok}


def _cell(dataset: str, system: str, row: Any) -> Cell:
    """Train a system, or read it, once its row stands; row: the outcome of `_row`."""
    if not row.ok:
        return Cell(dataset, system, row.code, row.seconds, row.error, row.trace)
    bench, floors, missing = row.value
    tried = attempt(partial(bench.fit, system))
    if tried.trace:
        log.error("%s on %s failed:\n%s", system, dataset, tried.trace)
    return Cell(dataset, system, tried.code, tried.seconds, tried.error, tried.trace, bench, tried.value, tuple(floors),
                missing)  # fmt: skip


def _links(cell: Cell, cells: dict[tuple[str, str], Cell]) -> list[tuple[str, str]]:
    """The index, the other systems of the row and the other datasets of the column."""
    here, found = place(Path(), cell.dataset, cell.system), [("All datasets and systems", "../index.html")]
    for dataset, system in cells:
        if (dataset == cell.dataset) != (system == cell.system):
            there = place(Path(), dataset, system)
            address = there.name if there.parent == here.parent else f"../{there.as_posix()}"
            found.append((f"{system} on {dataset}", address))
    return found


def _write(cells: list[Cell], asked: dict[str, Any], out: Path) -> None:
    """Index and metrics.json over what is there so far."""
    asked = scrubber()(asked)
    grid(cells, asked, out)
    found = [
        {"dataset": cell.dataset, "system": cell.system, "ok": cell.ok, "reached": cell.code != UNREACHED,
         "seconds": cell.seconds, "error": cell.error, "missing floors": cell.missing,
         "data_hash": cell.bench.split.data_hash if cell.runs else None,
         "metrics": {run.label: run.metrics for run in cell.runs}}
        for cell in cells
    ]  # fmt: skip
    write_text(out / "metrics.json", json.dumps(asked | {"versions": versions(), "cells": found}, indent=1))

"""A report over datasets x systems: a page per cell, an index page and metrics.json."""
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from workbench import systems as all_systems
from workbench.artifacts import write_text
from workbench.data import datasets as all_datasets
from workbench.errors import UserError
from workbench.experiment import Bench, Run, load_run, open_bench
from workbench.experiment.named_files import dataset_name
from workbench.experiment.study.fits import Fitted, each_fit, plan_fit
from workbench.notebooks import package_versions
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.run import interruption_wins
from workbench.progress import Progress
from workbench.report.outcome import INTERRUPTED, attempt, stops_when_full
from workbench.report.several.matrix_index import matrix_index
from workbench.report.several.matrix_page import MatrixCell, cell_page, cell_path
from workbench.report.summary.cover import NO_COVER, Cover, add_head_line

BASELINES, UNREACHED = "baselines", -1


@stops_when_full
def matrix_report(
    datasets: list[str], systems: list[str], *, profile: str, seed: int = 0, options: dict | None = None, out: Path,
    cover: Cover = NO_COVER, jobs: int = 1, cluster: str = "",
) -> list[MatrixCell]:  # fmt: skip
    """Train every system on every dataset next to the training-free baselines; returns the cells without a result.

    Writes a page per cell, index.html and metrics.json to `out` and updates them after every cell. A cell that fails
    shows its error and the others go on. Ctrl-C stops the report; the same call resumes it from the stored runs.
    options: of the datasets, the same for each. cover: title, author and note of the report. jobs, cluster: trainings
    at a time on this machine, or the address of a Dask scheduler, as in a study. UserError for an unknown name, before
    anything is trained, and for a cluster that cannot be reached.
    """
    datasets, systems = _checked(datasets, systems, options or {})
    parameters = {"datasets": datasets, "systems": systems, "profile": profile, "seed": seed, "options": options or {}}
    make_bench = partial(open_bench, profile=profile, seed=seed, options=options)
    make_bench(datasets[0])  # raises now for a wrong profile
    shown = {dataset: dataset_name(dataset, options) for dataset in datasets}
    cells = {(dataset, system): MatrixCell(dataset, system, UNREACHED, shown=shown[dataset])
             for dataset in datasets for system in systems}  # fmt: skip
    with Progress("report", len(cells), "cells", stages=True) as progress:
        for cell in _cells(datasets, systems, make_bench, jobs=jobs, cluster=cluster):
            cell = cell._replace(shown=shown[cell.dataset])
            with interruption_wins(cell.code):
                written = cell_page(cell, out=Path(out), parameters=_shared(parameters), links=_links(cell, cells))
                add_head_line(written.page, cover, "../index.html")
                cells[cell.dataset, cell.system] = written
                _write(list(cells.values()), parameters, Path(out), cover)
            progress.step(note=f"{cell.name}: {'done' if cell.ok else 'failed'}")
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


def _cells(
    datasets: list[str], systems: list[str], make_bench: Callable[[str], Bench], *, jobs: int, cluster: str
) -> Iterator[MatrixCell]:  # fmt: skip
    """Every cell as soon as its system and the baselines of its dataset are trained; one that is interrupted is the
    last. make_bench: of a dataset."""
    benches, baselines = {}, all_systems.names(BASELINES)
    for dataset in datasets:
        opened = attempt(partial(_opened, dataset, make_bench))  # once, before several processes do
        for system in systems if not opened.ok else ():
            yield MatrixCell(dataset, system, opened.code, opened.seconds, opened.error, opened.trace)
            if opened.code == INTERRUPTED:
                return
        benches |= {dataset: opened.value} if opened.ok else {}
    plans = {(dataset, name): plan_fit(bench, name, {}, bench.seed)
             for dataset, bench in benches.items() for name in dict.fromkeys([*baselines, *systems])}  # fmt: skip
    waiting = [(dataset, system) for dataset in benches for system in systems]
    done: dict[str, dict[str, Fitted]] = {dataset: {} for dataset in benches}
    try:
        fits = each_fit(list(plans.values()), jobs=jobs, cluster=cluster)
        for (dataset, name), fitted in zip(plans, fits, strict=True):
            done[dataset][name] = fitted
            while waiting and {*baselines, waiting[0][1]} <= done[waiting[0][0]].keys():
                dataset, system = waiting.pop(0)
                yield _cell(benches[dataset], system, done[dataset], systems)
    except KeyboardInterrupt as error:
        if not waiting:
            raise
        dataset, system = waiting[0]
        own = Fitted("", str(error) or "interrupted", INTERRUPTED)
        whole = set(baselines) <= done[dataset].keys()
        yield _cell(benches[dataset], system, {**(done[dataset] if whole else {}), system: own}, systems)


def _opened(dataset: str, make_bench: Callable[[str], Bench]) -> Bench:
    """A bench whose data are read. UserError for data that cannot be."""
    bench = make_bench(dataset)
    bench.split  # noqa: B018
    return bench


def _cell(bench: Bench, system: str, done: dict[str, Fitted], systems: list[str]) -> MatrixCell:
    """The cell of a system. done: what came of the fits of this dataset. systems: all of the matrix, so that a page and
    the index give a difference the same interval."""
    baselines = all_systems.names(BASELINES)
    runs = {name: _run(bench, fitted) for name, fitted in done.items() if not fitted.error}
    own, clean = done[system], anonymizer()
    beside = {name: runs[name] for name in baselines if name in runs}
    missing = {name: clean(done[name].error) for name in baselines if name in done and name not in runs}
    comparisons = len({*beside, *systems}) - 1
    return MatrixCell(bench.name, system, own.code, own.seconds, clean(own.error), clean(own.trace), bench,
                      runs.get(system), tuple(beside.values()), missing, comparisons)  # fmt: skip


def _run(bench: Bench, fitted: Fitted) -> Run:
    return load_run(fitted.folder).at(all_datasets.file_paths(bench.options))


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

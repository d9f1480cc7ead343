"""The page of one cell of a matrix: a system compared with the training-free baselines on a dataset."""
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.evaluate import compare
from workbench.evaluate.intervals import decimals
from workbench.experiment import Bench, Run
from workbench.experiment.audit.networks import name_seeds
from workbench.experiment.audit.sections import METRIC, memorization_card
from workbench.report.cell_outputs import figures_html, table_html
from workbench.report.index import page_header, provenance
from workbench.report.page_template import html_document, table_of_contents
from workbench.show import tables
from workbench.show.figures import audit as cards
from workbench.show.figures import compare as figures
from workbench.show.figures import contrast


class MatrixCell(NamedTuple):
    """The result of one system on one dataset. code: 0 success, 130 interrupted, -1 not reached, else an exit code.
    comparisons: how many the intervals of this dataset cover together.

    run: of the system, None if it failed. baselines: runs of the training-free baselines. missing: error of each
    baseline that failed, by name. trace: the traceback, "" for a UserError. page: its path, once written. shown:
    what pages call the dataset, if not by its name.
    """

    dataset: str
    system: str
    code: int
    seconds: float = 0.0
    error: str = ""
    trace: str = ""
    bench: Bench | None = None
    run: Run | None = None
    baselines: tuple[Run, ...] = ()
    missing: dict[str, str] = {}
    comparisons: int = 0
    page: Path | None = None
    shown: str = ""

    @property
    def name(self) -> str:
        return f"{self.system} on {self.data_name}"

    @property
    def data_name(self) -> str:
        """What pages call the dataset."""
        return self.shown or self.dataset

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def runs(self) -> list[Run]:
        """All runs of the cell; a baseline that is the system itself appears once."""
        own = [self.run] if self.run else []
        return own + [run for run in self.baselines if not self.run or run.key != self.run.key]


def cell_path(out: Path, dataset: str, system: str) -> Path:
    """The path of the page of a cell."""
    return out / dataset / f"{system}.html"


def cell_page(cell: MatrixCell, *, out: Path, parameters: dict[str, Any], links: list[tuple[str, str]]) -> MatrixCell:
    """Write the page of a cell, also of a failed one: with the error and whatever baselines there are. Returns the cell
    with the path of its page.

    parameters: of the report, shown in the header. links: titles and addresses, relative to this page.
    """
    sections = [("comparison", "Comparison with the baselines", _comparison),
                ("strata", "Results by stratum", _strata), ("training", "Training", _training)]  # fmt: skip
    body, headings = "", []
    for anchor, heading, make in sections if cell.runs else ():
        if html := make(cell):
            headings.append((2, anchor, heading))
            body += f'<section id="{anchor}"><h2>{heading}</h2>{html}</section>'
    headings.append((2, "links", "Related pages and commands"))
    body += f'<section id="links"><h2>Related pages and commands</h2>{_links(cell, parameters, links)}</section>'
    name = f"How good is {cell.name}?"
    parameters = {**parameters, "dataset": cell.data_name, "system": cell.system}
    header = page_header(name, parameters, _provenance(cell), banner=_banner(cell))
    main = f'{table_of_contents(headings)}<main id="main">{body}</main>'
    path = cell_path(out, cell.dataset, cell.system)
    write_text(path, html_document(name, f'<div class="sheet with-contents">{header}{main}</div>'))
    return cell._replace(page=path)


def _provenance(cell: MatrixCell) -> dict[str, Any]:
    """The data and protocol of a cell, training time and versions."""
    info: dict[str, Any] = {}
    if cell.runs:
        split, protocol = cell.bench.split, cell.bench.protocol
        info = {"data": split.data_hash, "users": cell.bench.users, "items": split.n_items,
                "cases": len(split.test.targets), "split": protocol.split, "ties": protocol.ties,
                "history": "masked" if protocol.mask_history else "not masked"}  # fmt: skip
    trained = {"trained in": f"{cell.run.info['seconds']['fit']:.0f} s"} if cell.run else {}
    return info | trained | {"took": f"{cell.seconds:.0f} s"} | provenance()


def _banner(cell: MatrixCell) -> str:
    if cell.ok:
        return ""
    trace = f"<details><summary>traceback</summary><pre>{escape(cell.trace)}</pre></details>" if cell.trace else ""
    rest = "Only the baselines are shown." if cell.runs else "Nothing could be measured."
    return f"<strong>FAILED</strong>: {escape(cell.error)}. {rest}{trace}"


def _comparison(cell: MatrixCell) -> str:
    table = compare(cell.runs, metric=METRIC, comparisons=cell.comparisons)
    plots = [figures.plot_comparison(table, metric=METRIC), figures.plot_differences(table, metric=METRIC)]
    numbers = table_html(figures.table_comparison(table, metric=METRIC))
    missing = "".join(f"<li>{escape(name)}: {escape(error)}</li>" for name, error in cell.missing.items())
    missing = f'<p class="quiet">Baselines that failed on this dataset:</p><ul class="quiet">{missing}</ul>'
    return _summary(cell, table) + figures_html(plots) + numbers + (missing if cell.missing else "")


def _summary(cell: MatrixCell, table: pd.DataFrame) -> str:
    """One sentence on the system of the page; the titles of the figures name whichever system is best."""
    baseline = table["baseline"].iloc[0]
    if not cell.run or cell.run.label == baseline:
        return ""
    own = table.loc[cell.run.label]
    places = decimals(int(own["cases"]))
    bounds = f"[{own['low']:.{places}f}, {own['high']:.{places}f}]"
    verdict = own["verdict"].replace("the baseline", f"{baseline}, the best baseline")
    text = (f"{cell.run.label}: {METRIC} {own['mean']:.{places}f} {bounds}, {verdict}; paired difference to {baseline} "
            f"{figures.difference_text(own)}. {own['note'].capitalize()}").removesuffix(" ")
    return f"<p>{escape(text)}</p>"


def _strata(cell: MatrixCell) -> str:
    """Results by how often the target was seen in train, and by whether the transition to it was; or why not."""
    def by_transition():
        card = name_seeds(memorization_card(cell.bench, [], cell.runs), cell.runs)
        return cards.plot_memorization(card, metric=METRIC)

    return _figure_or_reason(lambda: contrast.plot_strata(cell.runs, metric=METRIC)) + _figure_or_reason(by_transition)


def _figure_or_reason(make: Callable[[], Any]) -> str:
    try:
        return figures_html([make()])
    except UserError as error:
        return f'<p class="quiet">Not drawn: {escape(str(error))}.</p>'


def _training(cell: MatrixCell) -> str:
    """The learning curve, and all settings of the network and of the training recipe."""
    if not cell.run:
        return ""
    recipe = cell.run.info["recipe"] if cell.run.curve else {}
    rows = pd.DataFrame(list((cell.run.info["settings"] | recipe).items()), columns=["setting", "value"])
    numbers = table_html(tables.table(rows.astype(str), index=False)) if len(rows) else ""
    return figures_html([figures.plot_learning_curve(cell.run)]) + numbers


def _links(cell: MatrixCell, parameters: dict[str, Any], links: list[tuple[str, str]]) -> str:
    """Links to the other pages, and commands for a report and an audit of the same system and data."""
    items = ((escape(title), escape(address, quote=True)) for title, address in links)
    items = "".join(f'<li><a href="{address}">{title}</a></li>' for title, address in items)
    options = f"--profile {parameters['profile']} --seed {parameters['seed']}"
    is_baseline = cell.run is not None and cell.run.info.get("family") == "baselines"
    report, audit = ("", "") if is_baseline else (f" --system {cell.system}", f" --systems {cell.system}")
    commands = escape(f"workbench report --dataset {cell.dataset}{report} {options}\n"
                      f"workbench audit --dataset {cell.dataset}{audit} {options}")  # fmt: skip
    return f"<ul>{items}</ul><p>Commands for further analysis, with the same options:</p><pre>{commands}</pre>"

"""One cell of a matrix: a system beside the floors on a dataset, as a page that opens anywhere."""
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.evaluate import compare
from workbench.experiment import Bench, Run
from workbench.experiment.audit.sections import METRIC, strata_card
from workbench.report.cell_outputs import drawn as plots
from workbench.report.cell_outputs import wide
from workbench.report.index import circumstances, top
from workbench.report.page_template import contents, page
from workbench.show import tables
from workbench.show.figures import audit as cards
from workbench.show.figures import compare as figures

KEPT = ["mean", "low", "high", "difference", "diff_low", "diff_high", "p"]  # columns of the table


class Cell(NamedTuple):
    """One dataset and one system, and how it went. code: 0 done, 130 interrupted, -1 not reached, else of the error.

    run: the trained system, None where it failed; floors: what stands beside it, as far as that could be made.
    missing: floors that could not, and why. trace: where an error came from, "" for what the user can mend.
    """

    dataset: str
    system: str
    code: int
    seconds: float = 0.0
    error: str = ""
    trace: str = ""
    bench: Bench | None = None
    run: Run | None = None
    floors: tuple[Run, ...] = ()
    missing: dict[str, str] = {}
    page: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.system} on {self.dataset}"

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def runs(self) -> list[Run]:
        """All that was measured; a floor that is the system itself stands there once."""
        own = [self.run] if self.run else []
        return own + [floor for floor in self.floors if not self.run or floor.key != self.run.key]


def place(out: Path, dataset: str, system: str) -> Path:
    """Where the page of a cell lies."""
    return out / dataset / f"{system}.html"


def cell_page(cell: Cell, *, out: Path, asked: dict[str, Any], beside: list[tuple[str, str]]) -> Cell:
    """Write the page of a cell, also of one that failed: with the error, and with the floors where there are any.

    asked: the facts of the sweep. beside: titles and addresses, from this page, of what it should link to.
    """
    sections = [("Compared", "Beside the floors", _compared), ("Strata", "By what a case asks for", _strata),
                ("Training", "How it was trained", _trained)]  # fmt: skip
    body, headings = "", []
    for anchor, heading, make in sections if cell.runs else ():
        if text := make(cell):
            headings.append((2, anchor.lower(), heading))
            body += f'<section id="{anchor.lower()}"><h2>{heading}</h2>{text}</section>'
    headings.append((2, "further", "Further"))
    body += f'<section id="further"><h2>Further</h2>{_further(cell, asked, beside)}</section>'
    name = f"How good is {cell.system} on {cell.dataset}?"
    head = top(name, {**asked, "dataset": cell.dataset, "system": cell.system}, _made(cell), banner=_banner(cell))
    html = place(out, cell.dataset, cell.system)
    write_text(html, page(name, f'<div class="sheet with-contents">{head}{contents(headings)}<main id="main">{body}'
                                "</main></div>"))  # fmt: skip
    return cell._replace(page=html)


def _made(cell: Cell) -> dict[str, Any]:
    """The data under a cell, its protocol, and how the page was made."""
    facts: dict[str, Any] = {}
    if cell.runs:
        split, protocol = cell.bench.split, cell.bench.protocol
        facts = {"data": split.data_hash, "users": cell.bench.users, "items": split.n_items,
                 "cases": len(split.test.targets), "split": protocol.split, "ties": protocol.ties,
                 "history": "masked" if protocol.mask_history else "not masked"}  # fmt: skip
    trained = {"trained in": f"{cell.run.info['seconds']['fit']:.0f} s"} if cell.run else {}
    return facts | trained | {"took": f"{cell.seconds:.0f} s"} | circumstances()


def _banner(cell: Cell) -> str:
    if cell.ok:
        return ""
    trace = f"<details><summary>traceback</summary><pre>{escape(cell.trace)}</pre></details>" if cell.trace else ""
    rest = "What follows are the floors alone." if cell.runs else "Nothing could be measured."
    return f"<strong>FAILED</strong>: {escape(cell.error)}. {rest}{trace}"


def _compared(cell: Cell) -> str:
    table = compare(cell.runs, metric=METRIC)
    drawn = [figures.comparison(table, metric=METRIC), figures.differences(table, metric=METRIC)]
    numbers = tables.table(table[KEPT])
    absent = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in cell.missing.items())
    absent = f'<p class="quiet">Floors that could not be counted here:</p><ul class="quiet">{absent}</ul>'
    return _said(cell, table) + plots(drawn) + wide(numbers) + (absent if cell.missing else "")


def _said(cell: Cell, table: pd.DataFrame) -> str:
    """One sentence on the system itself: the titles of the figures speak of whichever is best."""
    baseline = table["baseline"].iloc[0]
    if not cell.run or cell.run.label == baseline:
        return ""
    own, said = table.loc[cell.run.label], dict(zip(table.index, figures.verdicts(table)))[cell.run.label]
    ends = f"{own['difference']:+.4f} [{own['diff_low']:+.4f}, {own['diff_high']:+.4f}]"
    words = said.replace("the baseline", f"{baseline}, the best floor")
    text = f"{cell.run.label}: {METRIC} {own['mean']:.4f}, {words}; paired difference to {baseline} {ends}."
    return f"<p>{escape(text)}</p>"


def _strata(cell: Cell) -> str:
    """By how often the answer was seen in train, and by whether the step to it was; what cannot be said says why."""
    def steps():
        return cards.by_stratum(strata_card(cell.bench, [], cell.runs), metric=METRIC)

    return _or_why(lambda: figures.strata(cell.runs, metric=METRIC)) + _or_why(steps)


def _or_why(make: Callable[[], Any]) -> str:
    try:
        return plots([make()])
    except UserError as error:
        return f'<p class="quiet">Not drawn: {escape(str(error))}.</p>'


def _trained(cell: Cell) -> str:
    """The learning curve, and every setting of the network and the recipe."""
    if not cell.run:
        return ""
    recipe = cell.run.info["recipe"] if cell.run.curve else {}
    rows = pd.DataFrame(list((cell.run.info["settings"] | recipe).items()), columns=["setting", "here"])
    numbers = wide(tables.table(rows.astype(str), index=False)) if len(rows) else ""
    return plots([figures.curve(cell.run)]) + numbers


def _further(cell: Cell, asked: dict[str, Any], beside: list[tuple[str, str]]) -> str:
    """Links to the other pages, and the commands that ask more of the same system and data."""
    links = ((escape(title), escape(address, quote=True)) for title, address in beside)
    lines = "".join(f'<li><a href="{address}">{title}</a></li>' for title, address in links)
    same = f"--profile {asked['profile']} --seed {asked['seed']}"
    counted = cell.run is not None and cell.run.info.get("family") == "baselines"
    commands = [f"workbench report --dataset {cell.dataset}{'' if counted else f' --system {cell.system}'} {same}",
                f"workbench audit --dataset {cell.dataset}{'' if counted else f' --systems {cell.system}'} {same}"]
    return f"<ul>{lines}</ul><p>To ask more, with the same options:</p><pre>{escape(chr(10).join(commands))}</pre>"

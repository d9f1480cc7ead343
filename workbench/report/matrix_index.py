"""The front page of a matrix: a row a dataset, a column a system, in each place what was found or why nothing was."""
import base64
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.evaluate import compare
from workbench.experiment.audit.sections import METRIC
from workbench.report.index import circumstances, glance, link, names, top
from workbench.report.matrix_page import Cell
from workbench.report.page_template import page
from workbench.report.thumbnail import thumbnail
from workbench.show import svg_comparison
from workbench.show.figures.compare import headline, verdicts
from workbench.show.theme import shorten

SAID = {  # what may be said of a system against the best floor: a sign, and the colour it is shown in
    "above the baseline": ("▲ above the best floor", "good"), "below the baseline": ("▼ below the best floor", "bad"),
    "no difference shown": ("○ no difference shown", "quiet"), "baseline": ("◆ it is the best floor", "quiet"),
}  # fmt: skip
CAPTION = (
    f"{METRIC} on test with its 95 % interval. The best floor is the one that does best on these test cases. What is "
    "said of a system is paired by case against it and corrected for everything in its row, so it may say less than "
    "the page of the cell, which asks about that system alone. Rows are other data: numbers are not to be compared "
    "down a column."
)


def grid(cells: list[Cell], asked: dict[str, Any], out: Path) -> Path:
    """Write out/index.html over the cells of a matrix, those without a page and a result included."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.dataset, []).append(cell)
    tables = {dataset: _table(row) for dataset, row in rows.items()}
    columns = list(dict.fromkeys(cell.system for cell in cells))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ["dataset", "best floor", *columns])
    lines = "".join(_row(row, tables[dataset], out) for dataset, row in rows.items())
    body = (
        f'<section><h2>Every system on every dataset</h2><div class="wide"><table class="matrix"><thead><tr>{head}</tr>'
        f'</thead><tbody>{lines}</tbody></table></div><p class="quiet">{escape(CAPTION)}</p></section>'
        f"{''.join(_together(dataset, table) for dataset, table in tables.items())}{glance(_numbers(rows))}"
    )
    failed = [cell.name for cell in cells if not cell.ok and cell.error]
    took = sum(cell.seconds for cell in cells)
    made = {"cells": f"{sum(cell.ok for cell in cells)} of {len(cells)}", "took": f"{took:.0f} s", **circumstances()}
    head = top("Workbench report", asked, made, banner=f"<strong>FAILED</strong>: {names(failed)}" if failed else "")
    target = out / "index.html"
    write_text(target, page("Workbench report", f'<div class="sheet broad">{head}<main id="main">{body}</main></div>'))
    return target


def _runs(row: list[Cell]) -> list:
    """All runs on a dataset, each once."""
    return list({run.key: run for cell in row for run in cell.runs}.values())


def _table(row: list[Cell]) -> pd.DataFrame | None:
    """Everything measured on a dataset, compared; None where that cannot be done."""
    try:
        return compare(_runs(row), metric=METRIC)
    except UserError:  # nothing was measured
        return None


def _row(row: list[Cell], table: pd.DataFrame | None, out: Path) -> str:
    about, floor = "", "—"
    if (found := next((cell for cell in row if cell.runs), None)) is not None:
        split = found.bench.split
        about = (f"{found.bench.users:,} users, {split.n_items:,} items<br>{len(split.test.targets):,} test cases<br>"
                 f"data {escape(split.data_hash)}")  # fmt: skip
    if table is not None:
        best = table["baseline"].iloc[0]
        floor = f"{escape(best)}<br>{_number(table.loc[best])}"
    places = "".join(_place(cell, table, out) for cell in row)
    name = f'<th scope="row">{escape(row[0].dataset)}<br><span class="quiet">{about}</span></th>'
    return f"<tr>{name}<td>{floor}</td>{places}</tr>"


def _number(found: pd.Series) -> str:
    ends = f"[{found['low']:.4f}, {found['high']:.4f}]"
    return f'<strong>{found["mean"]:.4f}</strong> <span class="quiet">{ends}</span>'


def _place(cell: Cell, table: pd.DataFrame | None, out: Path) -> str:
    """One place of the table: the picture, the number and what may be said, or the error; a link to the page."""
    if cell.page is None:
        return '<td class="quiet">not reached</td>'
    address = link(cell.page, out)
    if not cell.ok:
        why = escape(shorten(cell.error, 160))
        return f'<td><a href="{address}" class="bad">failed</a><br><span class="quiet">{why}</span></td>'
    said, colour = SAID[dict(zip(table.index, verdicts(table)))[cell.run.label]]
    return (
        f'<td><a href="{address}">{thumbnail(cell.page)}{_number(table.loc[cell.run.label])}</a><br>'
        f'<span class="{colour}">{said}</span><br><span class="quiet">{cell.seconds:.0f} s</span></td>'
    )


def _together(dataset: str, table: pd.DataFrame | None) -> str:
    """All systems of a row side by side, as a picture that needs no script."""
    if table is None:
        return ""
    content = base64.b64encode(svg_comparison(table, metric=METRIC).encode()).decode()
    alt = escape(headline(table, METRIC, escaped=shorten), quote=True)
    drawn = f'<img alt="{alt}" src="data:image/svg+xml;base64,{content}">'
    return f"<section><h2>{escape(dataset)}</h2>{drawn}</section>"


def _numbers(rows: dict[str, list[Cell]]) -> dict[str, dict[str, float]]:
    """The metrics to look at first of every system on every dataset, best first within one."""
    return {
        f"{dataset}: {run.label}": {name: run.metrics[name] for name in (METRIC, "recall@10", "coverage@10")}
        for dataset, row in rows.items()
        for run in sorted(_runs(row), key=lambda run: -run.metrics[METRIC])
    }

"""The index page of a matrix: a row per dataset, a column per system, in each cell the result or the error."""
import base64
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.artifacts import write_text
from workbench.errors import UserError
from workbench.evaluate import compare
from workbench.evaluate.compare import ABOVE, BASELINE, BELOW, EVEN, RISING, UNDERTRAINED
from workbench.experiment.audit.sections import METRIC
from workbench.report.index import failure_banner, headline_section, link, page_header, provenance
from workbench.report.page_template import html_document
from workbench.report.several.matrix_page import MatrixCell
from workbench.report.summary.cover import NO_COVER, Cover
from workbench.report.thumbnail import thumbnail
from workbench.show.figures.compare import headline
from workbench.show.svg import svg_comparison
from workbench.show.theme import shorten

VERDICT_LABELS = {  # label and CSS class by the verdict of a paired comparison with the best baseline
    ABOVE: ("▲ above the best baseline", "good"),
    BELOW: ("▼ below the best baseline", "bad"),
    EVEN: ("○ no difference shown", "quiet"),
    BASELINE: ("◆ is the best baseline", "quiet"),
    UNDERTRAINED: (f"× no conclusion: {RISING}", "bad"),
}
CAPTION = (
    f"{METRIC} on the test set with its 95 % interval. The best baseline is the training-free baseline with the "
    "highest score on these test cases. Each system is compared with it case by case; a verdict is read off the 95 % "
    "interval of the difference, which holds for all comparisons of the row together and stands on the cell's page. "
    "Rows are different datasets, so do not compare numbers down a column."
)


def matrix_index(
    cells: list[MatrixCell], parameters: dict[str, Any], out: Path, *, cover: Cover = NO_COVER
) -> Path:
    """Write out/index.html over all cells of a matrix, also those that failed or were not reached; returns its path."""
    rows: dict[str, list[MatrixCell]] = {}
    for cell in cells:
        rows.setdefault(cell.data_name, []).append(cell)
    tables = {dataset: _table(row) for dataset, row in rows.items()}
    columns = list(dict.fromkeys(cell.system for cell in cells))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ["dataset", "best baseline", *columns])
    lines = "".join(_row(row, tables[dataset], out) for dataset, row in rows.items())
    body = (
        f'<section><h2>Every system on every dataset</h2><div class="wide"><table class="matrix"><thead><tr>{head}</tr>'
        f'</thead><tbody>{lines}</tbody></table></div><p class="quiet">{escape(CAPTION)}</p></section>'
        f"{''.join(_comparison_figure(dataset, table) for dataset, table in tables.items())}"
        f"{headline_section(_metrics(rows))}"
    )
    took = sum(cell.seconds for cell in cells)
    info = {"cells": f"{sum(cell.ok for cell in cells)} of {len(cells)}", "took": f"{took:.0f} s", **provenance()}
    banner = failure_banner([cell.name for cell in cells if not cell.ok and cell.error])
    parameters = parameters | {"datasets": list(rows)}
    header = page_header(cover.heading, parameters, info, banner=banner, below=cover.html())
    target = out / "index.html"
    sheet = f'<div class="sheet broad">{header}<main id="main">{body}</main></div>'
    write_text(target, html_document(cover.heading, sheet))
    return target


def _runs(row: list[MatrixCell]) -> list:
    """All runs on a dataset, without duplicates."""
    return list({run.key: run for cell in row for run in cell.runs}.values())


def _table(row: list[MatrixCell]) -> pd.DataFrame | None:
    """The comparison of all runs on a dataset; None if there is no run."""
    try:
        return compare(_runs(row), metric=METRIC, comparisons=max(cell.comparisons for cell in row))
    except UserError:  # no run
        return None


def _row(row: list[MatrixCell], table: pd.DataFrame | None, out: Path) -> str:
    data, baseline = "", "—"
    if (evaluated := next((cell for cell in row if cell.runs), None)) is not None:
        split = evaluated.bench.split
        data = (f"{evaluated.bench.users:,} users, {split.n_items:,} items<br>"
                f"{len(split.test.targets):,} test cases<br>data {escape(split.data_hash)}")  # fmt: skip
    if table is not None:
        best = table["baseline"].iloc[0]
        baseline = f"{escape(best)}<br>{_estimate(table.loc[best])}"
    results = "".join(_result(cell, table, out) for cell in row)
    name = f'<th scope="row">{escape(row[0].data_name)}<br><span class="quiet">{data}</span></th>'
    return f"<tr>{name}<td>{baseline}</td>{results}</tr>"


def _estimate(row: pd.Series) -> str:
    interval = f"[{row['low']:.4f}, {row['high']:.4f}]"
    return f'<strong>{row["mean"]:.4f}</strong> <span class="quiet">{interval}</span>'


def _result(cell: MatrixCell, table: pd.DataFrame | None, out: Path) -> str:
    """One cell of the table: thumbnail, metric and verdict, or the error, linked to the page of the cell."""
    if cell.page is None:
        return '<td class="quiet">not reached</td>'
    address = link(cell.page, out)
    if not cell.ok:
        reason = escape(shorten(cell.error, 160))
        return f'<td><a href="{address}" class="bad">failed</a><br><span class="quiet">{reason}</span></td>'
    verdict, css = VERDICT_LABELS[table["verdict"][cell.run.label]]
    return (
        f'<td><a href="{address}">{thumbnail(cell.page)}{_estimate(table.loc[cell.run.label])}</a><br>'
        f'<span class="{css}">{verdict}</span><br><span class="quiet">{cell.seconds:.0f} s</span></td>'
    )


def _comparison_figure(dataset: str, table: pd.DataFrame | None) -> str:
    """The comparison of all systems on a dataset as a static SVG."""
    if table is None:
        return ""
    content = base64.b64encode(svg_comparison(table, metric=METRIC).encode()).decode()
    alt = escape(headline(table, METRIC, escaped=shorten), quote=True)
    image = f'<img alt="{alt}" src="data:image/svg+xml;base64,{content}">'
    return f"<section><h2>{escape(dataset)}</h2>{image}</section>"


def _metrics(rows: dict[str, list[MatrixCell]]) -> dict[str, dict[str, float]]:
    """The main metrics of every system on every dataset, sorted by the first of them within a dataset."""
    return {
        f"{dataset}: {run.label}": {name: run.metrics[name] for name in (METRIC, "recall@10", "coverage@10")}
        for dataset, row in rows.items()
        for run in sorted(_runs(row), key=lambda run: -run.metrics[METRIC])
    }

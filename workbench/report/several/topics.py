"""The topics: a page for each notebook about a family of systems, and an index page."""
from pathlib import Path
from typing import Any

from workbench import notebooks
from workbench.errors import UserError
from workbench.notebooks import RunResult
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.run import interruption_wins
from workbench.progress import Progress
from workbench.report.index import index_page
from workbench.report.notebook_series import notebook_result
from workbench.report.outcome import INTERRUPTED, stops_when_full
from workbench.report.summary.cover import NO_COVER, Cover, add_head_line
from workbench.report.summary.data import with_dataset_name


@stops_when_full
def topics_report(
    parameters: dict[str, Any], *, out: Path, timeout: float = 600, cover: Cover = NO_COVER
) -> list[RunResult]:
    """Run the notebook of every topic: a page each and index.html in `out`; returns the pages that failed.

    parameters: of the notebooks, such as profile and seed; each takes those that it declares, and its own dataset where
    none is given. A page that fails stops no other; Ctrl-C stops the report. UserError if there are no topics.
    """
    paths = notebooks.topics()
    if not paths:
        raise UserError("there are no topics here: run from a checkout, or name a notebook with `run`")
    pages: list[RunResult] = []
    with Progress("report", len(paths), "pages") as progress:
        for path in paths:
            pages.append(notebook_result(path, parameters, out, timeout))
            with interruption_wins(pages[-1].code):
                if pages[-1].html:
                    add_head_line(pages[-1].html, cover)
                shown = anonymizer()(parameters)
                shown = with_dataset_name(shown) if "dataset" in shown else shown
                index_page(pages, out, {}, shown, [], cover=cover, planned=len(paths))
            progress.step(note=pages[-1].name)
            if pages[-1].code == INTERRUPTED:
                break
    return [page for page in pages if not page.ok]

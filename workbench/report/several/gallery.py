"""A gallery of systems: notebook 07 for each of them, and an index page."""
from pathlib import Path
from typing import Any

from workbench import systems as all_systems
from workbench.notebooks.anonymize import anonymizer
from workbench.notebooks.run import interruption_wins
from workbench.progress import Progress
from workbench.report.index import PageResult, index_page
from workbench.report.notebook_series import notebook_page
from workbench.report.outcome import INTERRUPTED, attempt, stops_when_full
from workbench.report.summary.cover import NO_COVER, Cover, add_head_line
from workbench.report.summary.data import with_dataset_name
from workbench.systems.built_in_worlds import WORLDS, world_of
from workbench.train.recipe import get_profile

NOTEBOOK = "07_read_a_system"


@stops_when_full
def gallery_report(
    systems: list[str], dataset: str, *, profile: str, seed: int = 0, options: dict | None = None, out: Path,
    timeout: float = 600, cover: Cover = NO_COVER,
) -> list[PageResult]:  # fmt: skip
    """Read every system on a dataset: a page each and index.html in `out`; returns the pages that failed.

    dataset: "" for that of the profile, or a built-in one where a system needs more, such as links of users. A page
    that fails stops no other; Ctrl-C stops the report, and the same call goes on from the stored runs. UserError for an
    unknown system, before anything is trained.
    """
    usual = get_profile(profile).dataset
    needed = {name: world_of(name) for name in systems}
    places = {name: dataset or (usual if world == WORLDS[()] else world) for name, world in needed.items()}
    parameters: dict[str, Any] = {"profile": profile, "seed": seed, "options": options or {}}
    pages: list[PageResult] = []
    with Progress("report", len(systems), "systems") as progress:
        for name, place in places.items():
            pages.append(_page(name, parameters | {"dataset": place, "system": name}, Path(out), timeout))
            with interruption_wins(pages[-1].code):
                if pages[-1].html:
                    add_head_line(pages[-1].html, cover, "../index.html")
                shown = with_dataset_name(anonymizer()(parameters | ({"dataset": dataset} if dataset else {})))
                index_page([], Path(out), {}, shown, pages, cover=cover, planned=len(systems))
            progress.step(note=name)
            if pages[-1].code == INTERRUPTED:
                break
    return [page for page in pages if not page.ok]


def _page(name: str, parameters: dict[str, Any], out: Path, timeout: float) -> PageResult:
    """The page of one system, in a folder of its own."""
    outcome = attempt(lambda: notebook_page(NOTEBOOK, parameters=parameters, out=out / name, timeout=timeout))
    title = all_systems.describe(name)
    if not outcome.ok:
        return PageResult(name, title, False, outcome.code, outcome.seconds, None, outcome.error)
    result = outcome.value
    return PageResult(name, title, result.ok, result.code, result.seconds, result.html, result.error)

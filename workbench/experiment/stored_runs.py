"""The runs in the store: all of them, and one made again."""
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.artifacts import MANIFEST, Store, current_store, using_store
from workbench.errors import UserError
from workbench.experiment.bench import open_bench
from workbench.experiment.run import Run
from workbench.places import temporary_folder

log = logging.getLogger("workbench")


def load_run(folder: Path | str, *, model: Any = None) -> Run:
    """A stored run; UserError if the folder is not one or was damaged. model: for a run of a model of one's own, an
    instance of its class, where this Python session has not trained it."""
    run = Run.load(folder, open_bench)
    if model is not None:
        from workbench.experiment.own_model import remember

        remember(run, model)
    return run


def stored_runs() -> list[Run]:
    """All intact runs in the store, oldest first; a damaged one is named in a warning."""
    manifests, runs = (current_store().root / "run").glob(f"[!.]*/{MANIFEST}"), []
    for path in sorted(manifests, key=lambda path: path.stat().st_mtime):
        try:
            runs.append(load_run(path.parent))
        except UserError as error:
            log.warning("left out: %s", error)
    return runs


def reproduce(run: Run) -> pd.DataFrame:
    """Train a run again from scratch, aside, and hold every metric against what it says: stored, again, equal."""
    system, name = (run.model(), run.system) if "own" in run.info else (run.system, "")
    with temporary_folder("workbench-again-") as folder, using_store(Store(Path(folder))):
        again = run.bench().fit(system, name=name, **run.info["changes"]).metrics
    table = pd.DataFrame({"stored": run.metrics, "again": again})
    return table.assign(equal=table["stored"] == table["again"])

"""What runs of policies and of observers have in common: a training session, and files that hold measures."""
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.artifacts import digest
from workbench.experiment.training import _environment, _learned
from workbench.train import Recipe
from workbench.train.fit import TrainingSession

MEASURE = "measure/"  # before the names of arrays in cases.npz


class Measured(NamedTuple):
    """measures: arrays by name, a value a case. cases: how many. about: more for metrics.json. seconds: likewise, of
    parts of the evaluation."""

    measures: dict[str, np.ndarray]
    cases: int
    about: dict[str, Any] = {}
    seconds: dict[str, float] = {}


def measured_run(
    bench: Any, inputs: dict, recipe: Recipe, model: Any, folder: Path, *, validate: Callable[[Any], dict[str, float]],
    evaluate: Callable[[], Measured], about: dict | None = None, command: str = "",
) -> None:  # fmt: skip
    """Train a model, evaluate it, and write metrics.json, state.safetensors and cases.npz into a folder; the others are
    as in `training.train_run`. Its state is that of before the evaluation, in which it may go on learning."""
    from safetensors.numpy import save as serialize

    from workbench.train.runtime import peak_memory

    checkpoints = bench.store.root / "checkpoints" / digest(inputs)[:24]
    commands = {"command": command} if command else {}
    session = TrainingSession(recipe, bench.seed, inputs["device"], validate, checkpoints, commands)
    started = time.monotonic()
    with peak_memory() as peak:
        curve, state = _learned(model, model.fit(bench.split, session))
    fitted, stored = time.monotonic(), serialize(state)
    found = evaluate()
    seconds = {
        "fit": fitted - started, "evaluate": time.monotonic() - fitted,
        "train": curve[-1].get("seconds", 0.0) if curve else 0.0,
    } | found.seconds  # fmt: skip
    info = inputs | (about or {}) | found.about | {
        "profile": bench.profile.name, "limits": bench.profile.dict(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "peak_memory_mb": peak["mb"] and round(peak["mb"], 1), "metrics": means(found.measures),
        "cases": found.cases, "curve": curve, "environment": _environment(),
    }  # fmt: skip
    (folder / "state.safetensors").write_bytes(stored)
    np.savez(folder / "cases.npz", **{MEASURE + name: values for name, values in found.measures.items()})
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(session.folder, ignore_errors=True)


def means(measures: dict[str, np.ndarray]) -> dict[str, float]:
    """The mean of each measure."""
    return {name: float(values.mean()) for name, values in measures.items()}

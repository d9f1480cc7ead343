"""How a run of an observer is made: train it on what comes before the first window, then predict and observe them."""
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from workbench.artifacts import digest
from workbench.evaluate.streams.events import Stream
from workbench.evaluate.streams.prequential import prequential, validation
from workbench.experiment.online.episodes import MEASURE
from workbench.experiment.training import _environment, _learned
from workbench.train import Recipe
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Observer


def observe_run(
    bench: Any, inputs: dict, recipe: Recipe, observer: Observer, folder: Path, *, about: dict | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Train and evaluate an observer, and write the files of a run, as `training.train_run`. The state is that before
    the first window. UserError as `prequential`."""
    from safetensors.numpy import save as serialize

    from workbench.train.runtime import peak_memory

    checkpoints = bench.store.root / "checkpoints" / digest(inputs)[:24]
    commands = {"command": command} if command else {}
    session = TrainingSession(recipe, bench.seed, inputs["device"], validation, checkpoints, commands)
    started = time.monotonic()
    with peak_memory() as peak:
        curve, state = _learned(observer, observer.fit(bench.split, session))
    fitted, stored = time.monotonic(), serialize(state)  # before anything is observed
    found = prequential(observer)
    info = inputs | (about or {}) | {
        "profile": bench.profile.name, "limits": bench.profile.dict(), "stream": described(observer.stream),
        "left_out": found.left_out,
        "seconds": {
            "fit": round(fitted - started, 3), "evaluate": round(time.monotonic() - fitted, 3),
            "train": round(curve[-1].get("seconds", 0.0), 3) if curve else 0.0,
        } | {name: round(seconds, 3) for name, seconds in found.seconds.items()},
        "peak_memory_mb": peak["mb"] and round(peak["mb"], 1),
        "metrics": {name: float(values.mean()) for name, values in found.measures.items()},
        "cases": observer.stream.windows, "curve": curve, "environment": _environment(),
    }  # fmt: skip
    (folder / "state.safetensors").write_bytes(stored)
    np.savez(folder / "cases.npz", **{MEASURE + name: values for name, values in found.measures.items()})
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(session.folder, ignore_errors=True)


def described(stream: Stream) -> dict[str, Any]:
    """What metrics.json says of a stream: its labels, their share of positives, and events by part."""
    windows = np.diff(stream.bounds)[stream.first :].tolist()
    events = {"train": len(stream.train.rows), "valid": len(stream.valid.rows), "windows": windows}
    return {"labels": stream.labelled, "positive": float(stream.labels.mean()), "events": events}

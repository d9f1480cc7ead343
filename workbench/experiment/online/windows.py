"""How a run of an observer is made: train it on what comes before the first window, then predict and observe them."""
from pathlib import Path
from typing import Any

import numpy as np

from workbench.evaluate.streams.events import Stream
from workbench.evaluate.streams.prequential import prequential, validation
from workbench.experiment.online.measured import Measured, measured_run
from workbench.train import Recipe
from workbench.verb_interfaces import Observer


def observe_run(
    bench: Any, inputs: dict, recipe: Recipe, observer: Observer, folder: Path, *, about: dict | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Train and evaluate an observer, and write the files of a run, as `training.train_run`. The state is that before
    the first window. UserError as `prequential`."""

    def evaluate() -> Measured:
        found, stream = prequential(observer), described(observer.stream)
        return Measured(found.measures, observer.stream.windows, {"stream": stream, "left_out": found.left_out},
                        found.seconds)  # fmt: skip

    measured_run(bench, inputs, recipe, observer, folder, validate=validation, evaluate=evaluate, about=about,
                 command=command)  # fmt: skip


def described(stream: Stream) -> dict[str, Any]:
    """What metrics.json says of a stream: its labels, their share of positives, and events by part."""
    windows = np.diff(stream.bounds)[stream.first :].tolist()
    events = {"train": len(stream.train.rows), "valid": len(stream.valid.rows), "windows": windows}
    return {"labels": stream.labelled, "positive": float(stream.labels.mean()), "events": events}

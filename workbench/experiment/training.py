"""How a run is made: train a recommender, evaluate it, and write the run's folder."""
import json
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from workbench.artifacts import digest
from workbench.errors import UserError
from workbench.interfaces import HasBeam, Retrieves
from workbench.train import Recipe, distributed

MONITORS = ("ndcg@10", "recall@10")


def train_run(
    bench: Any, inputs: dict, recipe: Recipe, recommender: Any, folder: Path, *, about: dict | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Train and evaluate a recommender, and write metrics.json, state.safetensors and cases.npz into a folder.

    inputs: what the run is stored by, with its system, settings and device. about: more for metrics.json. command: for
    the manifest of its checkpoints. UserError, before training, if the recommender cannot be evaluated.
    """
    from safetensors.numpy import save as serialize

    from workbench.evaluate import evaluate
    from workbench.evaluate.candidates import metrics_within
    from workbench.train.runtime import peak_memory

    split, session = bench.split, _session(bench, inputs, recipe, recommender, command)
    distributed.call()
    started = time.monotonic()
    with peak_memory() as peak:
        curve, state = _learned(recommender, recommender.fit(split, session))
    fitted = time.monotonic()
    evaluation = evaluate(recommender, split.test, split)
    evaluated, two_stages = time.monotonic(), isinstance(recommender, Retrieves) and recommender.retrieved > 0
    within = metrics_within(recommender, evaluation, split) if two_stages else {}
    info = inputs | (about or {}) | {
        "profile": bench.profile.name, "limits": bench.profile.dict(), "depth": evaluation.depth,
        "seconds": {
            "fit": round(fitted - started, 3), "evaluate": round(evaluated - fitted, 3),
            # of training steps only, over all resumptions
            "train": round(curve[-1].get("seconds", 0.0), 3) if curve else 0.0,
        },
        "peak_memory_mb": peak["mb"] and round(peak["mb"], 1),
        "metrics": evaluation.metrics(split.test, split) | within, "cases": len(split.test.histories), "curve": curve,
        "environment": _environment(),
    }
    (folder / "state.safetensors").write_bytes(serialize(state))
    arrays = {"ranks": evaluation.ranks, "groups": evaluation.groups, "offsets": evaluation.offsets}
    np.savez(folder / "cases.npz", **{name: array for name, array in arrays.items() if array is not None})
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(session.folder, ignore_errors=True)


def follow(bench: Any, inputs: dict, recipe: Recipe, recommender: Any) -> None:
    """Take part in a training that another process leads, and writes. UserError as `train_run`."""
    recommender.fit(bench.split, _session(bench, inputs, recipe, recommender, ""))


def _session(bench: Any, inputs: dict, recipe: Recipe, recommender: Any, command: str) -> Any:
    """The training session, which validates on as many cases as the recipe says. UserError if the recommender cannot be
    evaluated."""
    from workbench.evaluate import evaluate
    from workbench.evaluate.metrics import DEPTH
    from workbench.train.fit import TrainingSession

    split, depth = bench.split, min(DEPTH, bench.split.n_items)
    if isinstance(recommender, HasBeam) and recommender.beam < depth:
        raise UserError(f"beam={recommender.beam}: lists of {depth} are evaluated, so it must be that or more")
    n_valid = len(split.valid.histories)
    valid = split.valid.take(np.arange(min(recipe.valid_cases or n_valid, n_valid)))

    def validate(current: Any) -> dict[str, float]:
        evaluation = evaluate(current, valid, split, quiet=True)
        return {name: float(evaluation.per_case(name).mean()) for name in MONITORS}

    checkpoints = bench.store.root / "checkpoints" / digest(inputs)[:24]
    commands = {"command": command} if command else {}
    return TrainingSession(recipe, bench.seed, inputs["device"], validate, checkpoints, commands)


def _learned(recommender: Any, curve: Any) -> tuple[list[dict], dict[str, np.ndarray]]:
    """The learning curve as plain JSON, and the state. UserError where a recommender of one's own gives neither."""
    name = type(recommender).__name__
    if not isinstance(curve, list) or not all(isinstance(row, dict) and "epoch" in row for row in curve):
        raise UserError(f"{name}.fit returns the learning curve, a list of one dict per epoch such as {{'epoch': 1, "
                        f"'loss': 2.5}}, or [] where there are no epochs; given {curve!r:.60}", code=1)  # fmt: skip
    state = recommender.state()
    if not isinstance(state, dict) or not all(isinstance(array, np.ndarray) for array in state.values()):
        raise UserError(f"{name}.state returns a dict of numpy arrays by name, all that was learned", code=1)
    curve = json.loads(json.dumps(curve, default=float))  # numbers of numpy
    return curve, {name: np.ascontiguousarray(array) for name, array in state.items()}


def _environment() -> dict:
    """Versions of libraries and properties of the machine that can change numbers."""
    import torch

    import workbench
    from workbench.train.runtime import bf16_is_fast

    return {
        "workbench": workbench.__version__, "python": platform.python_version(), "torch": torch.__version__,
        "numpy": np.__version__, "threads": torch.get_num_threads(), "system": platform.system(),
        "machine": platform.machine(), "cores": os.cpu_count(),
        "fast_bf16_on_cpu": bf16_is_fast("cpu"),
    }

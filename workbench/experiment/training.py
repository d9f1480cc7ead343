"""How a run is made: build the recommender, train it, evaluate it, and write the run's folder."""
import json
import os
import platform
import shutil
import time
from pathlib import Path

import numpy as np

from workbench import systems
from workbench.artifacts import digest
from workbench.errors import UserError
from workbench.experiment.fit_command import fit_command
from workbench.train import Recipe

MONITORS = ("ndcg@10", "recall@10")


def train_run(bench, inputs: dict, recipe: Recipe, changes: dict, folder: Path) -> None:
    """Train and evaluate a system, and write metrics.json, state.safetensors and cases.npz into a folder.

    inputs: what the run is stored by, with its system, settings and device. changes: what differs from the defaults.
    UserError, before training, if the recommender cannot be evaluated.
    """
    from safetensors.numpy import save as serialize

    from workbench.evaluate import evaluate, per_case
    from workbench.evaluate.metrics import DEPTH
    from workbench.train.fit import TrainingSession

    split = bench.split
    recommender = bench.build(inputs["system"], **inputs["settings"])
    checkpoints = bench.store.root / "checkpoints" / digest(inputs)[:24]
    if (beam := getattr(recommender, "beam", DEPTH)) < min(DEPTH, split.n_items):
        raise UserError(f"beam={beam}: lists of {min(DEPTH, split.n_items)} are evaluated, so it must be that or more")

    n_valid = len(split.valid.targets)
    valid = split.valid.take(np.arange(min(recipe.valid_cases or n_valid, n_valid)))

    def validate(current) -> dict[str, float]:
        evaluation = evaluate(current, valid, split, quiet=True)
        return {name: float(per_case(name, evaluation.ranks, evaluation.groups).mean()) for name in MONITORS}

    started = time.monotonic()
    about = {"command": fit_command(bench, inputs["system"], changes)}
    session = TrainingSession(recipe, bench.seed, inputs["device"], validate, checkpoints, about)
    curve = recommender.fit(split, session)
    fitted = time.monotonic()
    evaluation = evaluate(recommender, split.test, split)
    evaluated = time.monotonic()
    info = inputs | {
        "family": systems.family(inputs["system"]), "changes": changes, "profile": bench.profile.name,
        "limits": bench.profile.dict(), "depth": evaluation.depth,
        "seconds": {
            "fit": round(fitted - started, 3), "evaluate": round(evaluated - fitted, 3),
            "train": round(curve[-1]["seconds"], 3) if curve else 0.0,  # of training steps only, over all resumptions
        },
        "metrics": evaluation.metrics(split.test, split), "cases": len(split.test.targets), "curve": curve,
        "environment": _environment(),
    }
    state = {name: np.ascontiguousarray(array) for name, array in recommender.state().items()}
    (folder / "state.safetensors").write_bytes(serialize(state))
    groups = {} if evaluation.groups is None else {"groups": evaluation.groups}
    np.savez(folder / "cases.npz", ranks=evaluation.ranks, **groups)
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(checkpoints, ignore_errors=True)


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

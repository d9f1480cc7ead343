"""How a stored run comes about: build, train, evaluate, write down."""
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
from workbench.train import Recipe

MONITORS = ("ndcg@10", "recall@10")


def train_run(bench, inputs: dict, recipe: Recipe, changes: dict, folder: Path) -> None:
    """Train, evaluate and fill a run's folder: metrics.json, state.safetensors, cases.npz.

    UserError where what was built cannot be evaluated, before it is trained.
    """
    from safetensors.numpy import save as packed

    from workbench.evaluate import evaluate, per_case
    from workbench.evaluate.metrics import DEPTH
    from workbench.train.fit import Session

    part = bench.split
    recommender = bench.build(inputs["system"], **inputs["settings"])
    checkpoints = bench.store.root / "checkpoints" / digest(inputs)[:24]
    if (beam := getattr(recommender, "beam", DEPTH)) < min(DEPTH, part.n_items):
        raise UserError(f"beam={beam}: lists of {min(DEPTH, part.n_items)} are evaluated, so it must be that or more")

    asked = part.valid.take(np.arange(min(recipe.valid_cases or len(part.valid.targets), len(part.valid.targets))))

    def validate(current) -> dict[str, float]:
        found = evaluate(current, asked, part, quiet=True)
        return {name: float(per_case(name, found.ranks, found.groups).mean()) for name in MONITORS}

    started = time.monotonic()
    curve = recommender.fit(part, Session(recipe, bench.seed, inputs["device"], validate, checkpoints))
    fitted = time.monotonic()
    found = evaluate(recommender, part.test, part)
    done = time.monotonic()
    info = inputs | {
        "family": systems.family(inputs["system"]), "changes": changes, "profile": bench.profile.name,
        "limits": bench.profile.dict(), "depth": found.depth,
        "seconds": {
            "fit": round(fitted - started, 3), "evaluate": round(done - fitted, 3),
            "train": round(curve[-1]["seconds"], 3) if curve else 0.0,  # of steps alone, over all resumptions
        },
        "metrics": found.metrics(part.test, part), "cases": len(part.test.targets), "curve": curve,
        "environment": _environment(),
    }
    state = {name: np.ascontiguousarray(array) for name, array in recommender.state().items()}
    (folder / "state.safetensors").write_bytes(packed(state))
    np.savez(folder / "cases.npz", ranks=found.ranks, **({} if found.groups is None else {"groups": found.groups}))
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(checkpoints, ignore_errors=True)


def _environment() -> dict:
    """Versions and the machine, as far as they move numbers."""
    import torch

    import workbench
    from workbench.train.runtime import fast_bf16

    return {
        "workbench": workbench.__version__, "python": platform.python_version(), "torch": torch.__version__,
        "numpy": np.__version__, "threads": torch.get_num_threads(), "system": platform.system(),
        "machine": platform.machine(), "cores": os.cpu_count(),
        "fast_bf16_on_cpu": fast_bf16("cpu"),
    }

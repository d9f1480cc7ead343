"""How a run of a policy is made: train it in episodes of train, then run those of test, one for each case."""
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from workbench.artifacts import digest
from workbench.evaluate.episodes.rollout import rollout
from workbench.experiment.training import _environment, _learned
from workbench.train import Recipe
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Policy

MEASURE = "measure/"  # before the names of arrays in cases.npz


def act_run(
    bench: Any, inputs: dict, recipe: Recipe, policy: Policy, folder: Path, *, about: dict | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Train and evaluate a policy, and write the files of a run, as `training.train_run`. Chance in the episodes of
    test is the same for every policy and every seed of training: episodes are paired. UserError as `rollout`."""
    from safetensors.numpy import save as serialize

    from workbench.train.runtime import peak_memory

    commands = {"command": command} if command else {}

    def validate(current: Policy) -> dict[str, float]:
        world = current.world("valid")
        n = min(recipe.valid_cases or world.n, world.n)
        return _means(rollout(current, world, episodes=np.arange(n), quiet=True))

    checkpoints = bench.store.root / "checkpoints" / digest(inputs)[:24]
    session = TrainingSession(recipe, bench.seed, inputs["device"], validate, checkpoints, commands)
    started = time.monotonic()
    with peak_memory() as peak:
        curve, state = _learned(policy, policy.fit(bench.split, session))
    fitted, measures = time.monotonic(), rollout(policy, policy.world("test"))
    info = inputs | (about or {}) | {
        "profile": bench.profile.name, "limits": bench.profile.dict(),
        "seconds": {
            "fit": round(fitted - started, 3), "evaluate": round(time.monotonic() - fitted, 3),
            "train": round(curve[-1].get("seconds", 0.0), 3) if curve else 0.0,
        },
        "peak_memory_mb": peak["mb"] and round(peak["mb"], 1), "metrics": _means(measures),
        "cases": len(measures["return"]), "curve": curve, "environment": _environment(),
    }  # fmt: skip
    (folder / "state.safetensors").write_bytes(serialize(state))
    np.savez(folder / "cases.npz", **{MEASURE + name: values for name, values in measures.items()})
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(session.folder, ignore_errors=True)


def _means(measures: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in measures.items()}

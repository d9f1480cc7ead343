"""How a run is made: build the recommender, train it, evaluate it, and write the run's folder."""
import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench import systems
from workbench.artifacts import digest
from workbench.data import datasets
from workbench.errors import UserError, check_names
from workbench.experiment.fit_command import fit_command
from workbench.train import RECIPE_FIELDS, Profile, Recipe, distributed, resolve_recipe

MONITORS = ("ndcg@10", "recall@10")
RUN_CODE = (
    "data", "losses", "nets", "train", "embed", "tokens", "decode.py", "evaluate", "recommenders",
    "experiment/bench.py", "experiment/training.py",
)  # fmt: skip


def run_inputs(bench, inputs: dict, recipe: Recipe) -> dict:
    """What a run is stored by: its own inputs, those of the bench, the recipe, and the device it is trained on."""
    from workbench.train.runtime import configure_runtime

    device = bench.device if bench.device != "auto" else bench.profile.device
    device = configure_runtime(device, threads=bench.profile.threads).type
    values = {name: value for name, value in asdict(recipe).items() if name != "sizes"}
    return bench.key | inputs | {"recipe": values, "device": device}


def training_plan(profile: Profile, system: str, changes: dict) -> tuple[dict, Recipe]:
    """The build keywords and the recipe of a system with a name: recipe < profile < changes. UserError for a name that
    is neither."""
    keywords = systems.keywords(system)
    check_names(f"setting of {system}", changes, [*keywords, *RECIPE_FIELDS])
    recipe = systems.load(system).RECIPE
    size = recipe.sizes.get(profile.size, {})
    recipe = replace(recipe, **{k: v for k, v in size.items() if k not in keywords})
    recipe = resolve_recipe(recipe, profile, {k: v for k, v in changes.items() if k not in keywords})
    settings = {k: v for k, v in (size | changes).items() if k in keywords}
    check_names("metric", [recipe.monitor], MONITORS)
    return systems.settings(system, **settings), recipe


def train_run(
    bench, inputs: dict, recipe: Recipe, changes: dict, folder: Path, *, build: Callable[[], Any] | None = None,
    about: dict | None = None,
) -> None:  # fmt: skip
    """Train and evaluate a system, and write metrics.json, state.safetensors and cases.npz into a folder.

    inputs: what the run is stored by, with its system, settings and device. changes: what differs from the defaults.
    build: makes the recommender of a model of one's own; None for a system with a name. about: more for metrics.json.
    UserError, before training, if the recommender cannot be evaluated.
    """
    from safetensors.numpy import save as serialize

    from workbench.evaluate import evaluate

    split = bench.split
    recommender, session = _prepared(bench, inputs, recipe, changes, build)
    distributed.call()
    started = time.monotonic()
    curve, state = _learned(recommender, recommender.fit(split, session))
    fitted = time.monotonic()
    evaluation = evaluate(recommender, split.test, split)
    evaluated = time.monotonic()
    family = "own" if build else systems.family(inputs["system"])
    info = inputs | (about or {}) | {
        "family": family, "changes": changes, "profile": bench.profile.name, "limits": bench.profile.dict(),
        "depth": evaluation.depth, "paths": datasets.file_paths(bench.options),
        "seconds": {
            "fit": round(fitted - started, 3), "evaluate": round(evaluated - fitted, 3),
            # of training steps only, over all resumptions
            "train": round(curve[-1].get("seconds", 0.0), 3) if curve else 0.0,
        },
        "metrics": evaluation.metrics(split.test, split), "cases": len(split.test.targets), "curve": curve,
        "environment": _environment(),
    }
    (folder / "state.safetensors").write_bytes(serialize(state))
    groups = {} if evaluation.groups is None else {"groups": evaluation.groups}
    np.savez(folder / "cases.npz", ranks=evaluation.ranks, **groups)
    (folder / "metrics.json").write_text(json.dumps(info, indent=1))
    shutil.rmtree(session.folder, ignore_errors=True)


def follow(bench, inputs: dict, recipe: Recipe, *, build: Callable[[], Any] | None = None) -> None:
    """Take part in a training that another process leads, and writes. UserError as `train_run`."""
    recommender, session = _prepared(bench, inputs, recipe, {}, build)
    recommender.fit(bench.split, session)


def _prepared(bench, inputs: dict, recipe: Recipe, changes: dict, build: Callable[[], Any] | None) -> tuple:
    """The untrained recommender and its training session. UserError if it cannot be evaluated."""
    from workbench.evaluate import evaluate, per_case
    from workbench.evaluate.metrics import DEPTH
    from workbench.train.fit import TrainingSession

    split = bench.split
    recommender = build() if build else bench.build(inputs["system"], **inputs["settings"])
    if (beam := getattr(recommender, "beam", DEPTH)) < min(DEPTH, split.n_items):
        raise UserError(f"beam={beam}: lists of {min(DEPTH, split.n_items)} are evaluated, so it must be that or more")
    n_valid = len(split.valid.targets)
    valid = split.valid.take(np.arange(min(recipe.valid_cases or n_valid, n_valid)))

    def validate(current) -> dict[str, float]:
        evaluation = evaluate(current, valid, split, quiet=True)
        return {name: float(per_case(name, evaluation.ranks, evaluation.groups).mean()) for name in MONITORS}

    folder = bench.store.root / "checkpoints" / digest(inputs)[:24]
    command = {} if build else {"command": fit_command(bench, inputs["system"], changes)}
    return recommender, TrainingSession(recipe, bench.seed, inputs["device"], validate, folder, command)


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

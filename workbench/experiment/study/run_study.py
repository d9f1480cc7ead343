"""`workbench study`: train a system, its parent, its placebo and the baselines, and say what its idea is worth."""
import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench import systems
from workbench.artifacts import write_text
from workbench.errors import UserError, check_names, is_integer
from workbench.evaluate.intervals import estimate_difference, estimate_mean
from workbench.evaluate.metrics import check_depth
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.experiment.stored_runs import load_run
from workbench.experiment.study.arms import OFF, ON, PLACEBO, Arm, arms_of
from workbench.experiment.study.cost import cost_ratios, cost_sentence
from workbench.experiment.study.fits import plan_fit, run_fits
from workbench.experiment.study.verdict import Difference, answer, verdict
from workbench.places import check_file
from workbench.systems.catalogue import entry
from workbench.systems.evidence import code_of

BASELINE = "baseline"
COLUMNS = {  # of the table, and what the JSON calls them
    "mean": "mean", "low": "95 % from", "high": "95 % to", "cases": "cases", "seeds": "seeds", "epochs": "epochs",
    "seconds": "seconds", "peak_memory_mb": "peak memory (MB)", "error": "error",
}  # fmt: skip


@dataclass(frozen=True)
class Study:
    """The trained arms of a study. runs: of each arm, one per seed. errors: of the arms that have none."""

    bench: Bench
    system: str
    arms: tuple[Arm, ...]
    runs: dict[str, list[Run]]
    errors: dict[str, str]
    metric: str

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """Of each arm, the metric per seed and case: (S, C)."""
        return {arm: np.stack([run.per_case(self.metric) for run in runs]) for arm, runs in self.runs.items()}

    @property
    def best_baseline(self) -> str:
        """The training-free baseline with the best mean; "" where all failed."""
        rules = [name for name in self.values if name not in (ON, OFF, PLACEBO)]
        return max(rules, key=lambda name: self.values[name].mean(), default="")

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """On minus off, placebo and the best baseline ("baseline"), as far as they were trained."""
        others = {OFF: OFF, PLACEBO: PLACEBO, BASELINE: self.best_baseline}
        return {name: Difference.of(estimate_difference(self.values[ON], self.values[arm]))
                for name, arm in others.items() if ON in self.values and arm in self.values}  # fmt: skip

    @property
    def why_no_conclusion(self) -> str:
        """Why nothing follows: an arm that failed, or one that was cut off in training; else ""."""
        failed = [f"{arm} failed ({error})" for arm, error in self.errors.items() if arm in (ON, OFF, PLACEBO)]
        rising = [arm for arm, runs in self.runs.items() if any(run.still_rising for run in runs)]
        return "; ".join(failed + [f"validation of {arm} still rose when training stopped" for arm in rising])

    @property
    def verdict(self) -> tuple[str, str]:
        """The verdict (`verdict.VERDICTS`) and a sentence with its figures."""
        return verdict(self.differences, why_not=self.why_no_conclusion)

    @property
    def claim(self) -> tuple[str, str]:
        """What the paper of the system claims, as its file has it, and what this study says of that."""
        claim = entry(self.system).claim
        return claim, answer(claim, *self.verdict)

    @property
    def table(self) -> pd.DataFrame:
        """One row per arm: mean with its 95 % interval, cases, seeds, epochs, seconds of training and peak memory, or
        its error."""
        rows = {arm: {COLUMNS[name]: value for name, value in row.items() if name in COLUMNS}
                for arm, row in self.rows().items()}  # fmt: skip
        for row in rows.values():
            row["epochs"] = ", ".join(map(str, row.get("epochs", [])))
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")

    def rows(self) -> dict[str, dict[str, Any]]:
        """What the JSON says of each arm; of one that failed its error."""
        return {arm.name: self._row(arm.name) for arm in self.arms}

    def _row(self, arm: str) -> dict[str, Any]:
        if arm in self.errors:
            return {"error": self.errors[arm]}
        runs, estimate = self.runs[arm], estimate_mean(self.values[arm])
        low, high = estimate.interval()
        seconds = float(np.median([run.info["seconds"]["fit"] for run in runs]))
        memory = [run.info["peak_memory_mb"] for run in runs if run.info.get("peak_memory_mb") is not None]
        return {
            "mean": estimate.mean, "low": low, "high": high, "cases": estimate.cases, "seeds": len(runs),
            "per_seed": self.values[arm].mean(axis=1).tolist(),
            "epochs": [run.training["epochs"] for run in runs], "still_rising": any(run.still_rising for run in runs),
            "seconds": seconds, "peak_memory_mb": float(np.median(memory)) if memory else None,
        }  # fmt: skip

    def cost(self) -> dict[str, float | None]:
        """Seconds of training and peak memory of on, as ratios to off; None where off is missing or a figure is, or is
        too small to measure (`cost.MEASURABLE`)."""
        rows = self.rows()
        return cost_ratios(rows[ON], rows.get(OFF, {}))

    @property
    def cost_sentence(self) -> str:
        """The ratios in words, "" without an off switch."""
        rows = self.rows()
        return cost_sentence(rows[ON], rows.get(OFF, {}))

    def dict(self) -> dict[str, Any]:
        """All of it as JSON values, as `save` writes it."""
        own, bench = entry(self.system), self.bench
        info = next(iter(self.runs.values()))[0].info if self.runs else {}
        on = self.runs[ON][0].info if ON in self.runs else {}
        decided, sentence = self.verdict
        return {
            "system": self.system, "dataset": bench.name, "options": bench.key["options"],
            "profile": bench.profile.name,
            "protocol": bench.protocol.dict(), "data_hash": bench.split.data_hash, "users": bench.users,
            "metric": self.metric, "seeds": [run.info["seed"] for run in self.runs.get(ON, [])],
            "settings": on.get("settings", {}), "recipe": on.get("recipe", {}), "parent": own.parent, "off": own.off,
            "placebo": own.placebo, "rows": self.rows(), "best_baseline": self.best_baseline,
            "differences": {f"on - {name}": difference._asdict() for name, difference in self.differences.items()},
            "cost": self.cost(), "cost_sentence": self.cost_sentence, "verdict": decided, "sentence": sentence,
            "claim": own.claim, "answer": self.claim[1], "reported": own.reported,
            "code": systems.code(self.system, on.get("settings")),
            "stands_on": code_of(self.system, on.get("settings")), "environment": info.get("environment", {}),
            "made": time.strftime("%Y-%m-%d", time.gmtime()),
        }

    def save(self, path: Path | str) -> Path:
        """Write `dict` as JSON; returns the path. UserError when it cannot be written."""
        write_text(Path(path), json.dumps(_rounded(self.dict()), indent=1) + "\n")
        return Path(path)


def study(
    bench: Bench, system: str, *, seeds: int = 3, jobs: int = 1, cluster: str = "", metric: str = "",
    out: Path | str = "", **changes: Any,
) -> Study:  # fmt: skip
    """Train a system, the same with its idea off, its placebo and the training-free baselines, with equal budgets.

    seeds: of every trained arm, from the bench's seed on. jobs: trainings at a time on this machine. cluster: address
    of a Dask scheduler instead, whose workers share the store's folder. metric: by default that of the system's family.
    changes: settings and recipe fields of all three arms. out: a JSON file for the result. Runs are stored as they
    finish, so the same call resumes a stopped one; a training that fails is a row with its error. UserError for a wrong
    name or number, or data that the system cannot read, before anything is trained.
    """
    check_names("system", [system], systems.names())
    if metric and systems.kind(system).verb not in ("act", "observe", "prescribe"):
        check_depth(metric, None, system)
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if not is_integer(value, 1):
            raise UserError(f"{name} must be a whole number of at least 1, not {value!r}")
    if out:
        check_file(Path(out), ".json")
    arms = arms_of(system, changes, seeds)
    bench.plan(system, **changes)
    bench.split  # noqa: B018  read once, before the workers do
    plans = [(arm.name, plan_fit(bench, arm.system, arm.changes, bench.seed + n)) for arm in arms
             for n in range(arm.seeds)]  # fmt: skip
    runs: dict[str, list[Run]] = {}
    errors: dict[str, str] = {}
    fits = run_fits([plan for _, plan in plans], jobs=jobs, cluster=cluster, readable=True)
    for (arm, plan), fitted in zip(plans, fits, strict=True):
        if fitted.error:
            errors.setdefault(arm, f"seed {plan.seed}: {fitted.error}")
        else:
            runs.setdefault(arm, []).append(load_run(fitted.folder))
    runs = {arm: own for arm, own in runs.items() if arm not in errors}
    result = Study(bench, system, tuple(arms), runs, errors, metric or systems.kind(system).metric)
    if out:
        result.save(out)
    return result


def _rounded(value: Any) -> Any:
    """Floats to seven digits, so that files differ where results do."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(value, 7) if isinstance(value, float) else value

"""Policies that follow returns, learned from real sessions of a log and asked what was shown in its later days."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UserError
from workbench.evaluate.intervals import estimate_difference, mean_interval
from workbench.recommenders.sessions.following_returns import FollowingReturns
from workbench.recommenders.sessions.logged_days import (
    by_popularity,
    fit_logged,
    logged_trajectories,
    teacher_forced,
)
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train.fit import TrainingSession

ARMS = {"behaviour_cloning": ("behaviour_cloning", {}), "dt4ier": ("dt4ier", {}),
        "dt4ier, shuffled returns": ("dt4ier", {"shuffled": True}), "tadt_csa": ("tadt_csa", {})}  # fmt: skip


def on_logged_sessions(
    bench: Any, names: tuple[str, ...] = tuple(ARMS), *, days: tuple[int, int, int] = (4, 10, 15), horizon: int = 20,
    hours: float = 8.0, **changes: Any,
) -> pd.DataFrame:  # fmt: skip
    """One row per policy: recall@20, ndcg@20 and log_p of what was logged on later days, told what was logged before
    and the true returns; with 95 % intervals, and the difference of log_p from behaviour_cloning's.

    names: of ARMS. days: from the first of the log, where train begins, where test begins, and where it ends; the
    profile of a user is of the days before. hours: of the place to UTC. changes: settings and recipe fields of all.
    Returns are true ones, so what is better by them is told something of the future; with those of others in training
    (shuffled) it has not learned to listen. UserError as `logged_trajectories`, or for another name.
    """
    if strange := [name for name in names if name not in ARMS]:
        raise UserError(f"{', '.join(strange)} learn from no logged sessions; those that do are {', '.join(ARMS)}")
    start, middle, end = days
    worlds, dataset = SessionWorlds(bench, horizon=horizon), bench.dataset
    train = logged_trajectories(worlds, dataset, start=start, end=middle, hours=hours)
    test = logged_trajectories(worlds, dataset, start=middle, end=end, hours=hours)
    found = {"popularity": by_popularity(train, test, bench.split.n_items)}
    for name in names:
        system, settings = ARMS[name]
        keywords, recipe = bench.plan(system, horizon=horizon, **settings, **changes)
        policy: FollowingReturns = bench.build(system, **keywords)
        fit_logged(policy, train, TrainingSession(recipe, bench.seed, "cpu", None))
        found[name] = teacher_forced(policy, test)
    rows = {name: _row(values, found.get("behaviour_cloning")) for name, values in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _row(values: dict[str, np.ndarray], cloning: dict[str, np.ndarray] | None) -> dict[str, float]:
    row: dict[str, float] = {"trajectories": len(values["log_p"])}
    for name, each in values.items():
        row[name] = float(each.mean())
        row[f"{name} low"], row[f"{name} high"] = mean_interval(each)
    if cloning is not None:
        difference = estimate_difference(values["log_p"], cloning["log_p"])
        row["log_p gained"], (low, high) = difference.mean, difference.interval()
        row["gained low"], row["gained high"] = low, high
    return row

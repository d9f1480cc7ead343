"""The conclusion of a report in one or two sentences, read off the intervals that its pages show."""
from typing import Any

from workbench.evaluate.compare import ABOVE, BELOW
from workbench.evaluate.intervals import decimals

NOTHING = "No conclusion: the page that compares the systems (06_compare_systems) has no result."


def conclusion(glued: dict[str, Any]) -> str:
    """The sentences that a comparison supports: the best trained system against the best training-free baseline.

    glued: what notebook 06 recorded: `comparison`, the rows of evaluate.compare; `training`, `Run.training` by label;
    and `metric`. Nothing is concluded while the validation score of a trained system still rose.
    """
    rows, training = {row["system"]: row for row in glued.get("comparison", [])}, glued.get("training", {})
    if not rows:
        return NOTHING
    metric, n = glued.get("metric", "ndcg@10"), max((each["cases"] for each in training.values()), default=0)
    baseline = rows[next(iter(rows.values()))["baseline"]]
    trained = [row for name, row in rows.items() if not training.get(name, {}).get("baseline", True)]
    if not trained:
        return _alone(baseline, metric, n)
    best = max(trained, key=lambda row: row["mean"])
    rising = [row["system"] for row in trained if training[row["system"]]["still_rising"]]
    return _unfinished(rising, training, best, baseline, metric, n) if rising else _against(best, baseline, metric, n)


def _users(n: int) -> str:
    return f"{n:,} test users" if n else "the test users"


def _difference(row: dict[str, Any], n: int) -> str:
    low, high, difference = (_score(row[name], n, "+") for name in ("diff_low", "diff_high", "difference"))
    return f"difference {difference} (95 % interval {low} to {high}, {_users(n)})"


def _score(value: float, n: int, sign: str = "") -> str:
    """A score over n test users, 0 for unknown, with the decimals that they bear."""
    return f"{value:{sign}.{decimals(n) if n else 4}f}"


def _alone(baseline: dict[str, Any], metric: str, n: int) -> str:
    return (f"Only training-free baselines were compared: {baseline['system']} is best, with {metric} "
            f"{_score(baseline['mean'], n)} (95 % interval {_score(baseline['low'], n)} to "
            f"{_score(baseline['high'], n)}, {_users(n)}).")  # fmt: skip


def _against(best: dict[str, Any], baseline: dict[str, Any], metric: str, n: int) -> str:
    name, other = best["system"], baseline["system"]
    scores = f"{metric} {_score(best['mean'], n)} of {name} against {_score(baseline['mean'], n)} of {other}"
    measured = f"{scores}, {_difference(best, n)}"
    once = f" Of {name} there is {best['note']}." if best["note"] else ""
    if best["verdict"] == ABOVE:
        return f"{name} is better than {other}, the best training-free baseline: {measured}.{once}"
    if best["verdict"] == BELOW:
        return f"{other}, a training-free baseline, is better than {name}, the best trained system: {measured}.{once}"
    return (f"{name}, the best trained system, and {other}, the best training-free baseline, cannot be told apart: "
            f"{measured}. More test users would be needed to decide.{once}")  # fmt: skip


def _unfinished(rising: list[str], training: dict[str, dict], best: dict[str, Any], baseline: dict[str, Any],
                metric: str, n: int) -> str:  # fmt: skip
    names = ", ".join(f"{name} ({training[name]['epochs']} epochs)" for name in rising)
    return (
        f"No conclusion: when training stopped, the validation score was still rising for {names}, so longer training "
        f"may change the result. At that point {best['system']} had {metric} {_score(best['mean'], n)} and "
        f"{baseline['system']}, the best training-free baseline, {_score(baseline['mean'], n)}: {_difference(best, n)}."
    )

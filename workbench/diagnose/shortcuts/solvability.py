"""Shortcut solvability index (SSI): the share of the best model's score that a training-free heuristic reaches
(after arXiv:2605.07125)."""
import numpy as np
import pandas as pd

from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError, check_names
from workbench.evaluate.bootstrap import ratio_of_means

ByName = dict[str, np.ndarray]
POPULARITY, PERMUTED = "popularity", "permuted graph"
NULLS = {
    POPULARITY: "ranking by popularity",
    PERMUTED: "the heuristic on a train graph with permuted item ids",
}


def solvability(
    heuristics: ByName, models: ByName, *, nulls: ByName | None = None, valid: dict[str, float] | None = None,
    metric: str = "ndcg@10", seed: int = 0,
) -> Card:  # fmt: skip
    """SSI, the metric of the best heuristic divided by that of the best model, with a paired bootstrap over cases.

    heuristics, models, nulls: by name, (C,) per-case values of the metric on the same cases. nulls: "popularity" and
    "permuted graph", each also a figure of its own; the higher ratio is the null of SSI. valid: the metric of
    heuristics and models on validation cases, by which the best of each side is selected; without it selection uses
    the test cases, which favours the side with more candidates. The interval is over cases, not over training seeds.

    Table `solvability`, one row per system: side, the metric, its ratio to the best model (share, low, high), and
    whether it is the best of its side. UserError if a side is empty, sides differ in cases, validation lacks a name, or
    the best model scores 0.
    """
    sides = {"heuristic": heuristics, "model": models, "null": nulls or {}}
    _check(sides, valid)
    chosen = {side: _best(sides[side], valid) for side in ("heuristic", "model")}
    base, n = models[chosen["model"]], len(models[chosen["model"]])
    rows = {}
    for side in ("null", "heuristic", "model"):  # popularity may be both a null and a heuristic
        for name, values in sides[side].items():
            ratio, low, high = ratio_of_means(values, base, seed=seed)
            rows[name] = {"side": side, metric: float(values.mean()), "share": ratio, "low": low, "high": high,
                          "best": chosen.get(side) == name}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")
    null_ratios = {name: table["share"][name] for name in sides["null"]}
    highest = max(null_ratios, key=null_ratios.get, default="")
    selection = "validation cases" if valid else "the test cases"
    figures = [_figure("SSI", table.loc[chosen["heuristic"]], n, null_ratios.get(highest, np.nan), (
        f"Shortcut solvability index: {metric} of {chosen['heuristic']} divided by that of {chosen['model']}, each the "
        f"best of its side on {selection}" + (f"; null: {NULLS[highest]}." if highest else "."))
    )]  # fmt: skip
    figures += [
        _figure(f"SSI {name}", table.loc[name], n, np.nan, f"{metric} of {NULLS[name]}, divided by that of the model.")
        for name in null_ratios
    ]
    return Card(tuple(figures), {"solvability": table})


def _check(sides: dict[str, ByName], valid: dict[str, float] | None) -> None:
    check_names("null of solvability", sides["null"], list(NULLS))
    names = [*sides["heuristic"], *sides["model"]]
    if not sides["heuristic"] or not sides["model"]:
        raise UserError("solvability needs at least one heuristic and one model")
    if len(set(names)) < len(names):
        raise UserError(f"a name is on two sides: {', '.join(sorted(names))}")
    counts = {len(values) for side in sides.values() for values in side.values()}
    if len(counts) > 1:
        raise UserError(f"the sides differ in cases ({', '.join(map(str, sorted(counts)))}), so they cannot be paired")
    if valid is not None and (lacking := [name for name in names if name not in valid]):
        raise UserError(f"no validation value of {', '.join(lacking)}")


def _best(values: ByName, valid: dict[str, float] | None) -> str:
    return max(values, key=lambda name: values[name].mean() if valid is None else valid[name])


def _figure(name: str, row: pd.Series, n: int, null: float, note: str) -> Figure:
    direction = "" if np.isnan(null) else "above"
    return Figure(name, float(row["share"]), float(row["low"]), float(row["high"]), float(null), direction, n, note)

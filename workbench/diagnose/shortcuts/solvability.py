"""How much of the best model's score a rule without training reaches: shortcut solvability (after arXiv:2605.07125)."""
import numpy as np
import pandas as pd

from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError, check_names
from workbench.evaluate.bootstrap import share

ByName = dict[str, np.ndarray]
POPULARITY, PERMUTED = "popularity", "permuted graph"
FLOORS = {
    POPULARITY: "recommending what is popular",
    PERMUTED: "the heuristic on a train graph whose items exchanged their names",
}


def solvability(
    heuristics: ByName, models: ByName, *, nulls: ByName | None = None, valid: dict[str, float] | None = None,
    metric: str = "ndcg@10", seed: int = 0,
) -> Card:  # fmt: skip
    """SSI, the metric of the best heuristic over that of the best model, with a paired bootstrap over cases.

    heuristics, models, nulls: by name, (C,) values of the metric, of the same cases. nulls: "popularity" and "permuted
    graph", each also given as a figure of its own; the higher of their shares is the null value of SSI. valid: the
    metric of heuristics and models on validation cases, by which the best of each side is chosen; without it they are
    chosen by the same cases as they are measured on, which favours the side with more to choose from. The interval is
    over cases: another seed of a trained model may differ by more.

    The table "solvability" has a row a system: side, the metric, its share of the best model's, low, high, and whether
    it is the best of its side. UserError where a side is empty, sides differ in cases, validation lacks a name, or the
    best model finds nothing.
    """
    sides = {"heuristic": heuristics, "model": models, "null": nulls or {}}
    _check(sides, valid)
    chosen = {side: _best(sides[side], valid) for side in ("heuristic", "model")}
    base, n = models[chosen["model"]], len(models[chosen["model"]])
    rows = {}
    for side in ("null", "heuristic", "model"):  # popularity may be both a null and a heuristic
        for name, values in sides[side].items():
            part, low, high = share(values, base, seed=seed)
            rows[name] = {"side": side, metric: float(values.mean()), "share": part, "low": low, "high": high,
                          "best": chosen.get(side) == name}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")
    floors = {name: table["share"][name] for name in sides["null"]}
    highest = max(floors, key=floors.get, default="")
    how = "validation cases" if valid else "the cases they are measured on"
    figures = [_figure("SSI", table.loc[chosen["heuristic"]], n, floors.get(highest, np.nan), (
        f"The {metric} of {chosen['heuristic']} over that of {chosen['model']}, each the best of its side on {how}"
        + (f", where {FLOORS[highest]} has the null value." if highest else "."))
    )]  # fmt: skip
    figures += [
        _figure(f"SSI {name}", table.loc[name], n, np.nan, f"The {metric} of {FLOORS[name]}, over that of the model.")
        for name in floors
    ]
    return Card(tuple(figures), {"solvability": table})


def _check(sides: dict[str, ByName], valid: dict[str, float] | None) -> None:
    check_names("null of solvability", sides["null"], list(FLOORS))
    asked = [*sides["heuristic"], *sides["model"]]
    if not sides["heuristic"] or not sides["model"]:
        raise UserError("solvability needs at least one heuristic and one model")
    if len(set(asked)) < len(asked):
        raise UserError(f"a name is on two sides: {', '.join(sorted(asked))}")
    counts = {len(values) for found in sides.values() for values in found.values()}
    if len(counts) > 1:
        raise UserError(f"the sides differ in cases ({', '.join(map(str, sorted(counts)))}), so they cannot be paired")
    if valid is not None and (lacking := [name for name in asked if name not in valid]):
        raise UserError(f"no validation value of {', '.join(lacking)}")


def _best(found: ByName, valid: dict[str, float] | None) -> str:
    return max(found, key=lambda name: found[name].mean() if valid is None else valid[name])


def _figure(name: str, row: pd.Series, n: int, null: float, note: str) -> Figure:
    toward = "" if np.isnan(null) else "above"
    return Figure(name, float(row["share"]), float(row["low"]), float(row["high"]), float(null), toward, n, note)

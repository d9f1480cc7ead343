"""Shortcut solvability index (SSI): the share of the best model's score that a training-free heuristic reaches
(after arXiv:2605.07125)."""
import numpy as np
import pandas as pd

from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError, check_names
from workbench.evaluate.bootstrap import ratio_of_means_over_seeds

ByName = dict[str, np.ndarray]
POPULARITY, PERMUTED = "popularity", "permuted graph"
NULLS = {
    POPULARITY: "ranking by popularity",
    PERMUTED: "the heuristic on a train graph with permuted item ids",
}


def solvability(
    heuristics: ByName, models: ByName, *, nulls: ByName | None = None, valid: dict[str, float] | None = None,
    seeds: dict[str, list[int]] | None = None, metric: str = "ndcg@10", seed: int = 0,
) -> Card:  # fmt: skip
    """SSI, the metric of the best heuristic divided by that of the best model, with a paired bootstrap over cases and
    over training seeds, crossed.

    heuristics, models, nulls: by name, (C,) per-case values of the metric on the same cases, or (S, C), a row for each
    training seed. seeds: by name of a model, its training seeds, in the order of its rows; by default 0, 1, ... nulls:
    "popularity" and "permuted graph", each also a figure of its own; the higher ratio is the null of SSI. valid: the
    metric of heuristics and models on validation cases, by which the best of each side is selected; without it
    selection uses the test cases, which favours the side with more candidates. With one training seed the interval is
    over cases alone, and the note of SSI says so.

    Table `solvability`, one row per system: side, the metric, its ratio to the best model (share, low, high), whether
    it is the best of its side, and the number of seeds. Table `by seed`, one row per training seed of the best model:
    its metric and SSI (share, low, high over cases). UserError if a side is empty, sides differ in cases, validation
    lacks a name, or the best model scores 0.
    """
    sides = {side: {name: np.atleast_2d(values) for name, values in systems.items()}
             for side, systems in (("heuristic", heuristics), ("model", models), ("null", nulls or {}))}  # fmt: skip
    _check(sides, valid)
    chosen = {side: _best(sides[side], valid) for side in ("heuristic", "model")}
    base, rule = sides["model"][chosen["model"]], sides["heuristic"][chosen["heuristic"]]
    n, labels = base.shape[1], (seeds or {}).get(chosen["model"], list(range(len(base))))
    rows = {}
    for side in ("null", "heuristic", "model"):  # popularity may be both a null and a heuristic
        for name, values in sides[side].items():
            ratio, low, high = ratio_of_means_over_seeds(values, base, seed=seed)
            rows[name] = {"side": side, metric: float(values.mean()), "share": ratio, "low": low, "high": high,
                          "best": chosen.get(side) == name, "seeds": len(values)}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")
    by_seed = _by_seed(rule, base, labels, metric=metric, seed=seed)
    null_ratios = {name: table["share"][name] for name in sides["null"]}
    highest = max(null_ratios, key=null_ratios.get, default="")
    selection = "validation cases" if valid else "the test cases"
    figures = [_figure("SSI", table.loc[chosen["heuristic"]], n, null_ratios.get(highest, np.nan), (
        f"Shortcut solvability index: {metric} of {chosen['heuristic']} divided by that of {chosen['model']}, each the "
        f"best of its side on {selection}" + (f"; null: {NULLS[highest]}. " if highest else ". ")
        + _seeds_note(chosen["model"], by_seed)
    ))]  # fmt: skip
    figures += [
        _figure(f"SSI {name}", table.loc[name], n, np.nan, f"{metric} of {NULLS[name]}, divided by that of the model.")
        for name in null_ratios
    ]
    return Card(tuple(figures), {"solvability": table, "by seed": by_seed})


def _by_seed(rule: np.ndarray, base: np.ndarray, seeds: list[int], *, metric: str, seed: int) -> pd.DataFrame:
    """One row per training seed of a model, base (S, C): its metric, and the ratio of the rule's (S', C) to it."""

    def ratio(values: np.ndarray) -> tuple[float, float, float]:
        try:
            return ratio_of_means_over_seeds(rule, values, seed=seed)
        except UserError:  # this seed scores 0, or nearly so
            return np.nan, np.nan, np.nan

    rows = [(values.mean(), *ratio(values)) for values in base]
    return pd.DataFrame(rows, index=pd.Index(seeds, name="training seed"), columns=[metric, "share", "low", "high"])


def _seeds_note(model: str, by_seed: pd.DataFrame) -> str:
    """On how many training seeds SSI rests, and how far they are apart."""
    if len(by_seed) == 1:
        return f"One seed: {model} was trained with seed {by_seed.index[0]} alone; the interval is over cases."
    each = ", ".join(f"{share:.2f} (seed {seed})" for seed, share in by_seed["share"].items())
    return (f"{model} was trained with {len(by_seed)} seeds, which give {each}, standard deviation "
            f"{by_seed['share'].std():.2f}; the interval is over cases and seeds.")  # fmt: skip


def _check(sides: dict[str, ByName], valid: dict[str, float] | None) -> None:
    check_names("null of solvability", sides["null"], list(NULLS))
    names = [*sides["heuristic"], *sides["model"]]
    if not sides["heuristic"] or not sides["model"]:
        raise UserError("solvability needs at least one heuristic and one model")
    if len(set(names)) < len(names):
        raise UserError(f"a name is on two sides: {', '.join(sorted(names))}")
    counts = {values.shape[1] for side in sides.values() for values in side.values()}
    if len(counts) > 1:
        raise UserError(f"the sides differ in cases ({', '.join(map(str, sorted(counts)))}), so they cannot be paired")
    if valid is not None and (lacking := [name for name in names if name not in valid]):
        raise UserError(f"no validation value of {', '.join(lacking)}")


def _best(values: ByName, valid: dict[str, float] | None) -> str:
    return max(values, key=lambda name: values[name].mean() if valid is None else valid[name])


def _figure(name: str, row: pd.Series, n: int, null: float, note: str) -> Figure:
    direction = "" if np.isnan(null) else "above"
    return Figure(name, float(row["share"]), float(row["low"]), float(row["high"]), float(null), direction, n, note)

"""One score split: the same systems under several protocols, and on targets of different frequency."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.errors import UserError
from workbench.evaluate.compare import USUAL, rising_note
from workbench.evaluate.evaluation import per_case_by_popularity
from workbench.evaluate.intervals import decimals, estimate_difference, mean_interval
from workbench.experiment import Run
from workbench.show.theme import COLORWAY, GREY, SYMBOLS, escape, finish, rows


def _pairs(table: pd.DataFrame, names: list[str]) -> go.Figure:
    """A row a system, a symbol with its interval a column, and a line along each row. table: means; its attrs hold low
    and high, the bounds by column and row, and the least number of cases."""
    figure, digits = go.Figure(), decimals(table.attrs["cases"])
    low, high = (pd.DataFrame(table.attrs[side]).reindex_like(table) for side in ("low", "high"))
    for place, values in enumerate(table.to_numpy(float)):
        figure.add_scatter(x=[np.nanmin(values), np.nanmax(values)], y=[place, place], mode="lines", showlegend=False,
                           line={"color": GREY, "width": 2}, hoverinfo="skip")
    for column, name in enumerate(names):
        mean, bounds = table.iloc[:, column], [each.iloc[:, column] for each in (low, high)]
        figure.add_scatter(
            x=mean, y=np.arange(len(table)) + 0.16 * (column - (len(names) - 1) / 2), mode="markers",
            name=escape(name, 40), cliponaxis=False, customdata=np.column_stack(bounds),
            marker={"color": COLORWAY[column % 4], "symbol": SYMBOLS[column % 7], "size": 12},
            error_x={"type": "data", "symmetric": False, "array": bounds[1] - mean, "arrayminus": mean - bounds[0],
                     "thickness": 1.5, "width": 0},
            hovertemplate=f"%{{x:.{digits}f}} [%{{customdata[0]:.{digits}f}}, %{{customdata[1]:.{digits}f}}]"
                          "<extra></extra>",
        )  # fmt: skip
    return figure.update_yaxes(**rows(table.index.tolist())).update_xaxes(rangemode="tozero")


def plot_contrast(table: pd.DataFrame, *, metric: str = "ndcg@10") -> go.Figure:
    """The same systems under protocols that differ in one field, not ranked. table: of `contrast`."""
    field = str(table.columns.name)
    figure = _pairs(table, [f"{field} = {value}" for value in table.columns])
    spread = (table.max(axis=1) - table.min(axis=1)) / table.min(axis=1).where(table.min(axis=1) > 0)
    title = f"Changing {escape(field)} alone moves {metric} by up to {spread.max():.0%}"
    if not len(table.columns) > 1 or not np.isfinite(spread.max()):
        title = f"{metric} by {escape(field)}"
    subtitle = "A row is one system under each protocol: systems of different protocols are not ranked. "
    subtitle += f"Intervals: 95 %, n = {table.attrs['cases']:,} or more."
    title = escape(table.attrs["note"], 200) or title
    return finish(figure, title, subtitle=subtitle, x=f"{metric} (0 to 1)", height=75 + 34 * len(table))


def _leader(values: dict[str, np.ndarray]) -> str:
    """Who leads on some cases, in words, escaped: the best system, if its simultaneous interval over the next leaves 0
    out. values: per case, by system."""
    first, *others = sorted(values, key=lambda label: -values[label].mean())
    if not values[first].any():
        return "no system finds"
    if not others:
        return f"{escape(first)} is alone on"
    level = 1 - 0.05 / max(USUAL, len(others))
    if estimate_difference(values[first], values[others[0]]).interval(level)[0] > 0:
        return f"{escape(first)} leads on"
    return f"{escape(first)} and {escape(others[0])} cannot be told apart on"


def plot_strata(runs: list[Run], *, metric: str = "ndcg@10") -> go.Figure:
    """Systems by a metric on head, tail and cold targets, by frequency in train; best overall first. UserError where
    the metric has no strata."""
    if not runs:
        raise UserError("plot_strata needs at least one run")
    names = [name for name in ("head", "tail", "cold") if all(f"{metric}/{name}" in run.metrics for run in runs)]
    if not names:
        raise UserError(f"no strata of {metric} are stored; there are some for recall@10 and ndcg@10")
    runs = sorted(runs, key=lambda run: -run.metrics[metric])
    split = runs[0].bench().split
    values = {run.label: per_case_by_popularity(run, split, metric) for run in runs}
    table = pd.DataFrame([[values[run.label][name].mean() for name in names] for run in runs], list(values), names)
    bounds = {name: {label: mean_interval(own[name]) for label, own in values.items()} for name in names}
    table.attrs = {side: {name: {label: each[n] for label, each in own.items()} for name, own in bounds.items()}
                   for n, side in enumerate(("low", "high"))}  # fmt: skip
    counts = {name: len(values[runs[0].label][name]) for name in names}
    table.attrs["cases"] = min(counts.values())
    figure = _pairs(table, [f"{name} ({count:,} cases)" for name, count in counts.items()])
    leaders: dict[str, list[str]] = {}
    for name in names:
        leaders.setdefault(_leader({label: own[name] for label, own in values.items()}), []).append(name)
    title = "; ".join(f"{leads} {' and '.join(which)} items" for leads, which in leaders.items())
    subtitle = "Head: the most frequent fifth of the items in train; cold: never seen in train; tail: the rest. "
    subtitle += "Intervals: 95 %."
    title = escape(rising_note(runs), 200) or title
    return finish(figure, title, subtitle=subtitle, x=f"{metric} (0 to 1)", height=75 + 34 * len(table))

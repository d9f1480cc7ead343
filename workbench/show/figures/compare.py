"""Systems and protocols compared: learning curves, metrics with intervals, paired differences, item frequency."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.errors import unknown_name
from workbench.evaluate.compare import ABOVE, BASELINE, BELOW, EVEN, RISING, UNDERTRAINED
from workbench.evaluate.intervals import decimals
from workbench.experiment import Run
from workbench.show.figures.codes import level_names
from workbench.show.tables import Table
from workbench.show.tables import table as formatted_table
from workbench.show.theme import (
    BLUE,
    COLORWAY,
    DASHES,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SYMBOLS,
    VERMILLION,
    escape,
    finish,
    notice,
    rows,
)

VERDICTS = {  # against the baseline: colour, symbol
    ABOVE: (BLUE, "triangle-up"), EVEN: (PURPLE, "circle-open"), BELOW: (VERMILLION, "triangle-down"),
    BASELINE: (GREY, "diamond"), UNDERTRAINED: (ORANGE, "x-thin"),
}  # fmt: skip
INTERVALS = "Intervals: 95 %, over test cases and seeds; those of differences are wide enough for all rows together."


def plot_learning_curve(run: Run, *, by: str = "") -> go.Figure:
    """Training loss and validation metric by epoch, with the checkpoint that is kept; by="level": the validation
    cross-entropy of each code of a semantic ID instead, given the true codes before it."""
    if by == "level":
        return _loss_by_level(run)
    if by:
        raise unknown_name("learning curve", by, ["level"])
    if not run.curve:
        return notice(f"{escape(run.label)} is not trained in epochs and has no learning curve")
    frame, metric = pd.DataFrame(run.curve), run.info["recipe"]["monitor"]
    best = frame.loc[frame[metric].idxmax()]
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    for column, (name, color, symbol) in enumerate((("loss", VERMILLION, "circle"), (metric, BLUE, "diamond")), 1):
        figure.add_scatter(x=frame["epoch"], y=frame[name], mode="lines+markers", row=1, col=column, showlegend=False,
                           connectgaps=True,
                           line={"color": color}, marker={"symbol": symbol},
                           hovertemplate="epoch %{x}: %{y:.4f}<extra></extra>")
        title = "training loss (nats)" if name == "loss" else f"validation {name}"
        figure.update_yaxes(title_text=title, row=1, col=column)
    figure.add_scatter(x=[best["epoch"]], y=[best[metric]], mode="markers", row=1, col=2, showlegend=False,
                       marker={"symbol": "circle-open", "size": 18, "color": GREEN, "line": {"width": 3}},
                       hoverinfo="skip")
    last = int(frame["epoch"].iloc[-1])
    title = f"{escape(run.label)} was best at epoch {int(best['epoch'])} of {last}"
    subtitle = "The circle marks the checkpoint that is kept."
    if run.still_rising:
        title = f"{escape(run.label)} was still improving when its {last} epochs ran out"
        subtitle = "Validation still rose when training stopped: the run is no evidence yet, train it longer."
    return finish(figure, title, subtitle=subtitle, x="epoch", height=270)


def _loss_by_level(run: Run) -> go.Figure:
    """The validation cross-entropy of each code of the target by epoch, given the true codes before it."""
    frame = pd.DataFrame(run.curve)
    if "nats/1" not in frame:
        return notice(f"{escape(run.label)} decodes no semantic IDs or was not validated: no code has a learning curve")
    frame = frame.dropna(subset=["nats/1"])
    names = level_names(run.recommender().codes)
    nats = frame[[f"nats/{level}" for level in range(1, len(names) + 1)]].set_axis(names, axis=1)
    figure = go.Figure()
    for n, name in enumerate(names):
        figure.add_scatter(x=frame["epoch"], y=nats[name], mode="lines+markers", name=name,
                           line={"color": COLORWAY[n % 4], "dash": DASHES[n % 7]},
                           marker={"symbol": SYMBOLS[n % 7]},
                           hovertemplate=f"{name}, epoch %{{x}}: %{{y:.2f}} nats<extra></extra>")
    figure.update_yaxes(rangemode="tozero")
    gains = nats.iloc[0] - nats.min()
    first = frame["epoch"].iloc[0]
    title = f"{gains.idxmax().capitalize()} improves most: by {gains.max():.2f} nats since epoch {first}"
    return finish(figure, title, x="epoch", y="validation cross-entropy (nats)")


def headline(table: pd.DataFrame, metric: str, escaped=escape) -> str:
    """The sentence that a table of evaluate.compare supports: the best system that can be judged against the baseline,
    with the interval that the verdict is read off."""
    baseline = table["baseline"].iloc[0]
    challengers = table[table.index != baseline]
    judged = challengers[challengers["verdict"] != UNDERTRAINED]
    if not len(challengers):
        return f"{escaped(baseline)}: {metric} {_number(table.iloc[0], 'mean')}"
    if not len(judged):
        return f"No conclusion against {escaped(baseline)}: {RISING}"
    best = judged.iloc[0]
    name, gap = escaped(best.name), difference_text(best)
    if best["verdict"] == ABOVE:
        return f"{name} beats {escaped(baseline)} by {gap}"
    if best["verdict"] == BELOW:
        behind = f"{name} is behind by {difference_text(best, sign=-1)}"
        if not (rising := challengers.index.difference(judged.index, sort=False).tolist()):
            return f"Nothing beats {escaped(baseline)}; {behind}"
        about = escaped(rising[0]) if len(rising) == 1 else f"{len(rising)} systems"
        return f"No conclusion about {about}; nothing else beats {escaped(baseline)}: {behind}"
    return f"{name} and {escaped(baseline)} cannot be told apart: difference {gap}"


def difference_text(row: pd.Series, *, sign: int = 1) -> str:
    """The difference to the baseline with its simultaneous 95 % interval and the number of cases. sign: -1 turns it
    around."""
    digits = decimals(int(row["cases"]))
    size, *ends = (sign * row[name] for name in ("difference", "diff_low", "diff_high"))
    return f"{size:.{digits}f} [{min(ends):.{digits}f}, {max(ends):.{digits}f}], n = {row['cases']:,}"


def caveats(table: pd.DataFrame, escaped=escape) -> str:
    """What the rows of a table of evaluate.compare cannot tell, a sentence a kind, or ""."""
    notes: dict[str, list[str]] = {}
    for name, note in table["note"][table["note"] != ""].items():
        notes.setdefault(note, []).append(escaped(name))
    return " ".join(f"{', '.join(names)}: {note}." for note, names in notes.items())


def table_comparison(table: pd.DataFrame, *, metric: str = "ndcg@10") -> Table:
    """A table of `compare` for a reader: mean and difference to the baseline with 95 % bounds, verdict, test cases and
    seeds; the caption says what it cannot tell."""
    is_baseline = table["verdict"] == BASELINE
    columns = {metric: table["mean"], "95 % from": table["low"], "95 % to": table["high"]}
    names = {"difference": "difference", "diff_low": "diff. 95 % from", "diff_high": "diff. 95 % to"}
    columns |= {name: table[column].mask(is_baseline) for column, name in names.items()}
    frame = pd.DataFrame(columns | {name: table[name] for name in ("verdict", "cases", "seeds")})
    caption = f"Differences are to {table['baseline'].iloc[0]}. {INTERVALS} {caveats(table, escaped=str)}".strip()
    return formatted_table(frame, digits=decimals(int(table["cases"].min())), caption=caption)


def _number(row: pd.Series, column: str) -> str:
    return f"{row[column]:.{decimals(int(row['cases']))}f}"


def _intervals(table: pd.DataFrame, middle: str, low: str, high: str, unit: str) -> go.Figure:
    """Dots with intervals, a row a system; the symbol of a dot says how it relates to the baseline."""
    figure, verdict_by_row = go.Figure(), table["verdict"].to_numpy()
    digits = decimals(int(table["cases"].min()))
    for verdict, (color, symbol) in VERDICTS.items():
        places = np.flatnonzero(verdict_by_row == verdict)
        if len(places):
            group = table.iloc[places]
            figure.add_scatter(
                x=group[middle], y=places, mode="markers", name=verdict, customdata=group[[low, high]].to_numpy(),
                marker={"color": color, "symbol": symbol, "size": 12, "line": {"width": 2, "color": color}},
                error_x={"type": "data", "symmetric": False, "array": group[high] - group[middle],
                         "arrayminus": group[middle] - group[low], "thickness": 2, "width": 0},
                hovertemplate=f"{unit} %{{x:.{digits}f}} [%{{customdata[0]:.{digits}f}}, "
                              f"%{{customdata[1]:.{digits}f}}]<extra></extra>",
            )  # fmt: skip
    return figure.update_yaxes(**rows(table.index.tolist()))


def plot_comparison(table: pd.DataFrame, *, metric: str = "ndcg@10") -> go.Figure:
    """Systems by the mean of a metric with 95 % intervals, best first, the baseline as a line. Colours and symbols give
    the verdict, read off the paired difference of `plot_differences`. table: of `compare`."""
    figure = _intervals(table, "mean", "low", "high", metric)
    baseline = table["baseline"].iloc[0]
    figure.add_vline(x=float(table["mean"][baseline]), line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_xaxes(rangemode="tozero")
    subtitle = f"Means over {table['cases'].iloc[0]:,} test cases, dashed: the baseline. {INTERVALS} {caveats(table)}"
    title = headline(table, metric)
    unit = " (0 to 1)" if table["mean"].max() <= 1 else ""  # clicks and returns of an episode are sums
    return finish(figure, title, subtitle=subtitle.strip(), x=f"{metric}{unit}", height=75 + 34 * len(table))


def plot_differences(table: pd.DataFrame, *, metric: str = "ndcg@10") -> go.Figure:
    """Paired differences to the baseline with 95 % intervals, over the band of differences too small to detect. table:
    of `compare`."""
    baseline, rest = table["baseline"].iloc[0], table[table.index != table["baseline"].iloc[0]]
    if not len(rest):
        return notice("One system alone: there is no difference to show")
    figure = _intervals(rest, "difference", "diff_low", "diff_high", f"difference in {metric}")
    effect, row = rest["minimum_detectable_effect"].to_numpy(), np.arange(len(rest))
    figure.add_bar(x=2 * effect, base=-effect, y=row, orientation="h", width=0.5, name="too small to detect",
                   marker={"color": GREY, "opacity": 0.3}, customdata=effect,
                   hovertemplate="differences below %{customdata:.4f} would likely be missed<extra></extra>")
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5})
    size = f"{np.nanmedian(effect):.{decimals(int(table['cases'].iloc[0]))}f}"
    title = f"With {table['cases'].iloc[0]:,} test cases, differences below about {size} {metric} go undetected"
    subtitle = f"Grey: the smallest difference detected with 80 % power. Zero is {escape(baseline)}. {INTERVALS}"
    return finish(figure, title, subtitle=subtitle, x=f"paired difference in {metric}", height=75 + 34 * len(rest))

"""What policies obtain when they are asked for little or much, with a slider for what is asked."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.errors import UserError
from workbench.evaluate.intervals import estimate_difference, mean_interval
from workbench.experiment import Run
from workbench.experiment.browse.asked_returns import AskedReturns
from workbench.show.tables import Table, table
from workbench.show.theme import COLORWAY, DASHES, GREY, SYMBOLS, escape, finish, headline
from workbench.show.widgets import controls
from workbench.show.widgets.policies.run_names import rising_note, run_names

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
START = 75  # per cent


def explore_asked_returns(runs: list[Run], others: list[Run] = ()) -> go.Figure:
    """What runs obtain against what they are asked for: the returns that 5 to 95 % of the log's sessions stay below; in
    a live notebook under a slider for that share, with a table of what is asked and obtained. others: runs that are
    asked for nothing, in the same world, drawn as level lines. UserError for a run of another kind."""
    asked, others = [AskedReturns(run) for run in runs], list(others)
    rules = {each.policy.worlds.rules for each in asked}
    if len(rules) != 1 or any(run.info.get("family") != "session" for run in others):
        raise UserError("asked and obtained returns are set side by side in one world of sessions; give runs with the "
                        "same temper, horizon and value, and others of the family session")  # fmt: skip
    found = [{share: each.obtained(share)["return"] for share in SHARES} for each in asked]
    n = len(asked[0].episodes)
    level = [float(run.per_case("return")[:n].mean()) for run in others]
    names, note = run_names([*runs, *others]), rising_note([*runs, *others])
    by_name = dict(zip(names, found)), dict(zip(names[len(found) :], level, strict=True))
    figure = _drawn(*by_name, n, note)
    return controls.with_widgets(figure, lambda: _widgets(asked, figure))


def _widgets(asked: list[AskedReturns], figure: go.Figure):
    """A slider of per cents, a table of what is asked and obtained there, and the curves."""
    slider, area, curves = controls.slider(0, 100, START, follow=False), controls.html_area(), controls.figure_area()

    def update() -> None:
        controls.show_tables(area, *(_row(each, slider.value / 100) for each in asked))

    update()
    controls.show_figure(curves, figure)
    controls.on_change([slider], update)
    return controls.vbox(controls.labelled("per cent of the log that had less", slider), area, curves)


def _row(asked: AskedReturns, share: float) -> Table:
    means = {name: values.mean() for name, values in asked.obtained(share).items()}
    frame = pd.DataFrame({"asked": pd.Series(asked.asked(share)), "obtained": pd.Series(means)})
    return table(frame.loc[[*dict.fromkeys([*asked.asked(share), *means])]], digits=2, caption=asked.run.label)


def _drawn(found: dict[str, dict], level: dict[str, float], n: int, note: str) -> go.Figure:
    """A line by what is asked of each run, and a level one of the mean of each that is asked for nothing."""
    figure = go.Figure()
    for place, (name, by_share) in enumerate(found.items()):
        low, high = np.array([mean_interval(values) for values in by_share.values()]).T
        mean = np.array([values.mean() for values in by_share.values()])
        figure.add_scatter(
            x=list(by_share), y=mean, mode="lines+markers", name=escape(name, 40),
            line={"color": COLORWAY[place % 4]}, marker={"symbol": SYMBOLS[place % 7]},
            error_y={"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low,
                     "thickness": 1.5, "width": 0},
            hovertemplate=f"{escape(name, 40)}, asked for what %{{x:.0%}} stay below: %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    for place, (name, mean) in enumerate(level.items()):
        figure.add_scatter(x=[SHARES[0], SHARES[-1]], y=[mean, mean], mode="lines", name=escape(name, 40),
                           line={"color": GREY, "dash": DASHES[1 + place % 6]},
                           hovertemplate=f"{escape(name, 40)}: %{{y:.2f}}<extra></extra>")  # fmt: skip
    figure.update_xaxes(tickformat=".0%").update_yaxes(rangemode="tozero")
    subtitle = f"Clicks, and a return of the user counted as several; {n:,} sessions of test. Intervals: 95 %."
    return finish(figure, headline(_who_follows(found), note), subtitle=subtitle, y="return obtained", height=300,
                  x="asked for: what this share of the log's sessions stays below")  # fmt: skip


def _who_follows(found: dict[str, dict]) -> str:
    """Whose return grows from the least to the most that is asked, escaped, by the paired interval."""
    grow = {name: estimate_difference(by[SHARES[-1]], by[SHARES[0]]).interval()[0] > 0 for name, by in found.items()}
    more = " and ".join(escape(name, 40) for name, grows in grow.items() if grows)
    same = " and ".join(escape(name, 40) for name, grows in grow.items() if not grows)
    said = [f"{more} obtain{'s' if sum(grow.values()) == 1 else ''} more"] if more else []
    if same:
        said.append(f"of {same} that cannot be shown")
    return f"Asked for more, {'; '.join(said)}"

"""Regret curves of policies of slates, with a slider for how much one of them explores."""
import numpy as np
import plotly.graph_objects as go

from workbench.evaluate.intervals import decimals, estimate_difference, mean_interval
from workbench.experiment import Run
from workbench.experiment.browse.regret_curves import RegretCurves
from workbench.show.theme import COLORWAY, DASHES, GREY, escape, finish, headline
from workbench.show.widgets import controls
from workbench.show.widgets.policies.run_names import rising_note, run_names

MOST = 60  # variance in tenths


def explore_regret(runs: list[Run]) -> go.Figure:
    """Clicks that policies of slates have lost so far against the best slate of every step; in a live notebook under a
    slider for the variance with which the first of them that samples explores, with the weights it has: 0 is greedy.
    UserError for runs that show no slates, of worlds that differ, or none of which samples."""
    curves = RegretCurves(runs)
    curves.sampling  # noqa: B018  an error now, not when the slider moves
    return controls.with_widgets(_drawn(curves, {}), lambda: _widgets(curves))


def _widgets(curves: RegretCurves):
    """A slider of tenths, and the curves with the one that it gives."""
    run, area = curves.runs[curves.sampling], controls.figure_area()
    slider = controls.slider(0, MOST, round(10 * run.info["settings"]["variance"]), follow=False)

    def update() -> None:
        name = f"{run.system}, variance {slider.value / 10:g}"
        controls.show_figure(area, _drawn(curves, {name: curves.explored(slider.value / 10)}))

    update()
    controls.on_change([slider], update)
    return controls.vbox(controls.labelled("variance of the samples, tenths", slider), area)


def _drawn(curves: RegretCurves, further: dict[str, np.ndarray]) -> go.Figure:
    """A line each of the mean over episodes. further: (T, n) by name, drawn in grey."""
    names = run_names(list(curves.runs))
    figure, every = go.Figure(), dict(zip(names, curves.curves, strict=True)) | further
    for place, (name, regret) in enumerate(every.items()):
        steps, color = np.arange(1, len(regret) + 1), GREY if name in further else COLORWAY[place % 4]
        low, high = np.array([mean_interval(row) for row in regret]).T
        figure.add_scatter(
            x=steps, y=regret.mean(axis=1), mode="lines", name=escape(name, 40),
            line={"color": color, "dash": DASHES[place % 7]}, customdata=np.column_stack([low, high]),
            hovertemplate=f"{escape(name, 40)}, slate %{{x}}: %{{y:.2f}} [%{{customdata[0]:.2f}}, "
                          "%{customdata[1]:.2f}]<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(rangemode="tozero")
    n, T = curves.world.users[: len(regret[0])].size, len(regret)
    subtitle = f"Chances of a click on the best slate less those on the one shown, summed over slates; {n:,} users of "
    subtitle += f"test, {T} slates each. Intervals, at the pointer: 95 %."
    title = headline(_fewest_lost(every), rising_note(list(curves.runs)))
    return finish(figure, title, subtitle=subtitle, x="slates shown so far", y="clicks lost", height=300)


def _fewest_lost(curves: dict[str, np.ndarray]) -> str:
    """Who has lost fewest clicks at the end, escaped, if the paired interval below the next leaves 0 out."""
    last = {name: regret[-1] for name, regret in curves.items()}
    first, *others = sorted(last, key=lambda name: last[name].mean())
    lost = f"{last[first].mean():.{decimals(len(last[first])) // 2}f}"
    if not others:
        return f"{escape(first, 40)} loses {lost} clicks"
    if estimate_difference(last[others[0]], last[first]).interval()[0] > 0:
        return f"{escape(first, 40)} loses fewest clicks, {lost}; next is {escape(others[0], 40)}"
    return f"{escape(first, 40)} and {escape(others[0], 40)} lose fewest clicks, and cannot be told apart"

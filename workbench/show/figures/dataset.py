"""Figures of a dataset: history lengths, item popularity, events over time, temporal leakage, ties in time."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.data import Dataset, Split
from workbench.data.leakage_measures import mean_future_share
from workbench.data.lint import LintReport
from workbench.data.schema import ITEM, TIME, USER
from workbench.errors import check_names
from workbench.interfaces import Evaluated
from workbench.show.theme import BLUE, GREEN, GREY, VERMILLION, escape, finish, notice, rows

BARS = 60
DAY = 86_400
PERIODS = {"hour": 3_600, "day": DAY, "week": 7 * DAY, "30 days": 30 * DAY, "91 days": 91 * DAY, "year": 365 * DAY}


def plot_lengths(dataset: Dataset) -> go.Figure:
    """A histogram of events per user, with the median."""
    lengths = np.bincount(dataset.interactions[USER], minlength=dataset.n_users)
    top = int(np.quantile(lengths, 0.99))
    step = -(-top // BARS)
    start = np.arange(1, top + 1, step)
    users = np.bincount((lengths[lengths < start[-1] + step] - 1) // step, minlength=len(start))
    longer = int((lengths >= start[-1] + step).sum())
    names = [f"{s}" if step == 1 else f"{s} to {s + step - 1}" for s in start]
    median = int(np.median(lengths))
    figure = go.Figure(go.Bar(
        x=start + (step - 1) / 2, y=users, width=0.9 * step, marker={"color": BLUE}, customdata=names,
        hovertemplate="%{customdata} events: %{y:,} users<extra></extra>", showlegend=False,
    ))  # fmt: skip
    figure.add_vline(x=median, line={"color": VERMILLION, "dash": "dash"}, annotation_position="top right",
                     annotation={"text": f"median {median:,}", "yanchor": "top", "xshift": 4})
    figure.update_yaxes(range=[0, 1.15 * users.max()])
    outside = f"{longer:,} users with {start[-1] + step:,} to {lengths.max():,} events are not shown." if longer else ""
    title = f"Half of the {dataset.n_users:,} users have {median:,} events or fewer"
    return finish(figure, title, subtitle=outside, x="events per user", y="users")


def plot_popularity(dataset: Dataset) -> go.Figure:
    """Events per item by popularity rank on logarithmic axes, with the share of the most popular fifth."""
    count = np.sort(np.bincount(dataset.interactions[ITEM], minlength=dataset.n_items + 1)[1:])[::-1]
    head = max(1, len(count) // 5)
    share = count[:head].sum() / count.sum()
    ranks = np.unique(np.geomspace(1, len(count), 400).astype(int))
    figure = go.Figure()
    for name, rank, color, dash in (
        ("head", ranks[ranks <= head], VERMILLION, "solid"),
        ("tail", ranks[ranks >= head], BLUE, "dot"),
    ):
        figure.add_scatter(x=rank, y=count[rank - 1], name=name, mode="lines",
                           line={"color": color, "dash": dash, "width": 3},
                           hovertemplate="popularity rank %{x:,}: %{y:,} events<extra></extra>")
    figure.update_xaxes(type="log", dtick=1).update_yaxes(type="log", dtick=1)
    title = f"The most popular fifth of the items takes {share:.0%} of the events"
    median = int(np.median(count))
    subtitle = f"Half of the {len(count):,} items have at most {median:,} events, one has {count[0]:,}."
    return finish(figure, title, subtitle=subtitle, x="popularity rank of the item (log)", y="events of the item (log)")


def period(times: np.ndarray) -> tuple[str, np.ndarray]:
    """(name, edges in seconds) of the shortest period of PERIODS that cuts the span of `times` into at most 60."""
    first, last = int(times.min()), int(times.max())
    name = next((name for name, size in PERIODS.items() if (last - first) // size < BARS), "year")
    size = PERIODS[name]
    return name, np.arange(first // size * size, last + size + 1, size)[: 10 * BARS]


def dates(seconds: np.ndarray) -> np.ndarray:
    """Seconds since 1970 as dates for an axis."""
    return np.asarray(seconds).astype("datetime64[s]").astype("datetime64[ms]")


def plot_over_time(dataset: Dataset) -> go.Figure:
    """Events and new items per period, with the share of later events on items that the earlier half has not seen."""
    if not dataset.has_times:
        return notice(f"{escape(dataset.name)} has no timestamps: nothing can be shown over time")
    times, items = dataset.interactions[TIME].to_numpy(np.int64), dataset.interactions[ITEM].to_numpy()
    if times.min() == times.max():
        return notice("All events carry the same time: nothing can be shown over time")
    name, edges = period(times)
    first = pd.Series(times).groupby(items).min().to_numpy()
    late = times > np.median(times)
    unseen = 1 - np.isin(items[late], items[~late]).mean()
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for row, (label, values, color) in enumerate((("events", times, BLUE), ("new items", first, GREEN)), 1):
        figure.add_bar(x=dates(edges[:-1]), y=np.histogram(values, edges)[0], marker={"color": color}, row=row, col=1,
                       hovertemplate=f"from %{{x|%Y-%m-%d}}: %{{y:,}} {label}<extra></extra>", showlegend=False)
        figure.update_yaxes(title_text=f"{label} a {name}" if " " not in name else f"{label} in {name}", row=row, col=1)
    title = f"{unseen:.0%} of the later half of the events are on items that the earlier half has not seen"
    figure.update_xaxes(title_text="time", row=2, col=1)
    return finish(figure, title, subtitle="An item is new in the period of its first event.", height=400)


def plot_leakage(split: Split) -> go.Figure:
    """Training and test events over time, with the share of training events later than the average test event: where
    the two overlap, a model is trained on the future of test cases."""
    train, test = split.train.times, split.test.times
    if train is None or test is None or not len(train):
        return notice("No timestamps: temporal leakage cannot be shown")
    if split.protocol.random_order:
        return notice("This split orders events at random: there is no temporal leakage to show")
    share = mean_future_share(train, test)
    name, edges = period(np.concatenate([train, test]))
    figure = go.Figure()
    groups = (("training events", train, BLUE, "solid"), ("test events", test, VERMILLION, "dash"))
    for label, times, color, dash in groups:
        counted = np.histogram(times, edges)[0] / len(times)
        figure.add_scatter(x=dates(edges[:-1]), y=counted, name=label, mode="lines",
                           fill="tozeroy" if times is train else None,
                           line={"color": color, "shape": "hv", "dash": dash},
                           hovertemplate=f"from %{{x|%Y-%m-%d}}: %{{y:.1%}} of the {label}<extra></extra>")
    title = f"{share:.0%} of the training events are later than the average test event"
    if not share:
        title = "No training event is later than a test event"
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    subtitle = f"Split: {split.protocol.split}. Each line adds up to 100 %."
    return finish(figure, title, subtitle=subtitle, x="time", y=f"share in each {name}")


def plot_ties(report: LintReport, runs: list[Evaluated], *, metric: str = "ndcg@10") -> go.Figure:
    """The metric of item transitions under several orders of tied events, beside that of other baselines. report: of
    `lint`; runs: baselines. UserError where a metric was not measured."""
    orders = report.tables.get("tie_orders")
    if orders is None:
        checks = ["metric range over 20 tie orders", "tied timestamps"]
        note = report.findings.loc[report.findings["check"].isin(checks), "note"]
        return notice(escape(note.iloc[0] if len(note) else "Tied timestamps were not measured.", 200))
    check_names("metric", [metric], orders.columns.drop("targets_changed"))
    scores = sorted(((run.metrics[metric], run.label) for run in runs), reverse=True)
    spread = orders[metric].max() - orders[metric].min()
    names = [f"{len(orders)} tie orders", *(label for _, label in scores)]
    figure = go.Figure()
    marker = {"color": VERMILLION, "symbol": "line-ns", "size": 16, "line": {"color": VERMILLION, "width": 2}}
    figure.add_scatter(x=orders[metric], y=np.zeros(len(orders)), mode="markers", marker=marker, showlegend=False,
                       hovertemplate="item transitions, one tie order: %{x:.4f}<extra></extra>")
    figure.add_scatter(x=[score for score, _ in scores], y=np.arange(1, len(names)), mode="markers", showlegend=False,
                       marker={"color": GREY, "symbol": "diamond", "size": 10}, hovertemplate="%{x:.4f}<extra></extra>")
    figure.update_yaxes(**rows(names))
    title = f"Tie order alone moves {metric} by {spread:.4f}"
    if len(scores) > 1:
        title += f"; the best two baselines are {scores[0][0] - scores[1][0]:.4f} apart"
    changed = orders["targets_changed"].iloc[1:].mean()
    subtitle = f"Strokes: item transitions by tie order. Another order changes the target of {changed:.0%} of users."
    return finish(figure, title, subtitle=subtitle, x=metric, height=75 + 34 * len(names))

"""Audit cards as figures: every number beside its 95 % interval and its value under the null."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.diagnose.verdict.card import Card
from workbench.errors import UserError
from workbench.show.figures.compare import plot_comparison
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, VERMILLION, escape, finish, notice, rows, wrap

HISTORY = "HD_"  # prefix of the figures of history ablation: HD_n, with the last n events


def plot_card(card: Card, *, label: str = "the recommender", metric: str = "ndcg@10") -> go.Figure:
    """The picture of a card by what it holds: systems compared, graph distances, history ablation, or memorization.

    label: the system that a card of history ablation is about. UserError where a card has no picture.
    """
    if "systems" in card.tables:
        return plot_comparison(card.tables["systems"], metric=metric)
    if "by kind" in card.tables:
        return plot_memorization(card, metric=metric)
    if any(figure.name.startswith(HISTORY) for figure in card.figures):
        return plot_history_ablation({label: card}, metric=metric)
    if any(figure.name == "CR_1" for figure in card.figures):
        return plot_graph_distances(card)
    if card.unmeasured:
        return notice(escape("; ".join(card.unmeasured.values()), 200))
    raise UserError("this card has no picture; show.table(card) lists its figures")


def plot_against_null(card: Card, title: str, *, only: tuple[str, ...] = ()) -> go.Figure:
    """Figures between 0 and 1 as dots with 95 % intervals, each beside a tick at its value under the null.

    only: figures whose names hold one of these words. title: the finding, not escaped here.
    """
    figures = [f for f in card.figures if np.isfinite(f.null) and 0 <= f.value <= 1 and 0 <= f.null <= 1]
    figures = [f for f in figures if not only or any(word in f.name for word in only)]
    if not figures:
        return notice(f"{title}: nothing could be measured")
    plot = go.Figure()
    plot.add_scatter(x=[f.null for f in figures], y=np.arange(len(figures)), mode="markers", name="by chance",
                     marker={"symbol": "line-ns", "size": 18, "color": GREY, "line": {"width": 3, "color": GREY}},
                     hovertemplate="by chance %{x:.3f}<extra></extra>")  # fmt: skip
    for significant, (name, color, symbol) in {
        True: ("beyond chance", BLUE, "circle"), False: ("not shown", VERMILLION, "circle-open"),
    }.items():  # fmt: skip
        places = [n for n, f in enumerate(figures) if f.significant is significant]
        group = [figures[n] for n in places]
        if group:
            plot.add_scatter(
                x=[f.value for f in group], y=places, mode="markers", name=name,
                marker={"color": color, "symbol": symbol, "size": 11, "line": {"width": 2, "color": color}},
                error_x={"type": "data", "symmetric": False, "thickness": 2, "width": 0,
                         "array": [np.nan_to_num(f.high - f.value) for f in group],
                         "arrayminus": [np.nan_to_num(f.value - f.low) for f in group]},
                customdata=[escape(f.note, 160) for f in group],
                hovertemplate="%{x:.3f}<br>%{customdata}<extra></extra>",
            )  # fmt: skip
    plot.update_yaxes(**rows([f.name for f in figures])).update_xaxes(rangemode="tozero")
    return finish(plot, title, x="value (0 to 1)", height=75 + 34 * len(figures))


def plot_graph_distances(card: Card) -> go.Figure:
    """The share of targets one, two and three hops from the last item in the train graph, and by chance. card: that of
    graph distances."""
    first = next((f for f in card.figures if f.name == "CR_1"), None)
    if first is None:
        return notice("How many hops the targets lie from the last item could not be measured")
    by_chance = f"; by chance {first.null:.0%}" if np.isfinite(first.null) else ""
    title = f"{first.value:.0%} of the targets directly followed the last item in train{by_chance}"
    return plot_against_null(card, title, only=("CR_",))


def plot_history_ablation(cards: dict[str, Card], *, metric: str = "ndcg@10") -> go.Figure:
    """The share of a metric retained with only the last n events of each history, a line a system. cards: of history
    ablation, by system. UserError where there is none."""
    if not cards:
        raise UserError("no card of history ablation was given")
    curves = {name: _retained(card) for name, card in cards.items()}
    if not any(len(curve) > 1 for curve in curves.values()):
        return notice(f"What {escape(', '.join(curves))} retains with a shorter history could not be measured")
    plot = go.Figure()
    for n, (name, curve) in enumerate(curves.items()):
        plot.add_scatter(
            x=[f"{length}" if length else "all" for length in curve.index], y=curve["ratio"], mode="lines+markers",
            name=escape(name), line={"color": COLORWAY[n % 4], "dash": DASHES[n % 7]},
            marker={"symbol": SYMBOLS[n % 7]},
            error_y={"type": "data", "symmetric": False, "array": curve["high"] - curve["ratio"],
                     "arrayminus": curve["ratio"] - curve["low"], "thickness": 1.5, "width": 0},
            hovertemplate="last %{x}: %{y:.0%}<extra></extra>",
        )  # fmt: skip
    plot.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.5})
    plot.update_yaxes(tickformat=".0%", rangemode="tozero").update_xaxes(type="category")
    shortest = {name: float(curve["ratio"].iloc[0]) for name, curve in curves.items()}
    name = max(shortest, key=shortest.get)
    length = curves[name].index[0]
    events = "the last item alone" if length == 1 else f"the last {length} items"
    title = f"With {events} {escape(name)} retains {shortest[name]:.0%} of its {metric}"
    return finish(plot, title, x="number of last events in the history", y=f"share of {metric} with all events")


def _retained(card: Card) -> pd.DataFrame:
    """The metric with the last n events over that with all, ordered by n, all (0) last: ratio, low, high."""
    figures = {int(f.name.removeprefix(HISTORY)): f for f in card.figures if f.name.startswith(HISTORY)}
    lines = {n: {"ratio": figures[n].value, "low": figures[n].low, "high": figures[n].high} for n in sorted(figures)}
    return pd.DataFrame.from_dict(lines | {0: {"ratio": 1.0, "low": 1.0, "high": 1.0}}, orient="index")


def plot_memorization(card: Card, *, metric: str = "ndcg@10", systems: int = 4) -> go.Figure:
    """A metric by kind of generalization, a column of dots a kind, a symbol a system: the best `systems` over all
    cases. card: that of memorization; where it could not be measured, the reason."""
    if "by kind" not in card.tables:
        return notice(escape("; ".join(card.unmeasured.values()), 200))
    frame = card.tables["by kind"]
    best = frame.xs("all", level="kind").nlargest(systems, "mean").index
    kinds = [name for name in frame.index.unique("kind") if name != "all"]
    plot, share = go.Figure(), frame["share"].groupby("kind", sort=False).first()
    for n, system in enumerate(best):
        means = frame.xs(system, level="system").loc[kinds]
        plot.add_scatter(
            x=np.arange(len(kinds)) + 0.12 * (n - (len(best) - 1) / 2), y=means["mean"], mode="markers",
            name=escape(system), marker={"color": COLORWAY[n % 4], "symbol": SYMBOLS[n % 7], "size": 11},
            error_y={"type": "data", "symmetric": False, "array": means["high"] - means["mean"],
                     "arrayminus": means["mean"] - means["low"], "thickness": 1.5, "width": 0},
            hovertemplate="%{y:.4f}<extra></extra>",
        )  # fmt: skip
    ticks = [f"{wrap(kind, 14)}<br>{share[kind]:.0%}" for kind in kinds]
    plot.update_xaxes(tickvals=list(range(len(kinds))), ticktext=ticks, showgrid=False, tickangle=0)
    plot.update_yaxes(rangemode="tozero")
    means = frame.xs(best[0], level="system")["mean"]
    easiest = means[kinds].idxmax()
    title = f"{escape(best[0])}: {metric} {means['all']:.4f} over all cases, {means[easiest]:.4f} on {easiest} cases"
    return finish(plot, title, x="what a case takes, and its share of the cases", y=f"{metric} (0 to 1)", height=300)

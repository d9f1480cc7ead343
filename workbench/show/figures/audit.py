"""Audit cards as figures: every number beside its 95 % interval and its value under the null."""
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.diagnose.verdict.card import Card, Figure
from workbench.diagnose.verdict.sentences import count, percent, score
from workbench.diagnose.verdict.words import in_words
from workbench.errors import UserError, unknown_name
from workbench.show.figures.compare import plot_comparison
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, VERMILLION, escape, finish, notice, rows, wrap

HISTORY = "HD_"  # prefix of the figures of history ablation: HD_n, with the last n events


def plot_card(
    card: Card, *, label: str = "the recommender", metric: str = "ndcg@10", systems: tuple[str, ...] = ()
) -> go.Figure:
    """The picture of a card by what it holds: systems compared, graph distances, history ablation, or memorization.

    label: the system that a card of history ablation is about. systems: those that a picture of memorization shows
    whatever their rank. A card that quotes an undertrained system has no finding as its title but that. UserError where
    a card has no picture.
    """
    if "systems" in card.tables:
        return _without_finding(plot_comparison(card.tables["systems"], metric=metric), card)
    if "by kind" in card.tables:
        return plot_memorization(card, metric=metric, keep=systems)
    if any(figure.name.startswith(HISTORY) for figure in card.figures):
        return plot_history_ablation({label: card}, metric=metric)
    if any(figure.name == "CR_1" for figure in card.figures):
        return plot_graph_distances(card)
    if card.unmeasured:
        return notice(escape("; ".join(card.unmeasured.values()), 200))
    raise UserError("this card has no picture; show.table(card) lists its figures")


def has_picture(card: Card) -> bool:
    """Whether `plot_card` draws something of this card."""
    drawn = any(figure.name == "CR_1" or re.fullmatch(rf"{HISTORY}\d+", figure.name) for figure in card.figures)
    return drawn or "systems" in card.tables or "by kind" in card.tables


def _without_finding(plot: go.Figure, *cards: Card) -> go.Figure:
    """The plot of cards; where one quotes an undertrained system, this is said in place of the finding."""
    caution = " ".join(dict.fromkeys(card.caution for card in cards if card.caution))
    if not caution:
        return plot
    height = plot.layout.height - plot.layout.margin.t - 20 if plot.layout.height else 320
    return finish(plot, escape(caution, 400), subtitle=plot.layout.title.subtitle.text or "", height=height)


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
    plot.update_yaxes(**rows([in_words(f.name) for f in figures])).update_xaxes(rangemode="tozero")
    return finish(plot, title, x="value (0 to 1)", height=75 + 34 * len(figures))


def plot_graph_distances(card: Card) -> go.Figure:
    """The share of targets one, two and three hops from the last item in the train graph, and by chance. card: that of
    graph distances."""
    first = next((f for f in card.figures if f.name == "CR_1"), None)
    if first is None:
        return notice("How many hops the targets lie from the last item could not be measured")
    by_chance = f"; by chance {first.null:.0%}" if np.isfinite(first.null) else ""
    title = f"{first.value:.0%} of {count(first, 'targets')} directly followed the last item in train{by_chance}"
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
    first = next(figure for figure in cards[name].figures if figure.name == f"{HISTORY}{length}")
    title = f"With {events} {escape(name)} retains {percent(first)} of its {metric} ({count(first)})"
    plot = finish(plot, title, x="number of last events in the history", y=f"share of {metric} with all events")
    return _without_finding(plot, *cards.values())


def _retained(card: Card) -> pd.DataFrame:
    """The metric with the last n events over that with all, ordered by n, all (0) last: ratio, low, high."""
    figures = {int(f.name.removeprefix(HISTORY)): f for f in card.figures if f.name.startswith(HISTORY)}
    lines = {n: {"ratio": figures[n].value, "low": figures[n].low, "high": figures[n].high} for n in sorted(figures)}
    return pd.DataFrame.from_dict(lines | {0: {"ratio": 1.0, "low": 1.0, "high": 1.0}}, orient="index")


def plot_memorization(
    card: Card, *, metric: str = "ndcg@10", systems: int = 4, keep: tuple[str, ...] = ()
) -> go.Figure:
    """A metric by kind of generalization, a column of dots a kind, a symbol a system: the best `systems` over all
    cases, where the last give way to trained systems and to those in `keep`. card: that of memorization; where it could
    not be measured, the reason."""
    if "by kind" not in card.tables:
        return notice(escape("; ".join(card.unmeasured.values()), 200))
    frame = card.tables["by kind"]
    shown = _shown(frame.xs("all", level="kind")["mean"], systems, _asked(card, keep))
    kinds = [name for name in frame.index.unique("kind") if name != "all"]
    plot, by_kind = go.Figure(), frame[["share", "n"]].groupby("kind", sort=False).first()
    for n, system in enumerate(shown):
        means = frame.xs(system, level="system").loc[kinds]
        plot.add_scatter(
            x=np.arange(len(kinds)) + 0.12 * (n - (len(shown) - 1) / 2), y=means["mean"], mode="markers",
            name=escape(system), marker={"color": COLORWAY[n % 4], "symbol": SYMBOLS[n % 7], "size": 11},
            error_y={"type": "data", "symmetric": False, "array": means["high"] - means["mean"],
                     "arrayminus": means["mean"] - means["low"], "thickness": 1.5, "width": 0},
            customdata=[f"{escape(system)}: {metric} {_mean_of_kind(row)}" for _, row in means.iterrows()],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    ticks = [f"{wrap(kind, 14)}<br>{row.share:.0%} (n = {int(row.n):,})" for kind, row in by_kind.loc[kinds].iterrows()]
    plot.update_xaxes(tickvals=list(range(len(kinds))), ticktext=ticks, showgrid=False, tickangle=0)
    plot.update_yaxes(rangemode="tozero")
    rows_of_first = frame.xs(shown[0], level="system")
    easiest = rows_of_first["mean"][kinds].idxmax()
    every, most = (_mean_of_kind(rows_of_first.loc[kind]) for kind in ("all", easiest))
    title = f"{escape(shown[0])}: {metric} {every} over all test cases, {most} over the {easiest} ones"
    plot = finish(plot, title, x="what a case takes, and its share of the cases", y=f"{metric} (0 to 1)", height=300)
    return _without_finding(plot, card)


def _asked(card: Card, keep: tuple[str, ...]) -> list[str]:
    """The systems a picture of a card may not drop: those in `keep`, and the trained one that the card is about."""
    about = card.tables["lead"]["ours"].tolist() if "lead" in card.tables else []
    return list(dict.fromkeys([*keep, *about]))


def _shown(means: pd.Series, n: int, asked: list[str]) -> list[str]:
    """The best n systems, best first; asked for ones that are not among them take the places of the last. UserError for
    one that is not known."""
    for system in asked:
        if system not in means.index:
            raise unknown_name("system", system, list(means.index))
    ranked = means.sort_values(ascending=False, kind="stable").index.tolist()
    kept = [system for system in ranked if system not in asked][: max(0, n - len(asked))]
    return [system for system in ranked if system in kept or system in asked]


def _mean_of_kind(row: pd.Series) -> str:
    """A mean with its interval and cases."""
    figure = Figure("", row["mean"], row["low"], row["high"], n=int(row["n"]))
    return f"{score(figure)} (n = {figure.n:,})"

"""Cards of diagnostics in front of a person: every figure beside its interval and what it would be by chance."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.diagnose.verdict.card import Card, Figure
from workbench.diagnose.verdict.sentences import Sentence
from workbench.errors import UserError
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SYMBOLS, VERMILLION, dress, escape, notice, rows, wrap

MARKS = {True: "✓", False: "–"}


def _number(value: float) -> str:
    """As many digits as a reader can use.

    >>> _number(0.04712), _number(12345.0), _number(float("nan"))
    ('0.0471', '12,345', '—')
    """
    if not np.isfinite(value):
        return "—"
    if abs(value) >= 1000 or value == int(value) and abs(value) >= 2:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"


def figures(card: Card, *, only: tuple[str, ...] = ()) -> Table:
    """The figures of a card, a row each: value with 95 %, what chance gives and whether it is clear of that, and what
    was measured in words; below, what could not be. only: those whose names hold one of these words."""
    chosen = [f for f in card.figures if not only or any(word in f.name for word in only)]
    frame = pd.DataFrame({
        "figure": [f.name for f in chosen], "value [95 %]": [_with_ends(f) for f in chosen],
        "by chance": [_number(f.null) if np.isfinite(f.null) else "" for f in chosen],
        "clear": [MARKS[f.found] if f.toward and np.isfinite(f.null) else "" for f in chosen],
        "n": [f"{f.n:,}" if f.n else "" for f in chosen], "what it is": [f.note for f in chosen],
    })  # fmt: skip
    said = frame.loc[:, [name == "figure" or frame[name].astype(bool).any() for name in frame]]
    missing = [f"{name}: {why.rstrip('.')}." for name, why in card.unmeasured.items()]
    return table(said, index=False, length=400, caption=" ".join(["Not measured.", *missing]) if missing else "")


def _with_ends(figure: Figure) -> str:
    ends = f" [{_number(figure.low)}, {_number(figure.high)}]" if np.isfinite(figure.low) else ""
    return _number(figure.value) + ends


def against_chance(card: Card, title: str, *, only: tuple[str, ...] = ()) -> go.Figure:
    """Figures that are shares or the like, between 0 and 1: dots with 95 % bars, and a tick where chance would be.

    only: those whose names hold one of these words. title: the finding, in plain words, not escaped here.
    """
    chosen = [f for f in card.figures if np.isfinite(f.null) and 0 <= f.value <= 1 and 0 <= f.null <= 1]
    chosen = [f for f in chosen if not only or any(word in f.name for word in only)]
    if not chosen:
        return notice(f"{title}: nothing could be measured")
    figure, at = go.Figure(), np.arange(len(chosen))
    figure.add_scatter(x=[f.null for f in chosen], y=at, mode="markers", name="by chance",
                       marker={"symbol": "line-ns", "size": 18, "color": GREY, "line": {"width": 3, "color": GREY}},
                       hovertemplate="by chance %{x:.3f}<extra></extra>")  # fmt: skip
    for found, (name, color, symbol) in {
        True: ("beyond chance", BLUE, "circle"), False: ("not shown", VERMILLION, "circle-open"),
    }.items():  # fmt: skip
        here = [n for n, f in enumerate(chosen) if f.found is found]
        some = [chosen[n] for n in here]
        if some:
            figure.add_scatter(
                x=[f.value for f in some], y=here, mode="markers", name=name,
                marker={"color": color, "symbol": symbol, "size": 11, "line": {"width": 2, "color": color}},
                error_x={"type": "data", "symmetric": False, "thickness": 2, "width": 0,
                         "array": [np.nan_to_num(f.high - f.value) for f in some],
                         "arrayminus": [np.nan_to_num(f.value - f.low) for f in some]},
                customdata=[escape(f.note, 160) for f in some],
                hovertemplate="%{x:.3f}<br>%{customdata}<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(**rows([f.name for f in chosen])).update_xaxes(rangemode="tozero")
    return dress(figure, title, x="value (0 to 1)", height=75 + 34 * len(chosen))


def rings(card: Card) -> go.Figure:
    """How many answers lie one, two and three steps from the last item in the train graph, and how many would by
    chance. card: that of the graph."""
    near = next((f for f in card.figures if f.name == "CR_1"), None)
    if near is None:
        return notice("How far the answers lie from the last item could not be measured")
    by_chance = f"; by chance {near.null:.0%}" if np.isfinite(near.null) else ""
    title = f"{near.value:.0%} of the answers directly followed the last item in train{by_chance}"
    return against_chance(card, title, only=("CR_",))


def by_length(curves: dict[str, pd.DataFrame], *, metric: str = "ndcg@10") -> go.Figure:
    """What is left of a metric when only the last events are read, a line a system. curves: by system, a frame indexed
    by how many events are read (0: all) with the columns ratio, low and high. UserError where there is none."""
    if not curves:
        raise UserError("no system was given whose memory could be measured")
    if not any(n for curve in curves.values() for n in curve.index):
        return notice(f"What {escape(', '.join(curves))} keeps of a shorter history could not be measured")
    figure, short = go.Figure(), {}
    for at, (name, curve) in enumerate(curves.items()):
        lengths = sorted(n for n in curve.index if n) + ([0] if 0 in curve.index else [])
        curve, names = curve.loc[lengths], [str(n) if n else "all" for n in lengths]
        short[name] = float(curve["ratio"].iloc[0])
        figure.add_scatter(
            x=names, y=curve["ratio"], mode="lines+markers", name=escape(name),
            line={"color": COLORWAY[at % 4], "dash": DASHES[at % 7]}, marker={"symbol": SYMBOLS[at % 7]},
            error_y={"type": "data", "symmetric": False, "array": curve["high"] - curve["ratio"],
                     "arrayminus": curve["ratio"] - curve["low"], "thickness": 1.5, "width": 0},
            hovertemplate="last %{x}: %{y:.0%}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_yaxes(tickformat=".0%", rangemode="tozero").update_xaxes(type="category")
    name = max(short, key=short.get)
    least = min(n for n in curves[name].index if n)
    alone = "the last item alone" if least == 1 else f"the last {least}"
    title = f"From {alone} {escape(name)} keeps {short[name]:.0%} of its {metric}"
    return dress(figure, title, x="newest events that are read", y=f"share of {metric} with all")


def lengths_read(card: Card) -> pd.DataFrame:
    """Of a card of memory: what `by_length` draws."""
    cuts = {int(f.name.removeprefix("HD_")): f for f in card.figures if f.name.startswith("HD_")}
    rows = {n: {"ratio": f.value, "low": f.low, "high": f.high} for n, f in cuts.items()}
    return pd.DataFrame.from_dict(rows | {0: {"ratio": 1.0, "low": 1.0, "high": 1.0}}, orient="index")


def behind(card: Card, name: str, *, digits: int = 4) -> Table:
    """A table of a card, or why it could not be made."""
    if name in card.tables:
        return table(card.tables[name], digits=digits)
    return table(pd.DataFrame(card.unmeasured.items(), columns=["not measured", "why"]), index=False, length=400)


def by_stratum(card: Card, *, metric: str = "ndcg@10", systems: int = 4) -> go.Figure:
    """A metric by what a case asks for, a column of dots a stratum, a sign a system: the best `systems` over all cases.
    card: that of the strata; where it could not be measured, the reason."""
    if "by stratum" not in card.tables:
        return notice(escape("; ".join(card.unmeasured.values()), 200))
    found = card.tables["by stratum"]
    best = found.xs("all", level="stratum").nlargest(systems, "mean").index
    names = [name for name in found.index.unique("stratum") if name != "all"]
    figure, share = go.Figure(), found["share"].groupby("stratum", sort=False).first()
    for at, system in enumerate(best):
        rows_ = found.xs(system, level="system").loc[names]
        figure.add_scatter(
            x=np.arange(len(names)) + 0.12 * (at - (len(best) - 1) / 2), y=rows_["mean"], mode="markers",
            name=escape(system), marker={"color": COLORWAY[at % 4], "symbol": SYMBOLS[at % 7], "size": 11},
            error_y={"type": "data", "symmetric": False, "array": rows_["high"] - rows_["mean"],
                     "arrayminus": rows_["mean"] - rows_["low"], "thickness": 1.5, "width": 0},
            hovertemplate="%{y:.4f}<extra></extra>",
        )  # fmt: skip
    ticks = [f"{wrap(name, 14)}<br>{share[name]:.0%}" for name in names]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=ticks, showgrid=False, tickangle=0)
    figure.update_yaxes(rangemode="tozero")
    first = best[0]
    means = found.xs(first, level="system")["mean"]
    most = means[names].idxmax()
    title = f"{escape(first)}: {metric} {means['all']:.4f} over all cases, {means[most]:.4f} where they are {most}"
    return dress(figure, title, x="what a case asks for, and share of the cases", y=f"{metric} (0 to 1)", height=300)


def sentences(said: list[Sentence]) -> Table:
    """What a benchmark can and cannot show, what forbids something first, with the card each sentence is read from."""
    frame = pd.DataFrame([{"": s.kind, "what": s.text, "from": s.card} for s in said], columns=["", "what", "from"])
    return table(frame, index=False, length=400, caption="" if said else "Nothing was measured that allows a sentence.")

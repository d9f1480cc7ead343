"""A network that spells, slot by slot: what each slot is for, and what a dictionary keeps of it."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.errors import check_names
from workbench.experiment import Run
from workbench.experiment.probing import by_code_level
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.per_level import ALL, average, names
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SEQUENTIAL, SYMBOLS, dress, escape, notice

WHOLE = "scores whole items: it spells no codes, so there is nothing to tell apart code by code"


def slots_used(run: Run, read: Activations) -> go.Figure:
    """`attribution` of a run, on users that no dictionary of `read` was learned on; for one that does not spell, a
    sentence that says so."""
    if not by_code_level.spells(run):
        return notice(f"{escape(run.label)} {WHOLE}")
    return attribution(by_code_level.attributed(run, read))


def levels_kept(run: Run, read: Activations, kinds: dict[str, Dictionary], *, users: int = 0) -> go.Figure:
    """`kept_by_level` of a run, each dictionary at all levels, on users that none was learned on; for one that does not
    spell, a sentence that says so. kinds: dictionaries of `read` by name, ours and a rival first. users: at most that
    many, all without."""
    if not by_code_level.spells(run):
        return notice(f"{escape(run.label)} {WHOLE}")
    ours, rival, *_ = kinds
    return kept_by_level(*by_code_level.by_level(run, read, kinds, users=users), ours=ours, rival=rival)


def attribution(rise: np.ndarray) -> go.Figure:
    """Which slot each code is foretold from: what a code costs more where one slot of its item holds the mean of its
    level. rise: (C, L, L) nats of `spelled.attribution`; intervals over its cases are in the hover texts."""
    L, table = rise.shape[1], average(rise)
    mean, low, high = (table[name].to_numpy().reshape(L, L) for name in ("rise", "low", "high"))
    after = np.triu(np.ones((L, L), bool))
    hover = [[f"code {row + 1} ablated: code {column + 1} costs {mean[row, column]:+.3f} nats "
              f"[{low[row, column]:+.3f}, {high[row, column]:+.3f}]" if after[row, column] else "read later: exactly 0"
              for column in range(L)] for row in range(L)]  # fmt: skip
    figure = go.Figure(go.Heatmap(
        z=np.where(after, mean, np.nan), x=names(L), y=names(L), colorscale=SEQUENTIAL, customdata=hover,
        text=np.where(after, np.char.mod("%.2f", mean.round(2) + 0.0), ""), texttemplate="%{text}", xgap=2, ygap=2,
        colorbar={"title": {"text": "nats"}}, hovertemplate="%{customdata}<extra></extra>", hoverongaps=False,
    ))  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    whole, own = np.abs(mean).sum(), np.abs(np.diag(mean)).sum()
    if not whole:
        title = "Taking a slot away changes nothing: this site does not matter"
    else:
        most = np.diag(mean).argmax()
        title = f"{own / whole:.0%} of what ablating a slot changes is at the code that it foretells itself"
        title += f"; most is lost at code {most + 1}, {mean[most, most]:.2f} nats"
    under = "A slot has read the code before the one it foretells; what is right of the diagonal, later slots fetch."
    return dress(figure, title, subtitle=under, x="code that is foretold", y="slot that holds its mean",
                 height=90 + 60 * L)


def kept_by_level(unexplained: pd.DataFrame, kept: dict[str, pd.DataFrame], *, ours: str, rival: str) -> go.Figure:
    """What dictionaries leave unexplained of each level, and how much of the cross-entropy of its code the network
    keeps with them at the slots of that level alone, between the level's mean (0) and the network itself (1).

    unexplained: of `spelled.fvu_by_level`, a column a kind. kept: `spelled.recovered_by_level` by kind. UserError where
    one of the two that are compared was not measured.
    """
    check_names("kind of dictionary", [ours, rival], list(unexplained.columns))
    check_names("kind of dictionary", [ours, rival], list(kept))
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    shares = {kind: _own(table) for kind, table in kept.items()}
    codes = [name for name in unexplained.index if name != ALL]
    for at, kind in enumerate(unexplained.columns):
        color = {ours: BLUE, rival: COLORWAY[1]}.get(kind, GREY)
        look = {"name": escape(kind), "legendgroup": kind, "mode": "lines+markers", "x": codes,
                "line": {"color": color, "dash": DASHES[at % 7]}, "marker": {"symbol": SYMBOLS[at % 7], "size": 9}}
        figure.add_scatter(y=unexplained.loc[codes, kind], **look, row=1, col=1,
                           hovertemplate=f"{escape(kind)}, %{{x}}: %{{y:.1%}} unexplained<extra></extra>")
        if kind in shares:
            own = shares[kind]
            bars = {"array": own["high_mean"] - own["share"], "arrayminus": own["share"] - own["low_mean"]}
            figure.add_scatter(y=own["share"], error_y=bars, **look, showlegend=False, row=1, col=2,
                               hovertemplate=f"{escape(kind)}, %{{x}}: %{{y:.1%}} kept<extra></extra>")
    for value, said in ((0, "the level's mean"), (1, "the network itself")):
        figure.add_hline(y=value, line={"color": GREY, "dash": "dot"}, row=1, col=2, annotation_position="top right",
                         annotation={"text": said})
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title_text="variance unexplained, lower is better", row=1, col=1)
    figure.update_yaxes(title_text="cross-entropy kept, higher is better", row=1, col=2, range=_room(shares))
    title = f"{_said(ours, unexplained, shares)}; {_said(rival, unexplained, shares)}"
    missing = sorted({code for own in shares.values() for code in own.index[own["share"].isna()]})
    under = "Each level about its own mean, at its own slots alone."
    under += f" Undefined, because ablating costs nothing sure: {', '.join(missing)}." if missing else ""
    return dress(figure, title, subtitle=under, height=340)


def _room(shares: dict[str, pd.DataFrame]) -> list[float]:
    """From 0 or lower to above 1, so that what is written there stands clear of the points."""
    low, high = (np.nan_to_num(pd.concat(own[name] for own in shares.values()).to_numpy(float))
                 for name in ("low_mean", "high_mean"))
    return [min(-0.03, low.min(initial=0) - 0.03), max(1.15, high.max(initial=0) + 0.12)]


def _own(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `recovered_by_level` in which a level is edited and its own code measured."""
    own = table[(table["edited"] == table["code"]) & (table["code"] != ALL)].set_index("code")
    return own.assign(share=own["recovered_mean"].astype(float))


def _said(kind: str, unexplained: pd.DataFrame, shares: dict[str, pd.DataFrame]) -> str:
    worst = unexplained[kind].drop(ALL).max()
    found, said = shares[kind]["share"].dropna(), "at a site that does not matter"
    if len(found):
        said = f"and keeps {found.min():.0%} or more of its cross-entropy"
    return f"{escape(kind)} leaves {worst:.0%} of a level unexplained at most {said}"

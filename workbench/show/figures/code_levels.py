"""A semantic ID decoder level by level: attribution of codes to positions, and how well dictionaries reconstruct."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.errors import check_names
from workbench.experiment.probing import by_code_level
from workbench.experiment.probing.probe import SAE, Probe
from workbench.probing.interventions.per_level import ALL, level_names, mean_attribution
from workbench.show.theme import BLUE, COLORWAY, DASHES, GREY, SEQUENTIAL, SYMBOLS, escape, finish, headline, notice

NO_CODES = "scores whole items: it decodes no codes, so there is nothing to compare code by code"


def plot_position_attribution(probe: Probe) -> go.Figure:
    """How much more each code of the target costs where one position is mean-ablated, as a matrix in nats, on users
    held out from all dictionaries; a notice for a run that decodes no codes."""
    if not by_code_level.decodes_semantic_ids(probe.run):
        return notice(f"{escape(probe.run.label)} {NO_CODES}")
    rise = by_code_level.position_attribution(probe.run, probe.activations, trained=probe.trained)
    return draw_position_attribution(rise, note=probe.note)


def plot_levels_recovered(probe: Probe, saes: dict[str, SAE], *, users: int = 0) -> go.Figure:
    """The variance that dictionaries leave unexplained of each code level, and the cross-entropy of its code that they
    recover, on users held out from all of them; a notice for a run that decodes no codes. saes: by name, ours and a
    rival first. users: at most so many, 0 for what suits the profile."""
    if not by_code_level.decodes_semantic_ids(probe.run):
        return notice(f"{escape(probe.run.label)} {NO_CODES}")
    ours, rival, *_ = saes
    tables = probe.code_levels(saes, users=users)
    return draw_levels_recovered(*tables, ours=ours, rival=rival, note=probe.note)


def draw_position_attribution(rise: np.ndarray, *, note: str = "") -> go.Figure:
    """`plot_position_attribution` of its numbers. rise: (C, L, L) nats of `position_attribution`; 95 % intervals over
    cases are in the hover texts. note: in place of the finding."""
    L, table = rise.shape[1], mean_attribution(rise)
    mean, low, high = (table[name].to_numpy().reshape(L, L) for name in ("rise", "low", "high"))
    causal = np.triu(np.ones((L, L), bool))
    hover = [[f"code {row + 1} ablated: code {column + 1} costs {mean[row, column]:+.3f} nats "
              f"[{low[row, column]:+.3f}, {high[row, column]:+.3f}]" if causal[row, column] else "later: exactly 0"
              for column in range(L)] for row in range(L)]  # fmt: skip
    figure = go.Figure(go.Heatmap(
        z=np.where(causal, mean, np.nan), x=level_names(L), y=level_names(L), colorscale=SEQUENTIAL, customdata=hover,
        text=np.where(causal, np.char.mod("%.2f", mean.round(2) + 0.0), ""), texttemplate="%{text}", xgap=2, ygap=2,
        colorbar={"title": {"text": "nats"}}, hovertemplate="%{customdata}<extra></extra>", hoverongaps=False,
    ))  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    total, own = np.abs(mean).sum(), np.abs(np.diag(mean)).sum()
    if not total:
        title = "Ablating a position changes nothing: this site does not matter"
    else:
        most = np.diag(mean).argmax()
        title = f"{own / total:.0%} of the effect of ablating a position is on the code that it predicts itself"
        title += f"; the largest is at code {most + 1}, {mean[most, most]:.2f} nats"
    subtitle = "A position holds the code before the one it predicts. Right of the diagonal: what later ones attend to."
    return finish(figure, headline(title, note), subtitle=subtitle, x="predicted code", y="mean-ablated position",
                 height=90 + 60 * L)


def draw_levels_recovered(
    unexplained: pd.DataFrame, recovered: dict[str, pd.DataFrame], *, ours: str, rival: str, note: str = ""
) -> go.Figure:
    """`plot_levels_recovered` of its numbers: variance unexplained by level, and cross-entropy recovered with
    reconstructions at the positions of that level alone, from mean ablation (0) to the network itself (1).

    unexplained: of `fvu_by_level`, a column a kind. recovered: of `recovered_by_level`, by kind. note: in place of the
    finding. UserError where ours or the rival was not measured.
    """
    check_names("kind of dictionary", [ours, rival], list(unexplained.columns))
    check_names("kind of dictionary", [ours, rival], list(recovered))
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    shares = {kind: _own(table) for kind, table in recovered.items()}
    codes = [name for name in unexplained.index if name != ALL]
    for n, kind in enumerate(unexplained.columns):
        color = {ours: BLUE, rival: COLORWAY[1]}.get(kind, GREY)
        style = {"name": escape(kind), "legendgroup": kind, "mode": "lines+markers", "x": codes,
                "line": {"color": color, "dash": DASHES[n % 7]}, "marker": {"symbol": SYMBOLS[n % 7], "size": 9}}
        figure.add_scatter(y=unexplained.loc[codes, kind], **style, row=1, col=1,
                           hovertemplate=f"{escape(kind)}, %{{x}}: %{{y:.1%}} unexplained<extra></extra>")
        if kind in shares:
            own = shares[kind]
            bars = {"array": own["high_mean"] - own["share"], "arrayminus": own["share"] - own["low_mean"]}
            figure.add_scatter(y=own["share"], error_y=bars, **style, showlegend=False, row=1, col=2,
                               hovertemplate=f"{escape(kind)}, %{{x}}: %{{y:.1%}} recovered<extra></extra>")
    for value, name in ((0, "mean ablation"), (1, "the network itself")):
        figure.add_hline(y=value, line={"color": GREY, "dash": "dot"}, row=1, col=2, annotation_position="top right",
                         annotation={"text": name})
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title_text="variance unexplained, lower is better", row=1, col=1)
    figure.update_yaxes(title_text="cross-entropy recovered, higher is better", row=1, col=2, range=_y_range(shares))
    title = f"{_summary(ours, unexplained, shares)}; {_summary(rival, unexplained, shares)}"
    missing = sorted({code for own in shares.values() for code in own.index[own["share"].isna()]})
    subtitle = "Each level about its own mean, at its own positions alone."
    subtitle += f" Undefined, because ablation has no significant cost: {', '.join(missing)}." if missing else ""
    return finish(figure, headline(title, note), subtitle=subtitle, height=340)


def _y_range(shares: dict[str, pd.DataFrame]) -> list[float]:
    """From 0 or lower to above 1, so that the annotations do not cover the points."""
    low, high = (np.nan_to_num(pd.concat(own[name] for own in shares.values()).to_numpy(float))
                 for name in ("low_mean", "high_mean"))
    return [min(-0.03, low.min(initial=0) - 0.03), max(1.15, high.max(initial=0) + 0.12)]


def _own(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `recovered_by_level` in which a level is edited and its own code measured."""
    own = table[(table["edited"] == table["code"]) & (table["code"] != ALL)].set_index("code")
    return own.assign(share=own["recovered_mean"].astype(float))


def _summary(kind: str, unexplained: pd.DataFrame, shares: dict[str, pd.DataFrame]) -> str:
    worst = unexplained[kind].drop(ALL).max()
    measured, recovery = shares[kind]["share"].dropna(), "at a site that does not matter"
    if len(measured):
        recovery = f"and recovers {measured.min():.0%} or more of its cross-entropy"
    return f"{escape(kind)} leaves {worst:.0%} of a level unexplained at most {recovery}"

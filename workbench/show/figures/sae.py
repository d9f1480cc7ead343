"""What a probe found: dictionaries side by side, what latents certifiably stand for, one latent where it fires."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.sparse import csc_matrix, csr_matrix

from workbench.errors import UserError
from workbench.experiment import Bench
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, COLORWAY, GREY, SYMBOLS, VERMILLION, dress, escape, shorten

SHOWN = 4  # items of a history that a line has room for


def training(found: Dictionary) -> go.Figure:
    """What a dictionary leaves unexplained and how many of its latents are dead, epoch by epoch."""
    curve = pd.DataFrame(found.about["curve"])
    figure = go.Figure()
    for name, label, color, symbol in (("fvu", "variance left unexplained", BLUE, "circle"),
                                       ("dead", "latents that are dead", VERMILLION, "diamond")):
        figure.add_scatter(x=curve["epoch"], y=curve[name], name=label, mode="lines+markers", line={"color": color},
                           marker={"symbol": symbol}, hovertemplate="epoch %{x}: %{y:.1%}<extra></extra>")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    last = curve.iloc[-1]
    title = f"{last['fvu']:.0%} of the variance is left unexplained, {last['dead']:.0%} of the latents are dead"
    return dress(figure, title, x="epoch", y="share", height=270)


def pareto(summaries: pd.DataFrame, *, ours: str) -> go.Figure:
    """Dictionaries by how many latents they use at a time and what they leave unexplained: one line a kind, because a
    single point compares nothing. summaries: columns kind, k, l0, fvu. UserError where a kind has one point alone."""
    figure = go.Figure()
    for at, (kind, rows) in enumerate(summaries.groupby("kind", sort=False)):
        if len(rows) < 2:
            raise UserError(f"{kind} was measured at one sparsity only; a comparison needs at least two")
        rows = rows.sort_values("l0")
        mine = kind == ours
        color = BLUE if mine else COLORWAY[1 + at % 3] if at < 4 else GREY
        figure.add_scatter(x=rows["l0"], y=rows["fvu"], name=escape(kind), mode="lines+markers",
                           line={"color": color, "width": 3 if mine else 1.5, "dash": "solid" if mine else "dot"},
                           marker={"symbol": SYMBOLS[at % len(SYMBOLS)], "size": 9},
                           hovertemplate=f"{escape(kind)}: %{{x:.1f}} latents, %{{y:.1%}} left<extra></extra>")
    least = summaries.loc[summaries.groupby("k")["fvu"].idxmin()].set_index("k")["kind"]
    title = f"{escape(ours)} leaves least unexplained at {(least == ours).sum()} of {len(least)} sparsities"
    if (other := least[least != ours]).any():
        title += f", {escape(other.iloc[-1])} at k = {other.index[-1]}"
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(type="log", dtick="D2")
    return dress(figure, title, x="latents that fire at a time (mean)", y="variance unexplained, lower is better")


def concepts(certified: pd.DataFrame, bench: Bench, *, n: int = 12) -> Table:
    """The latents that carry most activation among those that are certified: their concept, what it was tested by, and
    the item that takes most of them."""
    known = certified[certified["certified"]].sort_values("mass", ascending=False)
    share = certified["mass"][certified["certified"]].sum()
    frame = known[["concept", "effect", "q", "mass"]].copy()
    if "f1" in known:
        frame.insert(1, "of the", known["source"].map({"last": "item read", "next": "next item", "history": "history"}))
        frame.insert(4, "F1 over floor", known["f1"] - known["floor"])
        frame["speaks against it"] = known["flag"].replace("", "–")
    else:
        titles = bench.dataset.titles(known["top"].to_numpy())
        frame["items"], frame["most at"] = known["effective"], [shorten(title, 40) for title in titles]
    alive = certified["p"].notna().sum()
    said = f"{len(known)} of {alive} latents that fire are certified; they carry {share:.0%} of the activation."
    return table(frame.head(n), digits=3, caption=said)


def firing(
    bench: Bench, units: Activations, z: csr_matrix | csc_matrix, latent: int, *, n: int = 8
) -> Table:  # fmt: skip
    """The units at which a latent fires most, one an item: how strongly, what was read, the last item marked, and what
    came next. UserError where there is no such latent."""
    if not 0 <= latent < z.shape[1]:
        raise UserError(f"latent {latent}: this dictionary has latents 0 to {z.shape[1] - 1}")
    column = z[:, latent].tocoo()
    order = column.row[np.argsort(-column.data, kind="stable")]
    _, once = np.unique(units.last[order], return_index=True)
    rows = order[np.sort(once)[:n]]
    train, lines = bench.split.train, []
    for row in rows:
        read = train.row(int(units.user[row]))[: units.place[row] + 1][-SHOWN:]
        titles = [shorten(title, 34) for title in bench.dataset.titles(read)]
        following = int(units.next[row])
        after = shorten(bench.dataset.titles(np.array([following]))[0], 34) if following else "–"
        lines.append({"fires": float(z[row, latent]), "read before": " · ".join(titles[:-1]), "▶ last": titles[-1],
                      "next": after})  # fmt: skip
    fires = z[:, latent].nnz
    caption = f"Latent {latent} fires at {fires:,} of {z.shape[0]:,} places; at most one of each last item is shown."
    return table(pd.DataFrame(lines), index=False, digits=2, caption=caption)


def verdict(told: pd.DataFrame) -> Table:
    """Dictionaries by the share of all their activation that certified latents carry. The word interpretable is earned
    where ours is ahead of every rival by more than other users and seeds could change. told: of `claims.claims`."""
    ours = told.index[told["by"].isna()][0]
    mass, best = told["certified activation"], told["certified activation"].drop(ours).idxmax()
    gap = told.loc[best]
    if told["interpretable"].any():
        said = f"{ours} is called interpretable"
    elif mass[ours] > mass[best]:
        said = f"{ours} is ahead of every rival on average, but not for sure, so it is not called interpretable"
    else:
        said = f"{ours} is not called interpretable: of {best} as much is certified or more"
    frame = told.drop(columns=["interpretable", "low", "high", "by", "seeds", "concepts"], errors="ignore")
    frame[f"{ours} ahead by"] = [_interval(row) if row["by"] == row["by"] else "–" for _, row in told.iterrows()]
    return table(frame, digits=3, caption=f"{said}. Ours less {best}: {_interval(gap)}.")


def _interval(gap: pd.Series) -> str:
    return f"{gap['by']:+.2f} [{gap['low']:+.2f}, {gap['high']:+.2f}]"

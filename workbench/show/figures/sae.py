"""Sparse autoencoders: training, sparsity against reconstruction, significant features, and where a latent fires."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.sparse import csc_matrix, csr_matrix

from workbench.errors import UserError
from workbench.experiment import Bench
from workbench.experiment.probing.probe import SAE
from workbench.probing.activations.store import Activations
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, COLORWAY, GREY, SYMBOLS, VERMILLION, escape, finish, headline, shorten

SHOWN = 4  # items of a history in a row


def plot_sae_training(sae: SAE) -> go.Figure:
    """The fraction of variance unexplained and the share of dead latents of an autoencoder, by epoch."""
    return draw_training(sae.dictionary.about["curve"], note=sae.probe.note)


def draw_training(epochs: list[dict], *, note: str = "") -> go.Figure:
    """`plot_sae_training` of its numbers: epoch, fvu and dead, one dict per epoch. note: in place of the finding."""
    curve = pd.DataFrame(epochs)
    figure = go.Figure()
    for name, label, color, symbol in (("fvu", "variance unexplained", BLUE, "circle"),
                                       ("dead", "dead latents", VERMILLION, "diamond")):
        figure.add_scatter(x=curve["epoch"], y=curve[name], name=label, mode="lines+markers", line={"color": color},
                           marker={"symbol": symbol}, hovertemplate="epoch %{x}: %{y:.1%}<extra></extra>")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    last = curve.iloc[-1]
    title = f"{last['fvu']:.0%} of the variance is unexplained, {last['dead']:.0%} of the latents are dead"
    return finish(figure, headline(title, note), x="epoch", y="share", height=270)


def plot_pareto(summaries: pd.DataFrame, *, ours: str) -> go.Figure:
    """Dictionaries by L0 and fraction of variance unexplained, a line a kind. summaries: columns kind, k, l0, fvu, a
    row a sparsity; of `Probe.sweep`. UserError where a kind has one point only, which compares nothing."""
    figure = go.Figure()
    for n, (kind, rows) in enumerate(summaries.groupby("kind", sort=False)):
        if len(rows) < 2:
            raise UserError(f"{kind} was measured at one sparsity only; a comparison needs at least two")
        rows = rows.sort_values("l0")
        is_ours = kind == ours
        color = BLUE if is_ours else COLORWAY[1 + n % 3] if n < 4 else GREY
        figure.add_scatter(x=rows["l0"], y=rows["fvu"], name=escape(kind), mode="lines+markers",
                           line={"color": color, "width": 3 if is_ours else 1.5, "dash": "solid" if is_ours else "dot"},
                           marker={"symbol": SYMBOLS[n % len(SYMBOLS)], "size": 9},
                           hovertemplate=f"{escape(kind)}: %{{x:.1f}} latents, %{{y:.1%}} unexplained<extra></extra>")
    lowest = summaries.loc[summaries.groupby("k")["fvu"].idxmin()].set_index("k")["kind"]
    title = f"{escape(ours)} leaves the least unexplained at {(lowest == ours).sum()} of {len(lowest)} sparsities"
    if (other := lowest[lowest != ours]).any():
        title += f", {escape(other.iloc[-1])} at k = {other.index[-1]}"
    users = summaries.attrs.get("cases")
    title += f" (one training each, {users:,} held-out users)" if users else " (one training each)"
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(type="log", dtick="D2")
    title = headline(title, summaries.attrs.get("note", ""))
    return finish(figure, title, x="active latents per position (L0)", y="variance unexplained, lower is better")


def table_features(features: pd.DataFrame, bench: Bench, *, n: int = 12, names: bool = False) -> Table:
    """The n significant features with the largest share of the activation: concept, effect size, q-value, and precision
    over the baseline or the item that activates them most. features: of `concept_test` or `feature_table`.

    names: instead the generated names of the n latents with the largest share: precision, recall and F1 of predicting
    where they are active, F1 of another latent's name, and RecSAE's confidence.
    """
    if names:
        return _table_names(features, n)
    significant = features[features["significant"]].sort_values("activation_share", ascending=False)
    share = features["activation_share"][features["significant"]].sum()
    frame = significant[["concept", "effect", "q", "activation_share"]].copy()
    if "f1" in significant:
        names = {"last": "last item", "next": "next item", "history": "history"}
        frame.insert(1, "of the", significant["source"].map(names))
        frame.insert(4, "F1 over baseline", significant["f1"] - significant["baseline_f1"])
        frame["caveat"] = significant["flag"].replace("", "–")
    else:
        titles = bench.dataset.titles(significant["top_item"].to_numpy())
        frame["items"], frame["top item"] = significant["effective_items"], [shorten(title, 40) for title in titles]
    alive = features["p"].notna().sum()
    caption = f"{len(significant)} of {alive} active latents are significant at FDR 5 %; "
    caption += f"they carry {share:.0%} of the activation. {features.attrs.get('note', '')}".rstrip()
    return table(frame.head(n), digits=3, caption=caption)


def _table_names(features: pd.DataFrame, n: int) -> Table:
    shown = features.nlargest(n, "activation_share")
    frame = pd.DataFrame({
        "name": shown["name"], "precision": shown["name_precision"], "recall": shown["name_recall"],
        "F1": shown["name_f1"], "F1 of another name": shown["shuffled_f1"], "confidence": shown["confidence"],
        "caveat": shown["flag"].replace("", "–"),
    })  # fmt: skip
    judged = features[features["confidence"].notna()]
    confidence = judged["confidence"]
    caption = (f"By RecSAE's confidence {(confidence >= 0.8).mean():.0%} of {len(judged)} latents are at .8 or more, "
               f"{confidence.mean():.2f} on average; the same names predict activation with a mean F1 of "
               f"{judged['name_f1'].mean():.2f}.")  # fmt: skip
    return table(frame, digits=2, caption=caption)


def table_top_activations(sae: SAE, latent: int, *, n: int = 8) -> Table:
    """The held-out positions with the highest activations of a latent, one per last item: activation, history, last
    item and next item. UserError where there is no such latent."""
    return top_activations(sae.probe.run.bench(), *sae.test, latent, n=n)


def top_activations(
    bench: Bench, activations: Activations, z: csr_matrix | csc_matrix, latent: int, *, n: int = 8
) -> Table:  # fmt: skip
    """`table_top_activations` of its parts. z: (n, m) latents of the activations."""
    if not 0 <= latent < z.shape[1]:
        raise UserError(f"latent {latent}: this dictionary has latents 0 to {z.shape[1] - 1}")
    column = z[:, latent].tocoo()
    order = column.row[np.argsort(-column.data, kind="stable")]
    _, first = np.unique(activations.last[order], return_index=True)
    rows = order[np.sort(first)[:n]]
    train, lines = bench.split.train, []
    for row in rows:
        history = train.row(int(activations.user[row]))[: activations.position[row] + 1][-SHOWN:]
        titles = [shorten(title, 34) for title in bench.dataset.titles(history)]
        following = int(activations.next[row])
        next_title = shorten(bench.dataset.titles(np.array([following]))[0], 34) if following else "–"
        lines.append({"activation": float(z[row, latent]), "history": " · ".join(titles[:-1]), "▶ last": titles[-1],
                      "next": next_title})  # fmt: skip
    active = z[:, latent].nnz
    caption = f"Latent {latent} is active at {active:,} of {z.shape[0]:,} positions; at most one a last item is shown."
    return table(pd.DataFrame(lines), index=False, digits=2, caption=caption)

"""What latents do, in front of a person: names that foretell, latents taken away, a concept pushed and its price."""
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.experiment.probing import causal_tests
from workbench.show.tables import Table, table
from workbench.show.theme import BLUE, COLORWAY, GREY, SYMBOLS, dress, escape

LIKE = "like it, "  # how arms that control for a latent are called
BAND = (0.05, 0.95)


def names(latents: pd.DataFrame, *, n: int = 12) -> Table:
    """The latents with most activation by name: how well the name alone foretells where they fire, beside RecSAE's
    confidence for the same name, and the name of another latent. latents: of `latents.latents`."""
    shown = latents.nlargest(n, "mass")
    frame = pd.DataFrame({
        "name": shown["name"], "precision": shown["name_precision"], "recall": shown["name_recall"],
        "F1": shown["name_f1"], "of another": shown["shuffled_f1"], "confidence": shown["confidence"],
        "speaks against it": shown["flag"].replace("", "–"),
    })  # fmt: skip
    judged = latents[latents["confidence"].notna()]
    sure = judged["confidence"]
    said = (f"By RecSAE's confidence {(sure >= 0.8).mean():.0%} of {len(sure)} latents are at .8 or more, "
            f"{sure.mean():.2f} on average; the same names foretell firing with a mean F1 of "
            f"{judged['name_f1'].mean():.2f}.")  # fmt: skip
    return table(frame, digits=2, caption=said)


def ablations(told: pd.DataFrame) -> Table:
    """Certified latents taken away for users for whom they fire: what happens to the share of their concept in the ten
    that are recommended, beside others' directions taken as far. told: of `causal.ablations`."""
    frame = pd.DataFrame({
        "concept": told["concept"], "users": told["users"], "share before": told["before"], "change": told["change"],
        "change by others": told["control"], "q": told["q"], "does something": told["used"],
    })  # fmt: skip
    tested = told["p"].notna()
    said = (f"{int(told['used'].sum())} of {int(tested.sum())} latents that fire for enough users move their concept "
            "more than others do, corrected for as many tests; of the rest nothing was shown.")  # fmt: skip
    return table(frame, digits=3, caption=said)


def dose(curves: pd.DataFrame, concept: str) -> go.Figure:
    """How much of the ten recommended is of the concept as a direction is pushed, a line a direction; of latents like
    the one in question the band of 5 to 95 %. curves: of `causal.steering`; a boost of scores has another unit and is
    left to `prices`."""
    figure = go.Figure()
    like = curves[curves["arm"].str.startswith(LIKE)]
    if len(like):
        low, high = (like.groupby("amount")["share"].quantile(at) for at in BAND)
        figure.add_scatter(x=[*low.index, *high.index[::-1]], y=[*low, *high[::-1]], fill="toself", mode="lines",
                           line={"width": 0}, fillcolor="rgba(128, 128, 128, 0.25)", hoverinfo="skip",
                           name="latents like it, 5 to 95 %")
    rest = curves[~curves["arm"].str.startswith(LIKE) & (curves["arm"] != "score boost")]
    for at, (arm, curve) in enumerate(rest.groupby("arm", sort=False)):
        mine = arm == "the latent"
        figure.add_scatter(x=curve["amount"], y=curve["share"], name=arm, mode="lines+markers",
                           line={"color": BLUE if mine else COLORWAY[at % len(COLORWAY)], "width": 3 if mine else 1.5,
                                 "dash": "solid" if mine else "dot"},
                           marker={"symbol": SYMBOLS[at % len(SYMBOLS)]},
                           hovertemplate=f"{arm}: pushed %{{x}}, %{{y:.0%}}<extra></extra>")  # fmt: skip
    latent = curves[curves["arm"] == "the latent"].set_index("amount")["share"]
    rival = rest[rest["arm"] != "the latent"].groupby("arm")["share"].max()
    title = f"Pushed, the latent takes {escape(concept)} from {latent[0]:.0%} to {latent.max():.0%} of the list at most"
    if len(rival):
        title += f", {rival.idxmax()} to {rival.max():.0%}"
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return dress(figure, title, x="pushed by, in strong activations of the latent", y="share of the ten recommended")


def prices(curves: pd.DataFrame, *, gain: float = 0.2) -> Table:
    """What it costs in ndcg@10 to raise the concept's share by `gain`, by direction and by simply adding to its items'
    scores: the cheapest first."""
    told = causal_tests.costs(curves, gain=gain).sort_values("cost")
    latent, boost = (told["cost"].get(arm, np.nan) for arm in ("the latent", "score boost"))
    if not np.isfinite(latent):
        said = "Pushing the latent never raises it so far."
    elif not np.isfinite(boost):
        said = "Adding to the scores was not tried, or never raises it so far."
    elif min(latent, boost) > 0:
        said = f"The latent costs {latent / boost:.1f} times what adding to the scores costs."
    else:
        said = "One of the latent and adding to the scores costs nothing here: there is no ratio."
    frame = told.rename(columns={"cost": "ndcg@10 lost", "area": "mean gain", "monotone": "follows the amount"})
    return table(frame, digits=3, caption=f"To raise the share by {gain:.0%}. {said}")

"""The dose response of steering along a latent and along rival directions."""
import pandas as pd
import plotly.graph_objects as go

from workbench.experiment.probing.causal_tests import LATENT, MATCHED, SCORE_BOOST
from workbench.show.theme import BLUE, COLORWAY, GREY, SYMBOLS, escape, finish, headline

BAND = (0.05, 0.95)


def plot_dose_response(curves: pd.DataFrame, concept: str) -> go.Figure:
    """The share of a concept in the top 10 by steering strength, a line a direction, with a band of 5 to 95 % for
    matched control latents. curves: of `dose_response_table`; a score boost has another unit and is left out."""
    figure = go.Figure()
    controls = curves[curves["intervention"].str.startswith(MATCHED)]
    if len(controls):
        low, high = (controls.groupby("amount")["share"].quantile(q) for q in BAND)
        figure.add_scatter(x=[*low.index, *high.index[::-1]], y=[*low, *high[::-1]], fill="toself", mode="lines",
                           line={"width": 0}, fillcolor="rgba(128, 128, 128, 0.25)", hoverinfo="skip",
                           name="matched latents, 5 to 95 %")
    names = curves["intervention"]
    directions = curves[~names.str.startswith(MATCHED) & (names != SCORE_BOOST)]
    for n, (name, curve) in enumerate(directions.groupby("intervention", sort=False)):
        is_latent = name == LATENT
        figure.add_scatter(x=curve["amount"], y=curve["share"], name=name, mode="lines+markers",
                           line={"color": BLUE if is_latent else COLORWAY[n % len(COLORWAY)],
                                 "width": 3 if is_latent else 1.5, "dash": "solid" if is_latent else "dot"},
                           marker={"symbol": SYMBOLS[n % len(SYMBOLS)]},
                           hovertemplate=f"{name}: strength %{{x}}, %{{y:.0%}}<extra></extra>")  # fmt: skip
    latent = curves[names == LATENT].set_index("amount")["share"]
    rivals = directions[directions["intervention"] != LATENT].groupby("intervention")["share"].max()
    limit = controls.groupby("intervention")["share"].max().quantile(BAND[1]) if len(controls) else None
    title = _claim(escape(concept), latent, rivals, limit, curves.attrs.get("cases", 0))
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    title = headline(title, curves.attrs.get("note", ""))
    return finish(figure, title, x="strength, in 99th percentiles of the latent's activation", y="share of the top 10")


def _claim(concept: str, latent: pd.Series, rivals: pd.Series, limit: float | None, users: int) -> str:
    """What the curves show, of one network: nothing where 95 % of matched latents raise the share as far."""
    raised = f"from {latent[0]:.0%} to {latent.max():.0%} of the list at most"
    if limit is not None and latent.max() <= limit:
        title = f"Steering shows nothing of {concept}: {raised}, and matched latents get to {limit:.0%} as well"
    else:
        title = f"Steering raises {concept} {raised}" if latent.max() > latent[0] else (
            f"Steering does not raise {concept}, {latent[0]:.0%} of the list")  # fmt: skip
        title += f", matched latents to {limit:.0%}" if limit is not None else ""
    if len(rivals):
        title += f", {rivals.idxmax()} to {rivals.max():.0%}"
    return title + (f" (one network, n = {users:,})" if users else "")

"""The effect of steering along a latent, on its card: curves with a slider, and the items it promotes and demotes."""
import html
from collections.abc import Callable

import numpy as np
import pandas as pd

from workbench.show.dashboard.svg_charts import figure_row, line_chart

SHARE = "share of its concept in the top 10"


def steering_section(about: dict, latent: int, curve: pd.DataFrame) -> str:
    """Dose-response curves with control bands, the slider, and a list that the page's script fills."""
    strengths, users = curve["strength"].to_numpy(), about["steered"]
    x, zero = "steering strength", int(np.flatnonzero(curve["strength"] == 0)[0])
    drawings = []
    if curve["share"].notna().all():
        lines = (curve[name].to_numpy() for name in ("share", "low", "high"))
        drawn = line_chart(strengths, *lines, label=f"{SHARE} by strength", x=x)
        drawings.append(("effect", f"{SHARE}, mean of {users} users", drawn))
    lines = (curve[name].to_numpy() for name in ("ndcg", "ndcg_low", "ndcg_high"))
    drawn = line_chart(strengths, *lines, label="NDCG@10 by strength", percent=False, x=x)
    drawings.append(("cost", f"NDCG@10 of the {users} users", drawn))
    note = ("Strength 1 adds the latent's direction times the 99th percentile of its activation at every position; "
            "0 changes nothing.")  # fmt: skip
    if about["matched"]:
        note += f" Grey: 5 to 95 % of {about['matched']} random latents with steps of similar size."
    return (
        f'<h3>Steering</h3><p class="quiet">{note}</p>{figure_row(drawings)}'
        f'<p class="dial"><label for="dial-{latent}">strength</label> <input type="range" id="dial-{latent}" min="0" '
        f'max="{len(strengths) - 1}" step="1" value="{zero}"> <output aria-live="polite"></output></p>'
        '<p class="quiet who"></p><ol class="strip"></ol><table class="list"><thead><tr><th>rank</th><th>item</th>'
        '<th>change</th></tr></thead><tbody></tbody></table><p class="left quiet"></p>'
    )


def moved_items_section(about: dict, items: pd.DataFrame, title: Callable[[int, int], str]) -> str:
    """The items whose scores rise and fall most. title: of an item, cut at a length."""
    if not len(items):
        return ""

    def side(part: pd.DataFrame, name: str) -> str:
        lines = "".join(
            f'<li><span class="n">{line.change:+.2f}</span> {html.escape(title(line.item, 48))}'
            f'{"<b class=member></b>" if line.member else ""}</li>' for line in part.itertuples()
        )  # fmt: skip
        return f"<div><h4>{name}</h4><ol>{lines}</ol></div>"

    method = f"measured, mean of {about['scored']} users"
    if about["algebraic"]:
        method = ("algebraic: only a dot product follows this site, so the change is the step times w · e of the item; "
                  "that is no evidence of what the network does")  # fmt: skip
    note = f"Change of an item's score at strength 1, less the mean over all items; {method}. ● has the concept."
    both = side(items[items["rank"] > 0], "promoted") + side(items[items["rank"] < 0], "demoted")
    return f'<h3>Promoted and demoted items</h3><p class="quiet">{note}</p><div class="sides">{both}</div>'

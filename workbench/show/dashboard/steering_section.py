"""What pushing along a latent does, on its card: curves with a slider, and the items that it raises and lowers."""
import html
from collections.abc import Callable

import numpy as np
import pandas as pd

from workbench.show.dashboard.svg_charts import dose, figures

SHARE = "share of its concept in the first 10"


def pushing(about: dict, latent: int, curve: pd.DataFrame) -> str:
    """Curves with their bands, the slider, and a list that the page's script fills."""
    strengths, users = curve["strength"].to_numpy(), about["steered"]
    x, zero = "strength of the push", int(np.flatnonzero(curve["strength"] == 0)[0])
    drawings = []
    if curve["share"].notna().all():
        lines = (curve[name].to_numpy() for name in ("share", "low", "high"))
        drawn = dose(strengths, *lines, label=f"{SHARE} by strength", x=x)
        drawings.append(("what it does", f"{SHARE}, mean of {users} users", drawn))
    lines = (curve[name].to_numpy() for name in ("ndcg", "ndcg_low", "ndcg_high"))
    drawn = dose(strengths, *lines, label="NDCG@10 by strength", percent=False, x=x)
    drawings.append(("what it costs", f"NDCG@10 of the {users} users", drawn))
    said = "A strength of 1 adds one push at every place that was read for the dictionary; 0 is the list as it is."
    if about["matched"]:
        said += f" Grey: 5 to 95 % of the {about['matched']} latents drawn at random that push about as far."
    return (
        f'<h3>What pushing along it does</h3><p class="quiet">{said}</p>{figures(drawings)}'
        f'<p class="dial"><label for="dial-{latent}">strength</label> <input type="range" id="dial-{latent}" min="0" '
        f'max="{len(strengths) - 1}" step="1" value="{zero}"> <output aria-live="polite"></output></p>'
        '<p class="quiet who"></p><ol class="strip"></ol><table class="list"><thead><tr><th>place</th><th>item</th>'
        '<th>moved</th></tr></thead><tbody></tbody></table><p class="left quiet"></p>'
    )


def moved(about: dict, items: pd.DataFrame, title: Callable[[int, int], str]) -> str:
    """The items whose scores rise and fall most; title: of an item, in so many characters."""
    if not len(items):
        return ""

    def side(part: pd.DataFrame, name: str) -> str:
        lines = "".join(
            f'<li><span class="n">{line.change:+.2f}</span> {html.escape(title(line.item, 48))}'
            f'{"<b class=member></b>" if line.member else ""}</li>' for line in part.itertuples()
        )  # fmt: skip
        return f"<div><h4>{name}</h4><ol>{lines}</ol></div>"

    how = f"measured, mean of {about['scored']} users"
    if about["algebraic"]:
        how = ("algebraic: only a dot product follows this site, so the change is the push times w · e of the item; "
               "that is no evidence of what the network does")  # fmt: skip
    said = f"Change of an item's score at strength 1, less the mean over all items; {how}. ● is of the concept."
    both = side(items[items["rank"] > 0], "promoted") + side(items[items["rank"] < 0], "demoted")
    return f'<h3>Which items it promotes</h3><p class="quiet">{said}</p><div class="sides">{both}</div>'

"""The latents of a dictionary as one page that opens anywhere: offline, plain SVG, light and dark, by mouse or keys."""
import base64
import hashlib
import html
import json
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.artifacts import write_text
from workbench.experiment import Bench
from workbench.probing.dashboard.tables import Atlas
from workbench.show.dashboard.feature_card import COLUMNS, MORE, READ, Names, called, card
from workbench.show.dashboard.svg_charts import places
from workbench.show.figures.sae import verdict
from workbench.show.theme import shorten

HERE = Path(__file__).parent
CERTIFIED = (
    "A latent is <b>certified</b> if, on users and items on which its concept was not chosen, it fires on the "
    "concept's items more than labels dealt out again among items as popular allow (false discovery rate below 5 % "
    "over all latents), and not on one item alone."
)
NONE = "No latent is certified: the concepts below are the best guesses, and none of them passed the test."
MEANS = {
    "L0": "how many latents fire at a place, on average",
    "FVU": "fraction of the variance at the site that the reconstruction leaves unexplained, on held-out users",
    "recovered": "what is left of NDCG@10 over all test users when the reconstruction stands in at the site, between "
    "having its mean there (0 %) and nothing changed (100 %); in brackets 95 % over users",
    "certified activation": "share of the activation of all latents that certified ones carry, on held-out users",
}
TOOLS = (
    '<div class="tools"><label for="filter">filter</label><input id="filter" type="search" placeholder="concept or '
    'number" autocomplete="off"><p><button id="back">← previous</button><button id="on">next →</button><button '
    'id="random">random latent</button></p><p class="quiet" id="count" aria-live="polite"></p></div>'
)
QUIETLY = "<noscript><style>.latent[hidden]{display:block}.tools,.dial,.list{display:none}</style></noscript>"


def dashboard(
    bench: Bench, atlas: Atlas, out: Path | str, *, told: pd.DataFrame | None = None, levels: str = ""
) -> Path:
    """Write the page of an atlas, whole or not at all, and return where it lies; nothing in it is fetched.

    told: this dictionary beside its rivals, as of `claims.claims`; without it nothing is claimed. levels: what
    `levels.by_level` says of the run.
    """
    out = Path(out)
    write_text(out, dashboard_page(bench, atlas, told=told, levels=levels))
    return out


def dashboard_page(bench: Bench, atlas: Atlas, *, told: pd.DataFrame | None = None, levels: str = "") -> str:
    """The page of `dashboard` as HTML."""
    names, about = Names(bench), atlas.about
    cards = "".join(card(bench, atlas, int(latent), names) for latent in atlas.latents.index)
    title = f"Latents of {shorten(about['system'])} at {shorten(about['site'])}, {shorten(about['dataset'])}"
    facts, said = _facts(atlas, told)
    body = (
        f'<header class="top"><h1>{html.escape(title)}</h1>{facts}<p>{CERTIFIED} {html.escape(said)}</p>{_means(atlas)}'
        f'{levels}</header><div class="sheet">{_list(atlas)}<main id="main">{cards}</main></div>'
    )
    return _document(title, body, _data(bench, atlas, names))


def _document(title: str, body: str, data: dict) -> str:
    """A whole document under a policy that lets its one script run and requests nothing."""
    style, script = ((HERE / f"dashboard.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (f"default-src 'none'; script-src 'sha256-{mark}'; style-src 'unsafe-inline'; img-src data:; "
              "connect-src 'none'; base-uri 'none'; form-action 'none'")  # fmt: skip
    block = json.dumps(data, separators=(",", ":"), allow_nan=False)
    block = block.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n{QUIETLY}\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{block}</script>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _facts(atlas: Atlas, told: pd.DataFrame | None) -> tuple[str, str]:
    """What the page is of and how good the dictionary is; and in words, what may be claimed for it."""
    about, kept = atlas.about, atlas.about["recovered"]
    k = f", k = {about['k']}" if about["k"] else ""
    rows = {
        "dataset": about["dataset"], "data": about["data_hash"], "system": about["system"], "site": about["site"],
        "dictionary": f"{about['form'] or 'given'}{k}, {about['latents']:,} latents for {about['width']} dimensions",
        "that fire": f"{about['alive']:,}", "L0": f"{about['l0']:.1f}", "FVU ↓": f"{about['fvu']:.1%}",
        "NDCG@10 recovered ↑": kept["said"] + (" against mean ablation" if kept["recovered"] is not None else ""),
        "NDCG@10": f"{kept['base']:.4f} as it is, {kept['spliced']:.4f} reconstructed, {kept['mean']:.4f} without",
        "certified activation ↑": f"{about['mass']:.1%}, by {about['certified']} latents",
    }  # fmt: skip
    said = ["No rival was tested beside it, so nothing is claimed."]
    if told is not None:
        rivals = told[told["by"].notna()]  # ours is not ahead of itself
        best = rivals["certified activation"].idxmax()
        rows["of the best rival"] = f"{rivals['certified activation'][best]:.1%}, {best}"
        said = [verdict(told).caption]
    lines = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(shorten(value, 120))}</dd></div>"
                    for name, value in rows.items())  # fmt: skip
    return f'<dl class="facts">{lines}</dl>', " ".join(said + ([] if about["certified"] else [NONE]))


def _means(atlas: Atlas) -> str:
    terms = MEANS | {label: why for name, (label, why) in (COLUMNS | MORE).items() if name in atlas.latents}
    means = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(why)}</dd>" for name, why in terms.items())
    return ("<details><summary>What the numbers mean</summary><p>An arrow says which way is better. What is said of a "
            f'latent is measured on users that the dictionary was not learned on.</p><dl class="means">{means}</dl>'
            "</details>")  # fmt: skip


def _list(atlas: Atlas) -> str:
    """The latents as links, the certified first, with a filter and ways to walk through them."""

    def line(latent: int, row: pd.Series) -> str:
        drawn = " data-drawn" if row["sampled"] else ""
        effect = f"{row['effect']:.1f}" if np.isfinite(row["effect"]) else "–"
        what = f'<span class="id">{latent}</span><span class="what">{html.escape(called(row))}</span>'
        told = f'<span class="good">{"✓" if row["certified"] else ""}</span><span class="n">{effect}</span>'
        return f'<li><a href="#latent-{latent}"{drawn}>{what}{told}</a></li>'

    lines = "".join(line(int(latent), row) for latent, row in atlas.latents.iterrows())
    drawn, alive = int(atlas.latents["sampled"].sum()), atlas.about["alive"]
    said = (f"{len(atlas.latents)} of the {alive} latents that fire: the largest effects, the certified first, and "
            f"{drawn} drawn at random, of which the button picks one.")  # fmt: skip
    keys = '<span class="keys">Keys: ←, → to walk, r random, / filter.</span>'
    legend = '<p class="quiet legend"><span>latent</span><span>✓ certified, effect ↑</span></p>'
    head = f'{TOOLS}<p class="quiet">{said}<br>{keys}</p>{legend}'
    return f'<nav aria-label="Latents">{head}<ol id="latents">{lines}</ol></nav>'


def _data(bench: Bench, atlas: Atlas, names: Names) -> dict:
    """What the slider shows: for each latent where its strengths lie, its curves, and a user's list at each."""
    latents, used, test = {}, set(), bench.split.test
    curves, lists = (dict(tuple(table.groupby("latent"))) for table in (atlas.curves, atlas.lists))
    case = {int(user): row for row, user in enumerate(test.histories.users)}
    for latent in atlas.latents.index:
        curve, rows = curves[latent], lists[latent]
        user = int(rows["user"].iloc[0])
        read, target = test.histories.row(case[user])[-READ:].tolist(), int(test.targets[case[user]])
        used.update(rows["item"].tolist(), read, [target])
        columns = [rows[name].to_numpy(int) for name in ("item", "before", "member")]
        told = np.stack(columns, axis=1).reshape(len(curve), -1, 3)  # rows stand in the order of strengths and places
        latents[int(latent)] = {
            "strengths": curve["strength"].tolist(), "x": places(curve["strength"].to_numpy()).round(1).tolist(),
            **{name: [None if value != value else round(value, 4) for value in curve[name]]
               for name in ("share", "low", "high", "ndcg")},
            "user": shorten(names.users.loc[user], 30), "read": read, "target": target, "lists": told.tolist(),
        }  # fmt: skip
    titles = {int(item): names.plain(int(item)) for item in sorted(used)}
    return {"titles": titles, "latents": latents, "steered": atlas.about["steered"], "depth": atlas.about["depth"]}

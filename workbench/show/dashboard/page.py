"""The latents of a dictionary as one offline HTML page: plain SVG, light and dark, by mouse or keyboard."""
import base64
import hashlib
import html
import json
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.artifacts import write_text
from workbench.experiment import Bench
from workbench.experiment.probing.compare_dictionaries import comparison_caption
from workbench.probing.dashboard.tables import FeatureTables
from workbench.show.dashboard.feature_card import (
    COLUMNS,
    HISTORY_SHOWN,
    MORE_COLUMNS,
    Names,
    feature_card,
    feature_label,
)
from workbench.show.dashboard.svg_charts import x_positions
from workbench.show.theme import shorten

HERE = Path(__file__).parent
SIGNIFICANT = (
    "A latent is <b>significant</b> if, on held-out users and items, its activation is higher on its concept's items "
    "than a popularity-stratified permutation test allows (false discovery rate below 5 % over all latents), and it "
    "does not detect a single item."
)
NONE_SIGNIFICANT = "No latent is significant: the concepts below are best guesses, and none of them passed the test."
MEANS = {
    "L0": "mean number of active latents per position",
    "FVU": "fraction of variance unexplained by the reconstruction at the site, on held-out users",
    "recovered": "NDCG@10 over all test users with the reconstruction at the site, from mean ablation (0 %) to "
    "the unchanged network (100 %); in brackets a 95 % interval over users",
    "activation in significant latents": "their share of the activation of all latents, on held-out users",
}
TOOLS = (
    '<div class="tools"><label for="filter">filter</label><input id="filter" type="search" placeholder="concept or '
    'number" autocomplete="off"><p><button id="back">← previous</button><button id="on">next →</button><button '
    'id="random">random latent</button><button id="save" title="Save the listed latents with all their numbers as '
    'latents.csv">↓ CSV</button></p><p class="quiet" id="count" aria-live="polite"></p></div>'
)
NO_SCRIPT = "<noscript><style>.latent[hidden]{display:block}.tools,.dial,.list{display:none}</style></noscript>"


def write_dashboard(
    bench: Bench, features: FeatureTables, out: Path | str, *, comparison: pd.DataFrame | None = None, levels: str = ""
) -> Path:
    """Write the dashboard as one HTML page that loads nothing, atomically, and return its path.

    comparison: this dictionary beside its rivals, of `compare_dictionaries`; without it nothing is claimed. levels: the
    HTML of `levels_section`.
    """
    out = Path(out)
    write_text(out, dashboard_html(bench, features, comparison=comparison, levels=levels))
    return out


def dashboard_html(
    bench: Bench, features: FeatureTables, *, comparison: pd.DataFrame | None = None, levels: str = ""
) -> str:
    """The page of `write_dashboard` as HTML."""
    names, about = Names(bench), features.about
    cards = "".join(feature_card(bench, features, int(latent), names) for latent in features.latents.index)
    title = f"Latents of {shorten(about['system'])} at {shorten(about['site'])}, {shorten(about['dataset'])}"
    facts, claim = _facts(features, comparison)
    body = (
        f'<header class="top"><h1>{html.escape(title)}</h1>{facts}<p>{SIGNIFICANT} {html.escape(claim)}</p>'
        f'{_means(features)}{levels}</header><div class="sheet">{_list(features)}<main id="main">{cards}</main></div>'
    )
    return _document(title, body, _data(bench, features, names))


def _document(title: str, body: str, data: dict) -> str:
    """A document whose content security policy allows its one script and no requests."""
    files = (HERE / "dashboard.css", HERE / "dashboard.js", HERE.parent / "tables.js")
    style, *scripts = (file.read_text(encoding="utf-8") for file in files)
    script = "\n".join(scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
              "connect-src 'none'; base-uri 'none'; form-action 'none'")  # fmt: skip
    block = json.dumps(data, separators=(",", ":"), allow_nan=False)
    block = block.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n{NO_SCRIPT}\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{block}</script>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _facts(features: FeatureTables, comparison: pd.DataFrame | None) -> tuple[str, str]:
    """The facts of the page: dataset, system, site, and quality of the dictionary; and the claim that they support."""
    about, recovered = features.about, features.about["recovered"]
    k = f", k = {about['k']}" if about["k"] else ""
    against = " against mean ablation" if recovered["recovered"] is not None else ""
    rows = {
        "dataset": about["dataset"], "data": about["data_hash"], "system": about["system"], "site": about["site"],
        "dictionary": f"{about['kind'] or 'given'}{k}, {about['latents']:,} latents for {about['width']} dimensions",
        "active latents": f"{about['alive']:,}", "L0": f"{about['l0']:.1f}", "FVU ↓": f"{about['fvu']:.1%}",
        "NDCG@10 recovered ↑": f"{recovered['text']}{against}",
        "NDCG@10": f"{recovered['base']:.4f} unchanged, {recovered['spliced']:.4f} reconstructed, "
        f"{recovered['mean']:.4f} mean-ablated",
        "activation in significant latents ↑": f"{about['activation_share']:.1%}, by {about['significant']} latents",
    }  # fmt: skip
    claim = ["No rival dictionary was compared, so nothing is claimed."]
    if comparison is not None:
        rivals = comparison[comparison["difference"].notna()]  # all but ours
        best = rivals["activation in significant latents"].idxmax()
        rows["of the best rival"] = f"{rivals['activation in significant latents'][best]:.1%}, {best}"
        claim = [comparison_caption(comparison)]
    lines = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(shorten(value, 120))}</dd></div>"
                    for name, value in rows.items())  # fmt: skip
    return f'<dl class="facts">{lines}</dl>', " ".join(claim + ([] if about["significant"] else [NONE_SIGNIFICANT]))


def _means(features: FeatureTables) -> str:
    terms = MEANS | {label: why for name, (label, why) in (COLUMNS | MORE_COLUMNS).items() if name in features.latents}
    means = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(why)}</dd>" for name, why in terms.items())
    return ("<details><summary>What the numbers mean</summary><p>An arrow shows which direction is better. Latents "
            f'are measured on users that the dictionary was not trained on.</p><dl class="means">{means}</dl>'
            "</details>")  # fmt: skip


def _list(features: FeatureTables) -> str:
    """The latents as links, significant ones first, with a filter and buttons."""

    def line(latent: int, row: pd.Series) -> str:
        drawn = " data-drawn" if row["sampled"] else ""
        effect = f"{row['effect']:.1f}" if np.isfinite(row["effect"]) else "–"
        label = f'<span class="id">{latent}</span><span class="what">{html.escape(feature_label(row))}</span>'
        marks = f'<span class="good">{"✓" if row["significant"] else ""}</span><span class="n">{effect}</span>'
        return f'<li><a href="#latent-{latent}"{drawn}>{label}{marks}</a></li>'

    lines = "".join(line(int(latent), row) for latent, row in features.latents.iterrows())
    drawn, alive = int(features.latents["sampled"].sum()), features.about["alive"]
    note = (f"{len(features.latents)} of the {alive} active latents: the largest effects, significant ones first, and "
            f"a random sample of {drawn}, of which the button picks one.")  # fmt: skip
    keys = '<span class="keys">Keys: ←, → previous and next, r random, / filter.</span>'
    legend = '<p class="quiet legend"><span>latent</span><span>✓ significant, effect ↑</span></p>'
    head = f'{TOOLS}<p class="quiet">{note}<br>{keys}</p>{legend}'
    return f'<nav aria-label="Latents">{head}<ol id="latents">{lines}</ol></nav>'


def _data(bench: Bench, features: FeatureTables, names: Names) -> dict:
    """What the script shows: for each latent the strengths and their x positions, its curves, a user's lists, and its
    line of the CSV file."""
    latents, used, test = {}, set(), bench.split.test
    curves, lists = (dict(tuple(table.groupby("latent"))) for table in (features.dose_response, features.example_lists))
    case = {int(user): row for row, user in enumerate(test.histories.users)}
    for latent in features.latents.index:
        curve, rows = curves[latent], lists[latent]
        user = int(rows["user"].iloc[0])
        history, target = test.histories.row(case[user])[-HISTORY_SHOWN:].tolist(), int(test.targets[case[user]])
        used.update(rows["item"].tolist(), history, [target])
        columns = [rows[name].to_numpy(int) for name in ("item", "rank_before", "member")]
        entries = np.stack(columns, axis=1).reshape(len(curve), -1, 3)  # rows are ordered by strength and rank
        latents[int(latent)] = {
            "strengths": curve["strength"].tolist(), "x": x_positions(curve["strength"].to_numpy()).round(1).tolist(),
            **{name: [None if value != value else round(value, 4) for value in curve[name]]
               for name in ("share", "low", "high", "ndcg")},
            "user": shorten(names.users.loc[user], 30), "history": history, "target": target, "lists": entries.tolist(),
        }  # fmt: skip
    titles = {int(item): names.plain(int(item)) for item in sorted(used)}
    table = features.latents
    csv = {"head": table.iloc[:0].to_csv(index_label="latent"),
           **{int(latent): table.loc[[latent]].to_csv(header=False) for latent in table.index}}  # fmt: skip
    data = {"titles": titles, "latents": latents, "csv": csv}
    return data | {name: features.about[name] for name in ("steered", "depth")}

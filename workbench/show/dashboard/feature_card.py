"""One latent as a card of plain HTML: concept, top activations, activation profile, steering, nearest latents."""
import html

import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.experiment import Bench
from workbench.probing.dashboard.tables import FeatureTables
from workbench.show.dashboard.steering_section import moved_items_section, steering_section
from workbench.show.dashboard.svg_charts import bar_chart, figure_row
from workbench.show.theme import shorten

HISTORY_SHOWN = 6  # items of a history in a strip, the last one included
TITLE_LENGTH = 32  # characters of a title in a strip
COLUMNS = {  # of the feature table: label with the better direction, and explanation
    "source": ("concept of", "the item that has the concept: the last one, the next one, or most of the history"),
    "effect": ("effect ↑", "mean activation on the concept's items less that on others, as a z-score of the "
               "permutation null"),
    "p": ("p ↓", "p-value of the popularity-stratified permutation test"),
    "q": ("q ↓", "p-value after Benjamini-Hochberg over all latents tested; significant below .05"),
    "precision": ("precision ↑", "share of the positions where it is active that have the concept"),
    "recall": ("recall ↑", "share of the positions with the concept where it is active"),
    "f1": ("F1 ↑", "harmonic mean of precision and recall"),
    "baseline_f1": ("F1 baseline", "the F1 of a latent that is active everywhere"),
    "ap": ("AP ↑", "average precision of its activation as a score for the concept"),
    "next_item_auroc": ("next-item AUROC ↑", "AUROC for the next item's concept where the last item has another"),
    "density": ("density", "share of all positions where it is active"),
    "activation_share": ("activation share", "its share of the activation of all latents"),
    "effective_items": ("effective items", "2 to the entropy of its activation over items; below 2 it detects a "
                        "single item"),
    "activation_p99": ("activation p99", "99th percentile of its positive activations; the step of strength 1"),
    "flag": ("flag", "a caveat against reading it as a concept"),
}  # fmt: skip
MORE_COLUMNS = {  # columns that are collapsed
    "threshold": ("threshold", "activation above which it counts as active in precision, recall and F1"),
    "lift": ("lift ↑", "precision over the share of all positions with the concept"),
    "mcc": ("MCC ↑", "Matthews correlation of activity with the concept, -1 to 1"),
    "confound": ("confound", "the strongest confound among position, length, popularity and recency"),
    "confound_ap": ("confound AP", "average precision for that confound"),
    "confound_q": ("confound q", "q-value of that confound over all latents"),
    "name_precision": ("precision of the name ↑", "share of the positions that its name predicts where it is active"),
    "name_recall": ("recall of the name ↑", "share of the positions where it is active that its name predicts"),
    "name_f1": ("F1 of the name ↑", "harmonic mean of these two"),
    "name_baseline_f1": ("F1 baseline of the name", "the F1 of a name that predicts it everywhere"),
    "shuffled_f1": ("F1 of another name", "the same for the name of another latent"),
    "confidence": ("RecSAE's confidence ↑", "share of ten cases, five with strong activation, where the name predicts "
                   "rightly whether it is active"),
    "confidence_recall": ("on active cases ↑", "the same for the strongly active ones alone"),
    "specificity": ("on inactive cases ↑", "the same for the inactive ones alone"),
}  # fmt: skip
SOURCES = {"last": "the last item", "next": "the next item", "history": "most of the history"}
HIDDEN_COLUMNS = ("concept", "family", "name", "significant", "top_item", "active_positions", "sampled")
PROFILES = {
    "popularity": ("by popularity of the last item", "popularity decile, 10 the most popular"),
    "position": ("by position in the history", "events up to the position"),
    "code 1": ("by first code of the last item", "the most frequent first codes"),
}


class Names:
    """Titles of items and raw ids of users, shortened and escaped when first needed."""

    def __init__(self, bench: Bench):
        self.titles, self.users, self.chips = bench.dataset.titles(), bench.dataset.users[RAW], {}

    def plain(self, item: int, length: int = 80) -> str:
        """A title on one line, not escaped."""
        return shorten(self.titles[item], length)

    def chip(self, item: int) -> str:
        """A title for a strip, escaped."""
        if item not in self.chips:
            self.chips[item] = html.escape(self.plain(item, TITLE_LENGTH))
        return self.chips[item]


def number(value: object) -> str:
    """A value of the feature table in few characters, escaped.

    >>> number(0.04321), number(1e-7), number(16.79), number(float("nan")), number(True)
    ('0.0432', '1e-07', '16.8', '–', 'yes')
    """
    if value is None or value is pd.NA or value != value or value == "":
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int | np.integer) else html.escape(shorten(value))


def feature_label(row: pd.Series) -> str:
    """The label of a latent, not escaped: its tested concept, or else its name, which was not tested."""
    for column in ("concept", "name"):
        if isinstance(row.get(column), str) and row[column]:
            return shorten(row[column], 70)
    return "no concept was tested"


def feature_card(bench: Bench, features: FeatureTables, latent: int, names: Names) -> str:
    """The section of a latent, hidden until it is chosen."""
    tables = features.of_latent(latent)
    row = tables["latents"].iloc[0]
    parts = [
        heading(row, latent, names), statistics(row), activations_section(bench, tables["positions"], names),
        profile_section(tables, row), steering_section(features.about, latent, tables["dose_response"]),
        moved_items_section(features.about, tables["score_changes"], names.plain),
        similar_section(tables["neighbors"], features.latents.index),
    ]  # fmt: skip
    return f'<section class="latent" id="latent-{latent}" hidden tabindex="-1">{"".join(parts)}</section>'


def heading(row: pd.Series, latent: int, names: Names) -> str:
    """The heading of a card: label, and marks for significance, single-item latents and random draws."""
    reason = "the concept is the best guess" if row["p"] == row["p"] else "active on too few items to be tested"
    marks = [("good", "✓ significant") if row["significant"] else ("", f"not significant: {reason}")]
    if 0 < row["effective_items"] < 2:
        marks.append(("bad", f"single item: {names.chip(int(row['top_item']))}"))
    if row["sampled"]:
        marks.append(("", "random sample"))
    spans = "".join(f'<span class="mark {kind}">{text}</span>' for kind, text in marks)
    name = html.escape(feature_label(row))
    return f'<h2><span class="id">Latent {latent}</span> {name}</h2><p class="marks">{spans}</p>'


def statistics(row: pd.Series) -> str:
    """The row of the feature table, in the columns that it has: COLUMNS, and the others collapsed."""

    def line(name: str) -> str:
        label, explanation = (COLUMNS | MORE_COLUMNS).get(name, (shorten(name), ""))
        hint = html.escape(explanation, quote=True)
        value = SOURCES.get(row[name], row[name]) if name == "source" else row[name]
        return f'<div><dt title="{hint}">{html.escape(label)}</dt><dd>{number(value)}</dd></div>'

    usual = "".join(line(name) for name in COLUMNS if name in row.index)
    known = {*COLUMNS, *MORE_COLUMNS, *HIDDEN_COLUMNS}
    others = [*(n for n in MORE_COLUMNS if n in row.index), *(n for n in row.index if n not in known)]
    if isinstance(row.get("name"), str) and row["name"] != row["concept"]:
        usual += f"<div><dt>name</dt><dd>{number(row['name'])}</dd></div>"
    rest = "".join(map(line, others))
    folded = f'<details><summary>more numbers</summary><dl class="facts">{rest}</dl></details>' if rest else ""
    return f'<dl class="facts">{usual}</dl>{folded}'


def activations_section(bench: Bench, positions: pd.DataFrame, names: Names) -> str:
    """Strips of items: the positions with the highest activations, and random ones of each quintile of activation."""
    high, train = float(positions["value"].max()), bench.split.train
    by_code, sections = bool(positions["level"].any()), []
    for (kind, band), group in positions.groupby(["kind", "band"], sort=False):
        title = "strongest" if kind == "top" else f"{band} of its activations"
        lines = "".join(
            f'<tr><td class="n">{position.value:.2f}<i style="width:{40 * position.value / high:.0f}px"></i></td>'
            f"<td>{strip(train.row(int(position.user)), position, names, by_code)}</td></tr>"
            for position in group.sort_values("value", ascending=False).itertuples()
        )
        sections.append(f'<tbody><tr><th colspan="2">{title}</th></tr>{lines}</tbody>')
    note = ("Each line is a position in a user's history: the activation, the last items, the very last marked ▶, and "
            "the next item. At most one line a last item.")  # fmt: skip
    return f'<h3>Top activations</h3><p class="quiet">{note}</p><table class="strips">{"".join(sections)}</table>'


def strip(history: np.ndarray, position, names: Names, by_code: bool) -> str:
    """The history up to a position, and the next item; by_code: with the number of its code that is predicted."""
    events = history[: position.position + 1]
    more = f'<li class="more">{len(events) - HISTORY_SHOWN} earlier</li>' if len(events) > HISTORY_SHOWN else ""
    before = "".join(f"<li>{names.chip(int(item))}</li>" for item in events[-HISTORY_SHOWN:-1])
    after = names.chip(int(position.next)) if position.next else "end of the history"
    label = f"code {position.level + 1} of next" if by_code else "next"
    return (f'<ol class="strip">{more}{before}<li class="last">▶ {names.chip(int(events[-1]))}</li>'
            f'<li class="next">{label}: {after}</li></ol>')  # fmt: skip


def profile_section(tables: dict[str, pd.DataFrame], row: pd.Series) -> str:
    """Small charts of its activations: a histogram, and shares by popularity, position and first code."""
    histogram = tables["histograms"]
    drawn = bar_chart(histogram["count"].to_numpy(), [], label="Histogram of positive activations", percent=False,
                 x="activation", end=float(histogram["high"].iloc[-1]))  # fmt: skip
    drawings = [("histogram of activations", f"bars: positions, of {row['active_positions']:,} active ones", drawn)]
    for family, group in tables["profiles"].groupby("family", sort=False):
        title, x = PROFILES[family]
        drawn = bar_chart(group["share"].to_numpy(), group["bin"].tolist(), base=group["base"].to_numpy(),
                     label=f"Share of its activation {title}", x=x)  # fmt: skip
        drawings.append((title, "bars: share of its activation; lines: share of all positions", drawn))
    return f"<h3>Activation profile</h3>{figure_row(drawings)}"


def similar_section(others: pd.DataFrame, known: pd.Index) -> str:
    """The latents with the most similar decoder directions, as links where they are on the page."""
    lines = []
    for other in others.itertuples():
        name = f"latent {other.other}"
        link = f'<a href="#latent-{other.other}">{name}</a>' if other.other in known else name
        concept = html.escape(shorten(other.concept, 60)) if isinstance(other.concept, str) else "not tested"
        label = f'{concept}{" ✓" if other.significant else ""}'
        lines.append(f'<li><span class="n">{other.cosine:.2f}</span> {link} <span class="quiet">{label}</span></li>')
    if not lines:
        return ""
    note = "Cosine of the decoder directions; ✓ is significant. A latent without a link is not on this page."
    return f'<h3>Nearest latents</h3><p class="quiet">{note}</p><ol class="near">{"".join(lines)}</ol>'

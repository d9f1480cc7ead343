"""One latent as a card of plain HTML: its concept, where it fires, on what, and what lies near it."""
import html

import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.experiment import Bench
from workbench.probing.dashboard.tables import Atlas
from workbench.show.dashboard.steering_section import moved, pushing
from workbench.show.dashboard.svg_charts import bars, figures
from workbench.show.theme import shorten

READ = 6  # items of a history that a strip shows, the last one among them
LENGTH = 32  # characters of a title in a strip
COLUMNS = {  # of a certified table: what to call them, which way is better, and what they mean
    "source": ("concept of", "whose item's concept it is: the last one read, the next one, or most of the history"),
    "effect": ("effect ↑", "how much more it fires on the concept's items than on others, in standard errors of a "
               "random choice of as many items"),
    "p": ("p ↓", "share of permutations of the labels among items as popular that reach this effect"),
    "q": ("q ↓", "p after correction for all latents that were tested; certified needs less than .05"),
    "precision": ("precision ↑", "share of the places where it fires that are of the concept"),
    "recall": ("recall ↑", "share of the concept's places where it fires"),
    "f1": ("F1 ↑", "harmonic mean of precision and recall"),
    "floor": ("F1 floor", "the F1 of firing everywhere"),
    "ap": ("AP ↑", "average precision: how well its strength ranks places of the concept before others"),
    "intent": ("intent ↑", "area under the curve for the next item's concept, where the last item is of another"),
    "density": ("density", "share of all places where it fires"),
    "mass": ("mass", "share of the activation of all latents that is its own"),
    "effective": ("items", "how many items it fires on, in effect: 2 to the entropy of the item; below 2 it detects "
                  "one item"),
    "strong": ("one push", "99th percentile of its activation where it fires; a strength of 1 adds as much of it"),
    "flag": ("flag", "what speaks against reading it as a concept"),
}  # fmt: skip
MORE = {  # columns that are folded away
    "threshold": ("threshold", "activation from which on it counts as firing in precision, recall and F1"),
    "lift": ("lift ↑", "precision over the share of all places that are of the concept"),
    "mcc": ("MCC ↑", "correlation of firing with the concept, -1 to 1"),
    "mark": ("mark", "what it follows most of place, length, popularity and recency"),
    "mark_ap": ("mark AP", "average precision for that mark"),
    "mark_q": ("mark q", "whether that mark could be chance, corrected for all latents"),
    "name_precision": ("precision of the name ↑", "share of the places that its name foretells at which it fires"),
    "name_recall": ("recall of the name ↑", "share of the places where it fires that its name foretells"),
    "name_f1": ("F1 of the name ↑", "harmonic mean of these two"),
    "name_floor": ("its floor", "the F1 of foretelling it everywhere"),
    "shuffled_f1": ("F1 of another's name", "the same for the name of another latent"),
    "confidence": ("RecSAE's confidence ↑", "share of ten cases, five of them strong, of which the name says rightly "
                   "whether it fires"),
    "confidence_recall": ("of strong cases ↑", "the same of the strong ones alone"),
    "specificity": ("of silent cases ↑", "the same of those where it is silent"),
}  # fmt: skip
SOURCES = {"last": "the item read last", "next": "the next item", "history": "most of the history"}
APART = ("concept", "family", "name", "certified", "top", "fires", "sampled")  # said elsewhere on the card
PROFILES = {
    "popularity": ("on how popular items", "last item's tenth by popularity, 10 the most popular"),
    "place": ("how far into a history", "events read"),
    "code 1": ("on which first codes", "first code of the last item, the most frequent ones"),
}


class Names:
    """Titles of items and raw ids of users, shortened and escaped when they are first asked for."""

    def __init__(self, bench: Bench):
        self.titles, self.users, self.kept = bench.dataset.titles(), bench.dataset.users[RAW], {}

    def plain(self, item: int, length: int = 80) -> str:
        """A title on one line, not escaped."""
        return shorten(self.titles[item], length)

    def chip(self, item: int) -> str:
        """A title for a strip, escaped."""
        if item not in self.kept:
            self.kept[item] = html.escape(self.plain(item, LENGTH))
        return self.kept[item]


def number(value: object) -> str:
    """A value of a certified table in few characters, escaped.

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


def called(row: pd.Series) -> str:
    """What to call a latent, not escaped: its concept, which was tested, else the name it was given, which was not."""
    for column in ("concept", "name"):
        if isinstance(row.get(column), str) and row[column]:
            return shorten(row[column], 70)
    return "no concept was tested"


def card(bench: Bench, atlas: Atlas, latent: int, names: Names) -> str:
    """A section of the page, hidden until it is asked for."""
    found = atlas.of(latent)
    row = found["latents"].iloc[0]
    parts = [
        head(row, latent, names), facts(row), fires(bench, found["units"], names), likeness(found, row),
        pushing(atlas.about, latent, found["curves"]), moved(atlas.about, found["moved"], names.plain),
        near(found["near"], atlas.latents.index),
    ]  # fmt: skip
    return f'<section class="latent" id="latent-{latent}" hidden tabindex="-1">{"".join(parts)}</section>'


def head(row: pd.Series, latent: int, names: Names) -> str:
    """What a latent is called, and how far to believe it."""
    untested = "the concept is the best guess" if row["p"] == row["p"] else "it fires on too few items to be tested"
    marks = [("good", "✓ certified") if row["certified"] else ("", f"not certified: {untested}")]
    if 0 < row["effective"] < 2:
        marks.append(("bad", f"one item alone: {names.chip(int(row['top']))}"))
    if row["sampled"]:
        marks.append(("", "drawn at random"))
    said = "".join(f'<span class="mark {kind}">{text}</span>' for kind, text in marks)
    name = html.escape(called(row))
    return f'<h2><span class="id">Latent {latent}</span> {name}</h2><p class="marks">{said}</p>'


def facts(row: pd.Series) -> str:
    """All that the certified table says, in the columns that it has: the usual ones, and the others folded."""

    def line(name: str) -> str:
        label, why = (COLUMNS | MORE).get(name, (shorten(name), ""))
        hint = html.escape(why, quote=True)
        value = SOURCES.get(row[name], row[name]) if name == "source" else row[name]
        return f'<div><dt title="{hint}">{html.escape(label)}</dt><dd>{number(value)}</dd></div>'

    usual = "".join(line(name) for name in COLUMNS if name in row.index)
    others = [*(n for n in MORE if n in row.index), *(n for n in row.index if n not in {*COLUMNS, *MORE, *APART})]
    if isinstance(row.get("name"), str) and row["name"] != row["concept"]:
        usual += f"<div><dt>named</dt><dd>{number(row['name'])}</dd></div>"
    rest = "".join(map(line, others))
    folded = f'<details><summary>more numbers</summary><dl class="facts">{rest}</dl></details>' if rest else ""
    return f'<dl class="facts">{usual}</dl>{folded}'


def fires(bench: Bench, units: pd.DataFrame, names: Names) -> str:
    """Strips of items: where it fires most, and at random places of each fifth of its firing."""
    high, spelled, train = float(units["value"].max()), bool(units["level"].any()), bench.split.train
    tables = []
    for (kind, band), group in units.groupby(["kind", "band"], sort=False):
        title = "strongest" if kind == "top" else f"{band} of its firing"
        lines = "".join(
            f'<tr><td class="n">{unit.value:.2f}<i style="width:{40 * unit.value / high:.0f}px"></i></td>'
            f"<td>{strip(train.row(int(unit.user)), unit, names, spelled)}</td></tr>"
            for unit in group.sort_values("value", ascending=False).itertuples()
        )
        tables.append(f'<tbody><tr><th colspan="2">{title}</th></tr>{lines}</tbody>')
    said = ("Each line is a place in somebody's history: how strongly the latent fires, the last items read, the last "
            "one marked ▶, and the item that came next. At most one line a last item.")  # fmt: skip
    return f'<h3>Where it fires</h3><p class="quiet">{said}</p><table class="strips">{"".join(tables)}</table>'


def strip(history: np.ndarray, unit, names: Names, spelled: bool) -> str:
    """What was read up to a unit, and what came next; spelled: say which of its codes is foretold."""
    read = history[: unit.place + 1]
    more = f'<li class="more">{len(read) - READ} earlier</li>' if len(read) > READ else ""
    before = "".join(f"<li>{names.chip(int(item))}</li>" for item in read[-READ:-1])
    after = names.chip(int(unit.next)) if unit.next else "nothing more"
    what = f"code {unit.level + 1} of next" if spelled else "next"
    return (f'<ol class="strip">{more}{before}<li class="last">▶ {names.chip(int(read[-1]))}</li>'
            f'<li class="next">{what}: {after}</li></ol>')  # fmt: skip


def likeness(found: dict[str, pd.DataFrame], row: pd.Series) -> str:
    """Small charts: how strongly it fires, on how popular items, how far into a history, on which codes."""
    histogram = found["histograms"]
    drawn = bars(histogram["count"].to_numpy(), [], label="Histogram of positive activations", percent=False,
                 x="activation", end=float(histogram["high"].iloc[-1]))  # fmt: skip
    drawings = [("how strongly", f"bars: places, of {row['fires']:,} where it fires", drawn)]
    for family, group in found["profiles"].groupby("family", sort=False):
        title, x = PROFILES[family]
        drawn = bars(group["share"].to_numpy(), group["bin"].tolist(), base=group["base"].to_numpy(),
                     label=f"Share of its activation {title}", x=x)  # fmt: skip
        drawings.append((title, "bars: share of its activation; lines: share of all places", drawn))
    return f"<h3>What it is like</h3>{figures(drawings)}"


def near(others: pd.DataFrame, known: pd.Index) -> str:
    """The latents of the nearest directions, as links where they are on the page."""
    lines = []
    for other in others.itertuples():
        name = f"latent {other.other}"
        link = f'<a href="#latent-{other.other}">{name}</a>' if other.other in known else name
        concept = html.escape(shorten(other.concept, 60)) if isinstance(other.concept, str) else "not tested"
        said = f'{concept}{" ✓" if other.certified else ""}'
        lines.append(f'<li><span class="n">{other.cosine:.2f}</span> {link} <span class="quiet">{said}</span></li>')
    if not lines:
        return ""
    said = "Cosine of the directions; ✓ is certified. A latent without a link is not on this page."
    return f'<h3>Which latents are near</h3><p class="quiet">{said}</p><ol class="near">{"".join(lines)}</ol>'

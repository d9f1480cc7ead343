"""Comparisons and dose-response curves as small SVG files, drawn without a browser."""
import html
import textwrap

import numpy as np
import pandas as pd

from workbench.evaluate.intervals import decimals
from workbench.show.figures.compare import VERDICTS, caveats, headline
from workbench.show.theme import COLORWAY, GREY, INKS, shorten

ROW, TOP, RIGHT, CHARACTER = 28, 72, 210, 7.3  # pixels
STYLE = (
    "text{{font:13px system-ui,sans-serif;fill:{light[text]}}}.quiet{{fill:{light[muted]};font-size:12px}}"
    ".title{{font-size:15px;font-weight:600}}.n{{text-anchor:end;font-variant-numeric:tabular-nums}}"
    ".grid{{stroke:{light[grid]}}}"
    "@media(prefers-color-scheme:dark){{text{{fill:{dark[text]}}}.quiet{{fill:{dark[muted]}}}.grid{{stroke:{dark[grid]}}}}}"
)


def ticks(high: float, count: int = 5) -> np.ndarray:
    """Round numbers from 0 to at least `high`, about `count` of them.

    >>> ticks(0.23)
    array([0.  , 0.05, 0.1 , 0.15, 0.2 , 0.25])
    """
    rough = max(high, 1e-9) / count
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(m for m in (1, 2, 5, 10) if m * size >= rough * 0.999)
    return np.round(np.arange(0, high + step * 0.999, step), 12)


def _mark(x: float, y: float, verdict: str) -> str:
    """The marker of a verdict at a position, in the shapes of `plot_comparison`."""
    color, symbol = VERDICTS[verdict]
    if symbol == "x-thin":
        lines = f"M{x - 5:.1f},{y - 5}L{x + 5:.1f},{y + 5}M{x - 5:.1f},{y + 5}L{x + 5:.1f},{y - 5}"
        return f'<path d="{lines}" stroke="{color}" stroke-width="2"/>'
    if symbol == "circle-open":
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="none" stroke="{color}" stroke-width="2"/>'
    corners = {"triangle-up": ((0, -7), (6, 4), (-6, 4)), "triangle-down": ((0, 7), (6, -4), (-6, -4)),
               "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0))}[symbol]  # fmt: skip
    points = " ".join(f"{x + dx:.1f},{y + dy}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{color}"/>'


def svg_comparison(table: pd.DataFrame, *, metric: str = "ndcg@10", width: int = 760) -> str:
    """A table of `compare` as SVG: dots with 95 % intervals, numbers at the right, the baseline as a line."""
    names = [shorten(name, 40) for name in table.index]
    title = textwrap.wrap(headline(table, metric, escaped=lambda text: shorten(text, 40)), int(width / 8.5))
    top = TOP + 20 * (len(title) - 1)
    left = 16 + CHARACTER * max(map(len, names))
    cases, digits = int(table["cases"].iloc[0]), decimals(int(table["cases"].iloc[0]))
    description = f"{metric}: means over {cases:,} test cases with 95 % intervals; dashed: the baseline"
    notes = textwrap.wrap(caveats(table, escaped=lambda text: shorten(text, 40)), int(width / 7))
    marks = ticks(float(table["high"].max()))
    bottom = top + ROW * len(names)
    height = bottom + 36 + 18 * len(notes)

    def at(value: float) -> float:
        return left + (width - RIGHT - left) * value / marks[-1]

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img">',
        f"<title>{html.escape(' '.join(title))}</title><desc>{html.escape(description)}</desc>",
        f"<style>{STYLE.format(**INKS)}</style>",
        *(f'<text class="title" x="8" y="{22 + 20 * n}">{html.escape(line)}</text>' for n, line in enumerate(title)),
        f'<text class="quiet" x="8" y="{top - 30}">{html.escape(description)}</text>',
    ]
    for value in marks:
        parts.append(f'<line class="grid" x1="{at(value):.1f}" x2="{at(value):.1f}" y1="{top - 14}" y2="{bottom}"/>')
        parts.append(f'<text class="quiet" text-anchor="middle" x="{at(value):.1f}" y="{bottom + 18}">{value:g}</text>')
    line = at(float(table["mean"][table["baseline"].iloc[0]]))
    dashes = f'stroke="{GREY}" stroke-dasharray="5 4"'
    parts.append(f'<line x1="{line:.1f}" x2="{line:.1f}" y1="{top - 14}" y2="{bottom}" {dashes}/>')
    rows = zip(names, table["verdict"], table["mean"], table["low"], table["high"])
    for place, (name, verdict, mean, low, high) in enumerate(rows):
        y = top + ROW * place
        span = f'x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{y}" y2="{y}"'
        number = f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
        parts += [
            f'<text x="8" y="{y + 4}">{html.escape(name)}</text>',
            f'<line {span} stroke="{VERDICTS[verdict][0]}" stroke-width="2"/>',
            _mark(at(mean), y, verdict), f'<text class="n" x="{width - 8}" y="{y + 4}">{number}</text>',
        ]  # fmt: skip
    parts += [f'<text class="quiet" x="8" y="{bottom + 40 + 18 * n}">{html.escape(line)}</text>'
              for n, line in enumerate(notes)]  # fmt: skip
    return "\n".join([*parts, "</svg>", ""])


def svg_dose_response(curves: pd.DataFrame, title: str, *, width: int = 760, height: int = 380) -> str:
    """Steering as SVG: the share of the concept by dose, a line a direction, with a band of 5 to 95 % for matched
    control latents. curves: of steering, without those whose dose has another unit."""
    controls = curves[curves["intervention"].str.startswith("matched latent ")].groupby("amount")["share"]
    directions = curves[~curves["intervention"].str.startswith("matched latent ")]
    low, high = directions["amount"].min(), directions["amount"].max()
    marks, lines = ticks(float(curves["share"].max())), textwrap.wrap(title, int(width / 8.5))
    left, right, bottom, top = 52, width - 190, height - 44, 40 + 20 * len(lines)

    def at(x: float, y: float) -> str:
        across = left + (right - left) * (x - low) / (high - low)
        return f"{across:.1f},{bottom - (bottom - top) * y / marks[-1]:.1f}"

    lower, upper = controls.quantile(0.05), controls.quantile(0.95)
    band = [at(x, y) for x, y in lower.items()] + [at(x, y) for x, y in upper[::-1].items()]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img">', f"<title>{html.escape(title)}</title>", f"<style>{STYLE.format(**INKS)}</style>",
        *(f'<text class="title" x="8" y="{22 + 20 * n}">{html.escape(line)}</text>' for n, line in enumerate(lines)),
    ]  # fmt: skip
    for mark in marks:
        y = at(low, mark).split(",")[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="quiet" text-anchor="end" x="{left - 6}" y="{y}" dy="4">{mark:.0%}</text>')
    for x in sorted(set(directions["amount"])):
        if x == int(x):
            across = at(x, 0).split(",")[0]
            parts.append(f'<text class="quiet" text-anchor="middle" x="{across}" y="{bottom + 18}">{x:g}</text>')
    parts += [f'<polygon points="{" ".join(band)}" fill="{GREY}" opacity="0.3"/>',
              f'<text class="quiet" x="{left}" y="{height - 8}">steering strength; grey: matched latents, '
              "5 to 95 %; vertical: share of the top 10</text>"]  # fmt: skip
    for n, (name, curve) in enumerate(directions.groupby("intervention", sort=False)):
        points = " ".join(at(x, y) for x, y in zip(curve["amount"], curve["share"]))
        stroke = 'stroke-width="3"' if n == 0 else 'stroke-width="1.5" stroke-dasharray="5 3"'
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLORWAY[n % len(COLORWAY)]}" {stroke}/>')
        parts.append(f'<line x1="{right + 14}" x2="{right + 34}" y1="{top + 22 * n}" y2="{top + 22 * n}" '
                     f'stroke="{COLORWAY[n % len(COLORWAY)]}" {stroke}/>')  # fmt: skip
        parts.append(f'<text x="{right + 40}" y="{top + 22 * n + 4}">{html.escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])

"""The comparison as a small SVG text that needs no browser to make and none but a browser to see."""
import html
import textwrap

import numpy as np
import pandas as pd

from workbench.show.compare import VERDICTS, headline, verdicts
from workbench.show.theme import GREY, INKS, shorten

ROW, TOP, RIGHT, CHARACTER = 28, 72, 210, 7.3  # pixels
STYLE = (
    "text{{font:13px system-ui,sans-serif;fill:{light[text]}}}.quiet{{fill:{grey};font-size:12px}}"
    ".title{{font-size:15px;font-weight:600}}.n{{text-anchor:end;font-variant-numeric:tabular-nums}}"
    ".grid{{stroke:{light[grid]}}}"
    "@media(prefers-color-scheme:dark){{text{{fill:{dark[text]}}}.quiet{{fill:{grey}}}.grid{{stroke:{dark[grid]}}}}}"
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
    """The sign of a verdict at a place, in the shapes of the figure."""
    color, symbol = VERDICTS[verdict]
    if symbol == "circle-open":
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="none" stroke="{color}" stroke-width="2"/>'
    corners = {"triangle-up": ((0, -7), (6, 4), (-6, 4)), "triangle-down": ((0, 7), (6, -4), (-6, -4)),
               "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0))}[symbol]  # fmt: skip
    points = " ".join(f"{x + dx:.1f},{y + dy}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{color}"/>'


def svg_comparison(table: pd.DataFrame, *, metric: str = "ndcg@10", width: int = 760) -> str:
    """A table of evaluate.compare as an SVG: dots with 95 % intervals, numbers at the right, the baseline as a line."""
    names = [shorten(name, 40) for name in table.index]
    title = textwrap.wrap(headline(table, metric, escaped=lambda text: shorten(text, 40)), int(width / 8.5))
    top = TOP + 20 * (len(title) - 1)
    left = 16 + CHARACTER * max(map(len, names))
    marks = ticks(float(table["high"].max()))
    bottom = top + ROW * len(names)

    def at(value: float) -> float:
        return left + (width - RIGHT - left) * value / marks[-1]

    about = f"{metric}: means over test cases with 95 % bootstrap intervals; dashed: the baseline"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 36}" '
        f'viewBox="0 0 {width} {bottom + 36}" role="img">',
        f"<title>{html.escape(' '.join(title))}</title><desc>{html.escape(about)}</desc>",
        f"<style>{STYLE.format(grey=GREY, **INKS)}</style>",
        *(f'<text class="title" x="8" y="{22 + 20 * n}">{html.escape(line)}</text>' for n, line in enumerate(title)),
        f'<text class="quiet" x="8" y="{top - 30}">{html.escape(about)}</text>',
    ]
    for value in marks:
        parts.append(f'<line class="grid" x1="{at(value):.1f}" x2="{at(value):.1f}" y1="{top - 14}" y2="{bottom}"/>')
        parts.append(f'<text class="quiet" text-anchor="middle" x="{at(value):.1f}" y="{bottom + 18}">{value:g}</text>')
    line = at(float(table["mean"][table["baseline"].iloc[0]]))
    dashes = f'stroke="{GREY}" stroke-dasharray="5 4"'
    parts.append(f'<line x1="{line:.1f}" x2="{line:.1f}" y1="{top - 14}" y2="{bottom}" {dashes}/>')
    rows = zip(names, verdicts(table), table["mean"], table["low"], table["high"])
    for place, (name, verdict, mean, low, high) in enumerate(rows):
        y = top + ROW * place
        span = f'x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{y}" y2="{y}"'
        number = f"{mean:.4f} [{low:.4f}, {high:.4f}]"
        parts += [
            f'<text x="8" y="{y + 4}">{html.escape(name)}</text>',
            f'<line {span} stroke="{VERDICTS[verdict][0]}" stroke-width="2"/>',
            _mark(at(mean), y, verdict), f'<text class="n" x="{width - 8}" y="{y + 4}">{number}</text>',
        ]  # fmt: skip
    return "\n".join([*parts, "</svg>", ""])

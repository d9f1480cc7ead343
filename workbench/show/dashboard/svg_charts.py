"""Small charts as SVG for a page with hundreds of them: colours come from the page's stylesheet.

Classes: bar, base (the reference of a bar), band, line, dot, now (the marker that a slider moves), grid, n for numbers.
"""
import html

import numpy as np

from workbench.show.svg import ticks

LEFT, RIGHT, TOP, BOTTOM = 42, 8, 8, 34  # pixels around the plot area
CHARACTER = 6.2  # pixels, of a label


def _frame(parts: list[str], width: int, height: int, label: str, x: str) -> str:
    """The SVG of a chart: accessible label, content, and title of the horizontal axis."""
    middle = (LEFT + width - RIGHT) / 2
    axis = f'<text class="axis" x="{middle:.0f}" y="{height - 3}" text-anchor="middle">{html.escape(x)}</text>'
    return (f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
            f"<title>{html.escape(label)}</title>{''.join(parts)}{axis}</svg>")  # fmt: skip


def _grid(marks: np.ndarray, width: int, height: int, percent: bool) -> list[str]:
    """Horizontal grid lines at round numbers from 0, with labels."""
    lines, names = [], []
    for mark in marks:
        y = height - BOTTOM - (height - BOTTOM - TOP) * mark / marks[-1]
        lines.append(f"M{LEFT} {y:.1f}H{width - RIGHT}")
        name = f"{100 * mark:.3g}%" if percent else f"{mark:.4g}"
        names.append(f'<text class="n" x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{name}</text>')
    return [f'<path class="grid" d="{"".join(lines)}"/>', *names]


def bar_chart(
    values: np.ndarray, names: list[str], *, label: str, x: str, base: np.ndarray | None = None, percent: bool = True,
    end: float = 0.0, width: int = 400, height: int = 150,
) -> str:  # fmt: skip
    """Bars (n,) with names; base (n,): a reference for each, a line across it. end: where it is given, the bars have no
    names but cover an axis from 0 to there, as in a histogram. Names that would overlap are left out."""
    high = max(float(np.max(values, initial=0)), 0.0 if base is None else float(np.max(base, initial=0)))
    marks, low = ticks(high or 1.0, 3), height - BOTTOM
    step = (width - LEFT - RIGHT) / max(1, len(values))
    tall = (low - TOP) * np.asarray(values, float) / marks[-1]
    shapes = [f"M{LEFT + step * (at + 0.12):.1f} {low}v{-h:.1f}h{step * 0.76:.1f}V{low}z" for at, h in enumerate(tall)]
    parts = [*_grid(marks, width, height, percent), f'<path class="bar" d="{"".join(shapes)}"/>']
    if base is not None:
        across = low - (low - TOP) * np.asarray(base, float) / marks[-1]
        lines = [f"M{LEFT + step * at + 1:.1f} {y:.1f}h{step - 2:.1f}" for at, y in enumerate(across)]
        parts.append(f'<path class="base" d="{"".join(lines)}"/>')
    middle = LEFT + step * (np.arange(len(names)) + 0.5)
    if end:
        marks = np.array([mark for mark in ticks(end, 6) if mark <= end])
        names, middle = [f"{mark:g}" for mark in marks], LEFT + step * len(values) * marks / end
    parts += _names(names, middle, low + 14)
    return _frame(parts, width, height, label, x)


def figure_row(charts: list[tuple[str, str, str]]) -> str:
    """Charts side by side, each with a title and a caption. charts: (title, caption, SVG)."""
    figures = (
        f"<figure><figcaption><b>{title}</b><br>{text}</figcaption>{svg}</figure>" for title, text, svg in charts
    )
    return f'<div class="figures">{"".join(figures)}</div>'


def _names(names: list[str], middle: np.ndarray, y: float) -> list[str]:
    """Labels below the axis, without those that would overlap the one before."""
    shown, end = [], 0.0  # pixels
    for name, x in zip(names, middle):
        half = CHARACTER * len(name) / 2
        if x - half >= end:
            shown.append(f'<text class="n" x="{x:.1f}" y="{y}" text-anchor="middle">{html.escape(name)}</text>')
            end = x + half + 3
    return shown


def x_positions(strengths: np.ndarray, width: int = 420) -> np.ndarray:
    """(S,) the horizontal positions of strengths in `line_chart`, in pixels."""
    low, high = float(np.min(strengths)), float(np.max(strengths))
    inset = 10
    return LEFT + inset + (width - LEFT - RIGHT - 2 * inset) * (np.asarray(strengths) - low) / max(high - low, 1e-9)


def line_chart(
    strengths: np.ndarray, values: np.ndarray, low: np.ndarray, high: np.ndarray, *, label: str, x: str,
    percent: bool = True, width: int = 420, height: int = 190,
) -> str:  # fmt: skip
    """A line of values (S,) over strengths with a band from low to high, and the marker at strength 0."""
    top = max(float(np.nanmax(array, initial=0)) for array in (values, high))
    marks, across, bottom = ticks(top or 1.0, 4), x_positions(strengths, width), height - BOTTOM

    def at(array: np.ndarray) -> np.ndarray:
        return bottom - (bottom - TOP) * np.nan_to_num(np.asarray(array, float)) / marks[-1]

    def path(xs: np.ndarray, ys: np.ndarray) -> str:
        return "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys))

    parts = _grid(marks, width, height, percent)
    if not np.isnan(low).any():
        outline = path(np.r_[across, across[::-1]], np.r_[at(high), at(low)[::-1]])
        parts.append(f'<path class="band" d="M{outline}z"/>')
    zero = float(across[np.flatnonzero(np.asarray(strengths) == 0)[0]])
    parts.append(f'<path class="now" d="M{zero:.1f} {TOP}V{bottom}"/>')
    parts.append(f'<path class="line" d="M{path(across, at(values))}"/>')
    parts += [f'<circle class="dot" cx="{cx:.1f}" cy="{cy:.1f}" r="3"/>' for cx, cy in zip(across, at(values))]
    parts += [f'<text class="n" x="{cx:.1f}" y="{bottom + 14}" text-anchor="middle">{strength:g}</text>'
              for cx, strength in zip(across, strengths)]  # fmt: skip
    return _frame(parts, width, height, label, x)

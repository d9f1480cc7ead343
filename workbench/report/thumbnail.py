"""The thumbnail of a page for an index: its cover figure as a small SVG without text, drawn without a browser.

The cover is the figure that a notebook marks with the cell tag `cover`, else the first figure of the page that can be
drawn small.
"""
import base64
import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.report.cell_outputs import COVER, plain_title
from workbench.show.theme import BLUE, COLORWAY, INKS

WIDTH, HEIGHT, EDGE = 200, 112, 6  # pixels
MAX_MARKS = 150  # per trace; a longer trace is thinned evenly
MAX_CELLS = 40  # rows and columns of a heat map
PLOT_BLOCK = re.compile(rf'<div class="plot"({COVER})?[^>]*><script type="application/json">(.*?)</script>', re.S)
STYLE = (f"path{{stroke:{INKS['light']['grid']}}}"
         f"@media(prefers-color-scheme:dark){{path{{stroke:{INKS['dark']['grid']}}}}}")  # fmt: skip


class _Axis(NamedTuple):
    """A linear map from values to pixels: `low` lies at `start`, `high` at `end`. categories: name -> position."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    categories: dict[str, int]

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Values as floats: positions of categories, seconds of dates, log10 on a logarithmic axis; NaN where undefined
        (an unknown category, 0 on a logarithmic axis)."""
        if values.dtype == object and self.categories:
            return np.array([self.categories.get(value, np.nan) for value in values], float)
        if values.dtype == object and any(isinstance(value, str) for value in values):
            values = values.astype("datetime64[s]")
        values = values.astype(float)
        return np.log10(values, where=values > 0, out=np.full(values.shape, np.nan)) if self.log else values

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Pixel positions of values; NaN where `numbers` is."""
        return self.start + (self.end - self.start) * (self.numbers(values) - self.low) / ((self.high - self.low) or 1)


def thumbnail(page: Path, seen: set[str] | None = None) -> str:
    """An <img> of the cover figure of a page, or of its first figure that can be drawn small; "" where it has none.

    seen: the pictures of an index so far, which grows: a page shows one of its own where it has one.
    """
    first, seen = "", set() if seen is None else seen
    blocks = PLOT_BLOCK.findall(Path(page).read_text(encoding="utf-8"))
    for _, block in sorted(blocks, key=lambda match: not match[0]):  # stable: the cover, then the order of the page
        spec, svg = json.loads(block), ""
        with suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):  # a malformed figure has no picture
            svg = figure_svg(spec)
        if svg:
            if svg in seen:
                first = first or _image(svg, spec)
                continue
            seen.add(svg)
            return _image(svg, spec)
    return first


def _image(svg: str, spec: dict) -> str:
    """A picture as an <img>, with the title of its figure as its description."""
    content = base64.b64encode(svg.encode()).decode()
    alt = html.escape(f"Figure: {plain_title(spec)}", quote=True)
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return f'<img class="thumb" alt="{alt}" {size} src="data:image/svg+xml;base64,{content}">'


def figure_svg(spec: dict) -> str:
    """A plotly figure as a small SVG without text: lines, markers, bars, heat maps and error bars; "" if it has none of
    these, as a sunburst."""
    layout, frames, marks = spec.get("layout", {}), [], []
    subplots: dict[tuple[str, str], list[tuple[dict, str]]] = {}
    traces = [_decoded(trace) for trace in spec.get("data", []) if trace.get("visible", True) is True]
    for number, trace in enumerate(traces):
        pair = (trace.get("xaxis", "x"), trace.get("yaxis", "y"))
        subplots.setdefault(pair, []).append((trace, _color(trace, number)))
    for names, group in subplots.items():
        x, y = (_axis(layout, name, [trace for trace, _ in group]) for name in names)
        if x and y:
            frames.append(f'<path d="M{x.start:.1f} {y.end:.1f}V{y.start:.1f}H{x.end:.1f}" fill="none"/>')
            for trace, color in group:
                if render := RENDERERS.get(trace.get("type", "scatter")):
                    marks += render(trace, x, y, color)
    if not marks:
        return ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}"><style>{STYLE}</style>{"".join(frames + marks)}</svg>')  # fmt: skip


def _decoded(value: Any) -> Any:
    """A JSON value of plotly with its base64 arrays ({"bdata", "dtype", "shape"}) as numpy arrays."""
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return array.reshape([int(n) for n in str(value["shape"]).split(",")]) if "shape" in value else array
    return {key: _decoded(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _axis(layout: dict, name: str, traces: list[dict]) -> _Axis | None:
    """The axis x, y, x2 ... with the range of its traces; None without a finite value."""
    letter, settings = name[0], layout.get(f"{name[0]}axis{name[1:]}", {})
    size, (low, high) = WIDTH if letter == "x" else HEIGHT, settings.get("domain", (0.0, 1.0))
    start, end = (EDGE + (size - 2 * EDGE) * share for share in (low, high))
    start, end = (start, end) if letter == "x" else (size - start, size - end)
    extents = [_extent(trace, letter) for trace in traces]
    words = [value for values in extents if values.dtype == object for value in values if isinstance(value, str)]
    dates = all(re.match(r"\d{4}-\d\d", word) for word in words)
    categories = {} if dates else {word: i for i, word in enumerate(dict.fromkeys(words))}
    axis = _Axis(0.0, 1.0, start, end, settings.get("type") == "log", categories)
    numbers = np.concatenate([np.ravel(axis.numbers(values)) for values in extents])
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    ends = settings.get("range") or []
    if len(ends) == 2 and all(isinstance(value, int | float) for value in ends):
        return axis._replace(low=float(ends[0]), high=float(ends[1]))
    low, high = float(numbers.min()), float(numbers.max())
    margin = 0.04 * (high - low) or 0.5
    low = min(0.0, low) if settings.get("rangemode") == "tozero" and not axis.log else low - margin
    return axis._replace(low=low, high=high + margin)


def _coordinates(trace: dict, letter: str) -> np.ndarray:
    """(n,) x or y of a trace; 0, 1, 2 ... where it is not given."""
    values = trace.get(letter)
    if values is None:
        values = range(len(trace.get("y" if letter == "x" else "x", trace.get("z", ()))))
    return values if isinstance(values, np.ndarray) else np.array(np.atleast_1d(values), object)


def _interval(trace: dict, letter: str) -> tuple[np.ndarray, np.ndarray] | None:
    """(n,) lower and upper ends of the error bars along an axis; None without error bars."""
    error = trace.get(f"error_{letter}", {})
    if "array" not in error:
        return None
    values = _coordinates(trace, letter).astype(float)
    up = np.asarray(error["array"], float)
    return values - np.asarray(error.get("arrayminus", up), float), values + up


def _bar_ends(trace: dict) -> tuple[np.ndarray, np.ndarray]:
    """(n,) base and end of the bars of a trace."""
    lengths = _coordinates(trace, "x" if trace.get("orientation") == "h" else "y").astype(float)
    base = np.broadcast_to(np.asarray(trace.get("base", 0), float), lengths.shape)
    return base, base + lengths


def _extent(trace: dict, letter: str) -> np.ndarray:
    """All values of a trace along an axis, with the ends of its error bars or the bases of its bars."""
    values = _coordinates(trace, letter)
    if any(isinstance(value, str) for value in values):
        return values
    if ends := _interval(trace, letter):
        return np.concatenate(ends)
    along = "x" if trace.get("orientation") == "h" else "y"
    return np.concatenate(_bar_ends(trace)) if trace.get("type") == "bar" and letter == along else values


def _color(trace: dict, number: int) -> str:
    for part in ("marker", "line"):
        if isinstance(color := trace.get(part, {}).get("color"), str):
            return html.escape(color, quote=True)
    return COLORWAY[number % len(COLORWAY)]


def _thinned(n: int) -> np.ndarray:
    """Indices of at most MAX_MARKS of n points, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, min(MAX_MARKS, n)).astype(int))


def _scatter(trace: dict, x_axis: _Axis, y_axis: _Axis, color: str) -> Iterator[str]:
    x, y = x_axis.pixels(_coordinates(trace, "x")), y_axis.pixels(_coordinates(trace, "y"))
    keep = _thinned(min(len(x), len(y)))
    x, y = x[keep], y[keep]
    for letter, axis in (("x", x_axis), ("y", y_axis)):
        if ends := _interval(trace, letter):
            low, high = (axis.pixels(end)[keep] for end in ends)
            lines = np.stack((low, y, high, y) if letter == "x" else (x, low, x, high), axis=1)
            yield from (f'<line x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}" stroke="{color}"/>'
                        for a, b, c, d in lines[np.isfinite(lines).all(axis=1)])  # fmt: skip
    finite = np.isfinite(x) & np.isfinite(y)
    points, mode = list(zip(x[finite], y[finite])), trace.get("mode", "lines")
    if "lines" in mode and len(points) > 1:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    if "markers" in mode:
        radius = 3 if len(points) < 40 else 1.5
        yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}" fill="{color}"/>' for a, b in points)


def _rectangle(left: float, top: float, width: float, height: float, look: str) -> str:
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" {look}/>'


def _bar(trace: dict, x_axis: _Axis, y_axis: _Axis, color: str) -> Iterator[str]:
    horizontal = trace.get("orientation") == "h"
    along, across = (x_axis, y_axis) if horizontal else (y_axis, x_axis)
    base, end = map(along.pixels, _bar_ends(trace))
    base = np.where(np.isfinite(base), base, along.start)  # a logarithmic axis has no 0
    middle = across.pixels(_coordinates(trace, "y" if horizontal else "x"))
    keep = _thinned(len(end))
    gap = np.abs(np.diff(np.sort(middle[keep]))).min() if len(keep) > 1 else (HEIGHT if horizontal else WIDTH) / 3
    thickness = max(1.0, 0.8 * gap)
    for a, b, c in zip(base[keep], end[keep], middle[keep]):
        if np.isfinite([b, c]).all():
            span, side = (min(a, b), abs(b - a)), (c - thickness / 2, thickness)
            (left, width), (top, height) = (span, side) if horizontal else (side, span)
            yield _rectangle(left, top, width, height, f'fill="{color}"')


def _heat(trace: dict, x_axis: _Axis, y_axis: _Axis, color: str) -> Iterator[str]:
    values = np.array(trace["z"] if isinstance(trace["z"], np.ndarray) else [list(row) for row in trace["z"]], float)
    values = values[:: -(-len(values) // MAX_CELLS), :: -(-values.shape[1] // MAX_CELLS)]
    low, high = np.nanmin(values), np.nanmax(values)
    width, height = (x_axis.end - x_axis.start) / values.shape[1], (y_axis.start - y_axis.end) / len(values)
    rows = np.arange(len(values)) if y_axis.low > y_axis.high else np.arange(len(values))[::-1]
    for (row, column), value in np.ndenumerate((values - low) / ((high - low) or 1.0)):
        if np.isfinite(value):
            left, top = x_axis.start + width * column, y_axis.end + height * rows[row]
            yield _rectangle(left, top, width, height, f'fill="{BLUE}" opacity="{0.08 + 0.92 * value:.2f}"')


RENDERERS = {"scatter": _scatter, "scattergl": _scatter, "bar": _bar, "heatmap": _heat}

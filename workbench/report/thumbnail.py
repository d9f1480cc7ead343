"""A page's first figure, drawn very small: a sign to find it by in an index, made without a browser."""
import base64
import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.report.cell_outputs import plain_title
from workbench.show.theme import BLUE, COLORWAY, INKS

WIDTH, HEIGHT, EDGE = 200, 112, 6  # pixels
MARKS = 150  # marks a trace may hold; of more, as many that lie evenly apart
CELLS = 40  # rows and columns a heat map may have
PLOT = re.compile(r'<div class="plot"[^>]*><script type="application/json">(.*?)</script>', re.S)
STYLE = (f"path{{stroke:{INKS['light']['grid']}}}"
         f"@media(prefers-color-scheme:dark){{path{{stroke:{INKS['dark']['grid']}}}}}")  # fmt: skip


class _Axis(NamedTuple):
    """From values to pixels: `low` lies at `start` and `high` at `end`. names: of categories, in their order."""

    low: float
    high: float
    start: float
    end: float
    log: bool
    names: list

    def at(self, values: Any) -> np.ndarray:
        """Pixels of values; NaN where there is no place for them, as for 0 on a logarithmic axis."""
        numbers = _numbers(values, self)
        return self.start + (self.end - self.start) * (numbers - self.low) / ((self.high - self.low) or 1.0)


def thumbnail(page: Path) -> str:
    """An <img> of the first figure of a page that can be drawn small; "" where it has none."""
    for block in PLOT.finditer(Path(page).read_text(encoding="utf-8")):
        spec, drawn = json.loads(block[1]), ""
        with suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):  # a figure that is written another
            drawn = svg(spec)  # way than ours are: the index goes without a picture of it
        if drawn:
            content = base64.b64encode(drawn.encode()).decode()
            alt = html.escape(f"The first figure: {plain_title(spec)}", quote=True)
            size = f'width="{WIDTH}" height="{HEIGHT}"'
            return f'<img class="thumb" alt="{alt}" {size} src="data:image/svg+xml;base64,{content}">'
    return ""


def svg(spec: dict) -> str:
    """A plotly figure as a small SVG without words: lines, marks, bars, heat maps and their error bars; "" where it
    holds nothing of these, as a sunburst does."""
    layout, parts = spec.get("layout", {}), []
    traces = [trace for trace in spec.get("data", []) if trace.get("visible", True) is True]
    for pair in dict.fromkeys((trace.get("xaxis", "x"), trace.get("yaxis", "y")) for trace in traces):
        here = [(n, t) for n, t in enumerate(traces) if (t.get("xaxis", "x"), t.get("yaxis", "y")) == pair]
        across, up = (_axis(layout, name, [trace for _, trace in here]) for name in pair)
        if across and up:
            parts.append(f'<path d="M{across.start:.1f} {up.end:.1f}V{up.start:.1f}H{across.end:.1f}" fill="none"/>')
            for n, trace in here:
                parts += DRAWN.get(trace.get("type", "scatter"), _nothing)(trace, across, up, _color(trace, n))
    if not any(not part.startswith("<path") for part in parts):
        return ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}"><style>{STYLE}</style>{"".join(parts)}</svg>')  # fmt: skip


def _values(value: Any) -> np.ndarray:
    """An array as plotly writes it: a list, or a dict of bytes in base64."""
    if isinstance(value, dict):
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return array.reshape([int(n) for n in str(value["shape"]).split(",")]) if "shape" in value else array
    return np.array([] if value is None else np.atleast_1d(value), object)


def _numbers(values: Any, axis: _Axis) -> np.ndarray:
    """(n,) numbers: dates as days, categories by their place, logarithms where the axis wants them."""
    array = _values(values)
    if array.dtype == object and axis.names:
        return np.array([axis.names.index(v) if v in axis.names else np.nan for v in array], float)
    if array.dtype == object and any(isinstance(v, str) for v in array):
        array = np.array(array, "datetime64[s]").astype(float)
    array = array.astype(float)
    if axis.log:
        return np.log10(array, where=array > 0, out=np.full(array.shape, np.nan))
    return array


def _axis(layout: dict, name: str, traces: list[dict]) -> _Axis | None:
    """The axis called x, y, x2 ... over what lies on it; None where nothing does."""
    letter = name[0]
    about = layout.get(f"{letter}axis{name[1:]}", {})
    low, high = about.get("domain", (0.0, 1.0))
    wide, tall = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE
    ends = (EDGE + wide * low, EDGE + wide * high) if letter == "x" else (HEIGHT - EDGE - tall * low,
                                                                          HEIGHT - EDGE - tall * high)  # fmt: skip
    given = [_places(trace, letter) for trace in traces]
    words = [v for array in given if array.dtype == object for v in array if isinstance(v, str)]
    blank = _Axis(0.0, 1.0, *ends, about.get("type") == "log", [] if _dated(words) else list(dict.fromkeys(words)))
    numbers = np.concatenate([np.ravel(_numbers(array, blank)) for array in given] or [np.empty(0)])
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    reach = about.get("range") or []
    if len(reach) == 2 and all(isinstance(end, int | float) for end in reach):
        return blank._replace(low=float(reach[0]), high=float(reach[1]))
    least, most = float(numbers.min()), float(numbers.max())
    room = 0.04 * (most - least) or 0.5
    least = min(0.0, least) if about.get("rangemode") == "tozero" and not blank.log else least - room
    return blank._replace(low=least, high=most + room)


def _dated(words: list[str]) -> bool:
    return bool(words) and all(re.match(r"\d{4}-\d\d", word) for word in words)


def _places(trace: dict, letter: str) -> np.ndarray:
    """All that a trace has along an axis, the ends of its intervals and the foot of its bars included."""
    other = trace.get("y" if letter == "x" else "x", trace.get("z"))
    values = _values(trace[letter] if letter in trace else np.arange(len(_values(other))).tolist())
    length = "x" if trace.get("orientation") == "h" else "y"
    if any(isinstance(v, str) for v in values):
        return values
    if "array" in (error := trace.get(f"error_{letter}", {})):
        more, less = (_values(error.get(name, error["array"])).astype(float) for name in ("array", "arrayminus"))
        return np.concatenate([values.astype(float) - less, values.astype(float) + more])
    if trace.get("type") != "bar" or letter != length:
        return values
    foot = np.broadcast_to(_values(trace.get("base", 0)).astype(float), len(values))
    return np.concatenate([foot, foot + values.astype(float)])


def _color(trace: dict, n: int) -> str:
    for part in ("marker", "line"):
        if isinstance(color := trace.get(part, {}).get("color"), str):
            return html.escape(color, quote=True)
    return COLORWAY[n % len(COLORWAY)]


def _xy(trace: dict, across: _Axis, up: _Axis) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a trace's points, what is counted from 0 where one side is not given; at most MARKS of them."""
    length = len(_values(trace.get("x", trace.get("y"))))
    x, y = across.at(trace.get("x", list(range(length)))), up.at(trace.get("y", list(range(length))))
    keep = np.unique(np.linspace(0, len(x) - 1, min(MARKS, len(x))).astype(int)) if len(x) else []
    return x[keep], y[keep]


def _scatter(trace: dict, across: _Axis, up: _Axis, color: str) -> Iterator[str]:
    x, y = _xy(trace, across, up)
    mode, fine = trace.get("mode", "lines"), np.isfinite(x) & np.isfinite(y)
    for letter, axis in (("x", across), ("y", up)):
        error = trace.get(f"error_{letter}", {})
        if "array" in error and len(_values(error["array"])) == len(x):
            middle = _numbers(trace[letter], axis)
            more = _values(error["array"]).astype(float)
            less = _values(error.get("arrayminus", error["array"])).astype(float)
            ends = [axis.start + (axis.end - axis.start) * (v - axis.low) / ((axis.high - axis.low) or 1.0)
                    for v in (middle - less, middle + more)]  # fmt: skip
            rows = zip(ends[0], y, ends[1], y) if letter == "x" else zip(x, ends[0], x, ends[1])
            yield from (f'<line x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}" stroke="{color}"/>'
                        for a, b, c, d in rows if np.isfinite([a, b, c, d]).all())  # fmt: skip
    if "lines" in mode and fine.sum() > 1:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[fine], y[fine]))
        yield f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    if "markers" in mode:
        size = 3 if fine.sum() < 40 else 1.5
        yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{size}" fill="{color}"/>' for a, b in zip(x[fine], y[fine]))


def _bar(trace: dict, across: _Axis, up: _Axis, color: str) -> Iterator[str]:
    flat = trace.get("orientation") == "h"
    x, y = _xy(trace, across, up)
    along, beside, axis = (x, y, across) if flat else (y, x, up)
    foot = float(np.ravel(axis.at([0.0]))[0]) if not (axis.log or axis.names) else axis.start
    if "base" in trace:
        base = np.broadcast_to(_values(trace["base"]).astype(float), len(along))
        foot, along = axis.at(base), axis.at(base + _values(trace["x" if flat else "y"]).astype(float))
    gap = np.abs(np.diff(np.sort(beside))).min() if len(beside) > 1 else (HEIGHT if flat else WIDTH) / 3
    thick = max(1.0, 0.8 * gap)
    for a, b, c in zip(np.broadcast_to(foot, len(along)), along, beside):
        if np.isfinite([a, b, c]).all():
            side = (min(a, b), c - thick / 2, abs(b - a), thick)
            left, top, wide, tall = side if flat else (side[1], side[0], side[3], side[2])
            yield f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{color}"/>'


def _heat(trace: dict, across: _Axis, up: _Axis, color: str) -> Iterator[str]:
    raw = trace.get("z")
    values = np.array(_values(raw) if isinstance(raw, dict) else [list(_values(row)) for row in raw], float)
    values = values[:: -(-len(values) // CELLS), :: -(-values.shape[1] // CELLS)]
    low, high = np.nanmin(values), np.nanmax(values)
    wide, tall = (across.end - across.start) / values.shape[1], (up.start - up.end) / len(values)
    turned = up.low > up.high
    for (row, column), value in np.ndenumerate((values - low) / ((high - low) or 1.0)):
        y = up.end + tall * (row if turned else len(values) - 1 - row)
        if np.isfinite(value):
            yield (f'<rect x="{across.start + wide * column:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
                   f'fill="{BLUE}" opacity="{0.08 + 0.92 * value:.2f}"/>')  # fmt: skip


def _nothing(trace: dict, across: _Axis, up: _Axis, color: str) -> tuple:
    return ()


DRAWN = {"scatter": _scatter, "scattergl": _scatter, "bar": _bar, "heatmap": _heat}

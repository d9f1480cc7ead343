"""One look for every figure: Okabe-Ito colours, quiet paper, titles that say what was found.

A page of JupyterLab turns dark without telling the kernel: there lab.js makes ink and paper follow it.

The two templates differ in ink alone. Colours of data are the same on a light and a dark page, because an exported page
changes its paper and its text with the reader's setting, never the data; the first four and GREY keep a contrast of 3:1
on both, and the rest of the palette is for filled shapes with an outline. Colour is never the only sign: figures
give each group a marker symbol or a dash as well.
"""
import html
import json
import textwrap
import unicodedata
from pathlib import Path

import plotly.graph_objects as go
import plotly.io as pio

from workbench.errors import unknown
from workbench.progress import live

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, ORANGE, YELLOW = "#56B4E9", "#E69F00", "#F0E442"
COLORWAY = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, YELLOW)
GREY = "#7B8490"  # what stands for comparison: baselines, references, chance
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star", "cross")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
SEQUENTIAL = "Cividis"
INKS = {
    "light": {"text": "#22272e", "muted": "#5b6570", "grid": "#e3e6ea", "page": "#ffffff"},
    "dark": {"text": "#dfe3e8", "muted": "#98a2ad", "grid": "#2d343c", "page": "#14171b"},
}
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif'
POINTS = 2_000  # marks a trace may hold, so that a page of figures stays small
CLEAR = "rgba(0,0,0,0)"
BUTTONS = ["lasso2d", "select2d", "sendChartToCloud"]  # of no use here, or would upload a chart
HIDDEN = {"Cc", "Cs", "Co"}  # control characters, half characters, private use
TURNING = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067")  # change the direction of text
APART, END = "\u2068", "\u2069"  # around text whose direction is its own and turns nothing beside it
LEFTWARD = {"R", "AL", "AN"}  # letters and figures of Hebrew, Arabic ...


def shorten(text: object, length: int = 60) -> str:
    """Text from data on one line of at most `length` characters, without control characters, cut with an ellipsis.

    What runs from right to left is set apart by two characters without width, that it may not turn what stands beside
    it: "Tea (3)" with a Hebrew title would put the 3 before it.
    """
    line = " ".join(str(text)[: 20 * length].split())
    line = "".join(c for c in line if c not in TURNING and unicodedata.category(c) not in HIDDEN)
    if line.isascii():
        return line if len(line) <= length else line[: length - 1].rstrip() + "…"
    return _apart(line, length)


def _apart(line: str, length: int) -> str:
    """`shorten` where characters may run leftward; every text that was set apart before stays so, and is closed."""
    long = len(line) - line.count(APART) - line.count(END) > length
    kept, depth, shown, turns = "", 0, 0, False
    for c in line:
        if c in (APART, END):
            if c == APART or depth:
                depth += 1 if c == APART else -1
                kept += c
            continue
        if long and shown == length - 1:
            kept = kept.rstrip() + "…"
            break
        kept, shown = kept + c, shown + 1
        turns |= not depth and unicodedata.bidirectional(c) in LEFTWARD
    kept += END * depth
    return f"{APART}{kept}{END}" if turns else kept


def escape(text: object, length: int = 60) -> str:
    """Text from data as plotly and HTML show it literally; every title, id and name goes through this.

    plotly reads a little HTML in titles, labels and hover texts, and LaTeX between dollar signs; of entities it knows
    numbers and a few names, &quot; not among them, so nothing that comes from here may stand in an attribute.

    >>> escape("<b>Tea & $5</b>")
    '&lt;b&gt;Tea &amp; &#36;5&lt;/b&gt;'
    """
    return html.escape(shorten(text, length), quote=False).replace("$", "&#36;")


def template(name: str) -> go.layout.Template:
    """The template of one ink, light or dark."""
    ink = INKS[name]
    axis = {
        "gridcolor": ink["grid"], "linecolor": ink["grid"], "tickcolor": ink["grid"], "zerolinecolor": ink["grid"],
        "zeroline": False, "automargin": True, "title": {"standoff": 12, "font": {"size": 13}},
    }  # fmt: skip
    layout = go.Layout(
        font={"family": FONT, "size": 13, "color": ink["text"]},
        title={
            "x": 0, "xref": "container", "xanchor": "left", "yref": "container", "yanchor": "top", "pad": {"l": 4},
            "font": {"size": 16, "color": ink["text"]}, "subtitle": {"font": {"size": 13, "color": ink["muted"]}},
        },  # fmt: skip
        colorway=COLORWAY,
        colorscale={"sequential": SEQUENTIAL, "sequentialminus": SEQUENTIAL},
        paper_bgcolor=ink["page"], plot_bgcolor=CLEAR,  # opaque: legible on any page, in a picture as well
        xaxis=axis, yaxis=axis,
        margin={"l": 8, "r": 16, "t": 70, "b": 40},
        modebar={"bgcolor": CLEAR, "color": GREY, "activecolor": BLUE, "remove": BUTTONS},
        hoverlabel={"align": "left", "font": {"family": FONT}},
        legend={"bgcolor": CLEAR},
        bargap=0.06,
    )  # fmt: skip
    return go.layout.Template(layout=layout, data={"scatter": [{"marker": {"size": 8}, "line": {"width": 2}}]})


def use(ink: str) -> None:
    """Draw from now on for a light or a dark page, the user's own plotly figures included."""
    if ink not in INKS:
        raise unknown("ink", ink, INKS)
    pio.templates.default = "workbench" if ink == "light" else "workbench_dark"


def _page() -> None:
    """Give the page of a live notebook what it needs besides our outputs: what lab.js says, and tables that sort."""
    from IPython.display import Javascript, display

    lab, sort = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("lab.js", "sort.js"))
    display(Javascript(f"({lab})({json.dumps(INKS)});\n{sort}"))


def wrap(text: str, width: int) -> str:
    """A title broken into lines; plotly never breaks one."""
    return "<br>".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False))


def dress(
    figure: go.Figure, title: str, *, subtitle: str = "", x: str = "", y: str = "", height: int = 320
) -> go.Figure:
    """Give a figure what every figure has: a title that says the finding, axes with units.

    height: pixels below the title. Texts may hold plotly's tags: what comes from data is escaped before it gets here.
    """
    head, under = wrap(title, 84), wrap(subtitle, 110)
    top = 36 + 21 * head.count("<br>") + (17 * (under.count("<br>") + 1) if under else 0)  # pixels of text
    height += top + 20
    figure.update_layout(
        title={"text": head, "y": 1 - 14 / height, "subtitle": {"text": under}}, height=height, margin_t=top + 20,
        showlegend=sum(bool(trace.name) and getattr(trace, "showlegend", 0) is not False for trace in figure.data) > 1,
    )  # fmt: skip
    if x:
        figure.update_xaxes(title_text=x)
    if y:
        figure.update_yaxes(title_text=y)
    return figure


def notice(text: str) -> go.Figure:
    """What stands where a figure cannot be drawn: the reason, in words."""
    figure = go.Figure()
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    figure = dress(figure, text, height=0)
    return figure.update_layout(margin_b=0)


def rows(names: list[str]) -> dict:
    """A vertical axis with one escaped name a row, the first on top; rows are numbered, as names may repeat."""
    shown, end = [escape(name, 44) for name in names], len(names) - 0.5
    places = {"tickvals": list(range(len(names))), "ticktext": shown, "ticklabelstandoff": 8}
    return {**places, "range": [end, -0.5], "showgrid": False}


pio.templates["workbench"], pio.templates["workbench_dark"] = template("light"), template("dark")
use("light")
if live():
    _page()

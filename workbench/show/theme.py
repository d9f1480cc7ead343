"""The theme of every figure: Okabe-Ito colours, a plain background, and titles that state the finding.

JupyterLab does not tell the kernel when it switches to a dark theme: there lab.js adapts text and background.

The light and dark templates differ in text and background only. Colours of data are the same in both, because an
exported page follows the reader's setting with its text and background alone. The first four colours and GREY have a
contrast of 3:1 on both; the rest of the palette is for filled shapes with an outline. Each group also has a marker
symbol or a dash, so that colour is never the only distinction.
"""
import html
import json
import textwrap
import unicodedata
from pathlib import Path

import plotly.graph_objects as go
import plotly.io as pio

from workbench.errors import unknown_name
from workbench.progress import in_jupyter

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, ORANGE, YELLOW = "#56B4E9", "#E69F00", "#F0E442"
COLORWAY = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, YELLOW)
GREY = "#7B8490"  # baselines, references and chance
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star", "cross")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
SEQUENTIAL = "Cividis"
INKS = {
    "light": {"text": "#22272e", "muted": "#5b6570", "grid": "#e3e6ea", "page": "#ffffff"},
    "dark": {"text": "#dfe3e8", "muted": "#98a2ad", "grid": "#2d343c", "page": "#14171b"},
}
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif'
POINTS = 2_000  # marks in a trace, at most, so that a page of figures stays small
CLEAR = "rgba(0,0,0,0)"
LEGEND_WIDTH, LABEL_WIDTH = 340, 24  # pixels of a line of a legend, characters of a label: of a page of 400 pixels
BUTTONS = ["lasso2d", "select2d", "sendChartToCloud"]  # not useful here, or would upload a chart
HIDDEN = {"Cc", "Cs", "Co"}  # control characters, surrogates, private use
BIDI_CONTROLS = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067")  # change the direction of text
ISOLATE, END = "\u2068", "\u2069"  # around text whose direction does not affect its neighbours
RIGHT_TO_LEFT = {"R", "AL", "AN"}  # bidirectional classes of Hebrew, Arabic ...


def shorten(text: object, length: int = 60) -> str:
    """Text from data on one line of at most `length` characters, without control characters, cut with an ellipsis.

    Right-to-left text is isolated by two characters without width, so that it does not reorder its neighbours:
    "Tea (3)" with a Hebrew title would put the 3 before it.
    """
    line = " ".join(str(text)[: 20 * length].split())
    line = "".join(c for c in line if c not in BIDI_CONTROLS and unicodedata.category(c) not in HIDDEN)
    if line.isascii():
        return line if len(line) <= length else line[: length - 1].rstrip() + "…"
    return _isolated(line, length)


def _isolated(line: str, length: int) -> str:
    """`shorten` for lines with right-to-left characters; text that was isolated before stays so, and is closed."""
    long = len(line) - line.count(ISOLATE) - line.count(END) > length
    text, depth, shown, right_to_left = "", 0, 0, False
    for c in line:
        if c in (ISOLATE, END):
            if c == ISOLATE or depth:
                depth += 1 if c == ISOLATE else -1
                text += c
            continue
        if long and shown == length - 1:
            text = text.rstrip() + "…"
            break
        text, shown = text + c, shown + 1
        right_to_left |= not depth and unicodedata.bidirectional(c) in RIGHT_TO_LEFT
    text += END * depth
    return f"{ISOLATE}{text}{END}" if right_to_left else text


def escape(text: object, length: int = 60) -> str:
    """Text from data, escaped so that plotly and HTML show it literally; every title, id and name goes through this.

    plotly renders some HTML in titles, labels and hover texts, and LaTeX between dollar signs. It knows numeric
    entities and a few names, but not &quot;, so the result must not be used in an attribute.

    >>> escape("<b>Tea & $5</b>")
    '&lt;b&gt;Tea &amp; &#36;5&lt;/b&gt;'
    """
    return html.escape(shorten(text, length), quote=False).replace("$", "&#36;")


def template(name: str) -> go.layout.Template:
    """The plotly template of a colour scheme, light or dark."""
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
        paper_bgcolor=ink["page"], plot_bgcolor=CLEAR,  # opaque: legible on any page and as an image
        xaxis=axis, yaxis=axis,
        margin={"l": 8, "r": 16, "t": 70, "b": 40},
        modebar={"bgcolor": CLEAR, "color": GREY, "activecolor": BLUE, "remove": BUTTONS},
        hoverlabel={"align": "left", "font": {"family": FONT}},
        legend={"bgcolor": CLEAR},
        bargap=0.06,
    )  # fmt: skip
    return go.layout.Template(layout=layout, data={"scatter": [{"marker": {"size": 8}, "line": {"width": 2}}]})


def use(ink: str) -> None:
    """Set the colour scheme, light or dark, of all plotly figures from now on. UserError for any other."""
    if ink not in INKS:
        raise unknown_name("ink", ink, INKS)
    pio.templates.default = "workbench" if ink == "light" else "workbench_dark"


def _add_scripts() -> None:
    """Add the scripts of a live notebook: lab.js for dark themes and keyboard, sort.js for sortable tables."""
    from IPython.display import Javascript, display

    lab, sort = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("lab.js", "sort.js"))
    display(Javascript(f"({lab})({json.dumps(INKS)});\n{sort}"))


def wrap(text: str, width: int) -> str:
    """A title broken into lines of at most `width` characters; plotly does not break lines."""
    return "<br>".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False))


def finish(
    figure: go.Figure, title: str, *, subtitle: str = "", x: str = "", y: str = "", height: int = 320
) -> go.Figure:
    """Finish a figure: title, subtitle, axis titles, height, and a legend where it names several traces.

    height: pixels below the title. Texts may hold plotly's tags: text from data must be escaped before.
    """
    title, subtitle = wrap(title, 84), wrap(subtitle, 110)
    top = 36 + 21 * title.count("<br>") + (17 * (subtitle.count("<br>") + 1) if subtitle else 0)  # pixels of text
    height += top + 20
    figure.update_layout(
        title={"text": title, "y": 1 - 14 / height, "subtitle": {"text": subtitle}}, height=height, margin_t=top + 20,
        showlegend=len(_legend_names(figure)) > 1,
    )  # fmt: skip
    if x:
        figure.update_xaxes(title_text=x)
    if y:
        figure.update_yaxes(title_text=y)
    return _legend_below(figure) if figure.layout.showlegend else figure


def headline(title: str, note: str) -> str:
    """The title of a figure, or in its place what has to be said against its numbers: `note`, not yet escaped."""
    return escape(note, 200) or title


def _legend_names(figure: go.Figure) -> list[str]:
    """The names of the traces that a legend shows; some kinds of traces, such as tables, have none."""
    return [trace.name for trace in figure.data
            if trace.name and not ("showlegend" in trace and trace.showlegend is False)]  # fmt: skip


def _legend_below(figure: go.Figure) -> go.Figure:
    """The legend in lines under the figure: beside it, it would leave no width for the figure on a narrow page."""
    lines = 1 + sum(7 * len(name) + 50 for name in _legend_names(figure)) // LEGEND_WIDTH
    below = {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}
    room = 20 * lines + 24
    return figure.update_layout(legend=below, height=figure.layout.height + room, margin_b=40 + room)


class Notice(go.Figure):
    """A figure with nothing to draw: shown as one line that says why, not as an empty chart. Its title is the line."""

    def line(self) -> str:
        """The line as HTML, in which texts from data are escaped."""
        return f"<p>{self.layout.title.text.replace('<br>', ' ')}.</p>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/html": self.line(), "text/plain": html.unescape(self.line()[3:-4])}, raw=True)


def notice(text: str) -> Notice:
    """The figure to return where nothing can be drawn; text: why, escaped."""
    return finish(Notice(), text.rstrip("."), height=0)


def rows(names: list[str]) -> dict:
    """Settings of a vertical axis with one escaped name a row, the first on top, in two lines where it is long; rows
    are numbered, as names may repeat."""
    labels, end = [_in_lines(name) for name in names], len(names) - 0.5
    ticks = {"tickvals": list(range(len(names))), "ticktext": labels, "ticklabelstandoff": 8}
    return {**ticks, "range": [end, -0.5], "showgrid": False}


def _in_lines(name: str) -> str:
    """An escaped name in at most two lines, so that half of a narrow page holds it."""
    lines = textwrap.wrap(shorten(name, 44), LABEL_WIDTH, max_lines=2, placeholder="…", break_on_hyphens=False)
    return "<br>".join(escape(line) for line in lines)


pio.templates["workbench"], pio.templates["workbench_dark"] = template("light"), template("dark")
use("light")
if in_jupyter():
    _add_scripts()

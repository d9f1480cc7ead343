"""The one look: told apart by eyes of every kind, readable on light and dark pages, and no title is ever markup."""
import html
import itertools

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from IPython.core.formatters import DisplayFormatter

from workbench.errors import UserError
from workbench.report.cell_outputs import figures_html
from workbench.show import theme
from workbench.show.widgets import controls

LINEAR = {  # Machado, Oliveira & Fernandes 2009, full severity, on linear RGB
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array([[0.41246, 0.35758, 0.18044], [0.21267, 0.71515, 0.07217], [0.01933, 0.11919, 0.95030]])  # of sRGB
PLOTLY = ("#636efa", "#EF553B", "#00cc96", "#ab63fa", "#FFA15A", "#19d3f3", "#FF6692")


def linear(color: str) -> np.ndarray:
    """Linear RGB of "#rrggbb"."""
    value = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG contrast ratio."""
    dark, light = sorted(float(XYZ[1] @ linear(color)) for color in (a, b))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB under D65."""
    t = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def closest(colors, sight: str) -> float:
    """CIE76 distance of the two closest colours, as this sight sees them."""
    seen = [lab(np.asarray(LINEAR[sight]) @ linear(color)) for color in colors]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("sight", LINEAR)
def test_the_palette_is_told_apart(sight):
    assert closest(theme.COLORWAY, sight) >= 15


def test_the_measure_rejects_a_palette_that_is_not():
    assert closest(PLOTLY, "deutan") < 10


@pytest.mark.parametrize("page", theme.INKS)
def test_marks_and_text_stand_out(page):
    for color in (*theme.COLORWAY[:4], theme.GREY):
        assert contrast(color, theme.INKS[page]["page"]) >= 3, color
    assert contrast(theme.INKS[page]["text"], theme.INKS[page]["page"]) >= 7
    assert contrast(theme.INKS[page]["muted"], theme.INKS[page]["page"]) >= 4.5


def test_both_templates_differ_in_ink_alone():
    light, dark = (pio.templates[name].to_plotly_json() for name in ("workbench", "workbench_dark"))
    assert light["layout"]["colorway"] == dark["layout"]["colorway"] == list(theme.COLORWAY)
    for name, template in zip(theme.INKS, (light, dark)):  # opaque: a figure is legible on a page of the other ink
        assert template["layout"]["paper_bgcolor"] == theme.INKS[name]["page"]
    assert light["layout"]["font"]["color"] != dark["layout"]["font"]["color"]
    assert len(set(theme.SYMBOLS)) == len(theme.COLORWAY)


def test_use_changes_what_is_drawn_next():
    try:
        theme.use("dark")
        assert go.Figure().layout.template.layout.font.color == theme.INKS["dark"]["text"]
    finally:
        theme.use("light")
    with pytest.raises(UserError, match="did you mean 'dark'"):
        theme.use("drak")


def test_escape_shows_text_literally():
    assert theme.escape("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert theme.escape('a "b" & <a href="javascript:1">c</a>').count("<") == 0
    assert theme.escape('say "x"') == 'say "x"'  # plotly would show &quot; as it stands
    assert "$" not in theme.escape("$x$ costs $5")
    long = theme.escape("long " * 1000)
    assert len(long) <= 60 and long.endswith("…")
    assert theme.escape("a\n\tb\x00\u202ec\ud800") == "a bc"
    assert theme.escape("é 漢字 👍🏽 ‍") == "é 漢字 👍🏽 ‍"


def test_long_titles_wrap_between_words_and_make_room():
    short = theme.finish(go.Figure(), "one line").layout
    long = theme.finish(go.Figure(), "word " * 60, subtitle="under it").layout
    assert "<br>" in long.title.text and "<br>" not in short.title.text
    assert long.margin.t > short.margin.t and long.height - long.margin.t == short.height - short.margin.t == 320


def test_what_runs_leftward_turns_nothing_beside_it():
    """Hebrew and Arabic are set apart, once however often they are cut, and what they open they close."""
    title = "שלום עולם"
    apart = theme.shorten(title)
    assert apart == f"\u2068{title}\u2069" == theme.shorten(apart) and theme.escape(apart, 9) == apart
    said = f"Read: {apart} (3)"
    assert theme.shorten(said) == said
    assert theme.shorten(title * 10, 9) == "\u2068שלום עול…\u2069"
    assert theme.shorten("a\u2069b\u2068c\u202ed") == "ab\u2068cd\u2069" and theme.shorten("Crème (3)") == "Crème (3)"


def test_a_figure_with_nothing_to_draw_is_one_line(monkeypatch):
    shown, nothing = [], theme.notice("&lt;b&gt; has no timestamps: " + "nothing can be shown " * 9)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    assert nothing.update_layout(height=500) is nothing, "a cell that goes on with the figure goes on"
    DisplayFormatter().format(nothing)
    assert list(shown[0]) == ["text/html", "text/plain"] and shown[0]["text/html"] == nothing.line()
    page = figures_html([nothing, go.Figure()])
    assert page.startswith("<p>&lt;b&gt; has no timestamps: nothing can") and page.count('class="plot"') == 1
    area = controls.figure_area()
    controls.show_figure(area, nothing)
    assert area.outputs[0]["data"]["text/html"] == nothing.line()


def test_a_narrow_page_keeps_the_legend_and_the_labels():
    """A legend beside a figure, or a title of 44 characters on one line, would take the width of a phone."""
    named = go.Figure([go.Scatter(x=[1], y=[n], name=name) for n, name in enumerate("ab")])
    legend, bare = theme.finish(named, "x").layout, theme.finish(go.Figure(), "x").layout
    assert (legend.legend.orientation, legend.legend.yref, legend.legend.y) == ("h", "container", 0)
    assert legend.height - legend.margin.t - legend.margin.b == bare.height - bare.margin.t - 40, "the plot is as high"
    labels = theme.rows(["short", "Zephyrine overnight face mask, hydrating & birch, twin pack", "x" * 90, "<b>a</b>"])
    assert labels["ticktext"][0] == "short" and labels["ticktext"][3] == "&lt;b&gt;a&lt;/b&gt;"
    for label in labels["ticktext"]:
        assert all(len(html.unescape(line)) <= 24 for line in label.split("<br>")) and label.count("<br>") <= 1

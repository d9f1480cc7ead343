"""Thumbnails: marks are at the right places, the cover figure is chosen, and no text of a figure can run."""
import base64
import json
import re

import numpy as np
import plotly.graph_objects as go

from workbench.report import cell_outputs, export_notebook
from workbench.report.thumbnail import HEIGHT, WIDTH, figure_svg, thumbnail


def small_svg(figure: go.Figure) -> str:
    return figure_svg(json.loads(figure.to_json()))


def marks(text: str, *names: str) -> list[tuple[float, ...]]:
    """The values of these attributes of every mark that has them."""
    return [tuple(float(re.search(rf'\b{name}="(-?[\d.]+)"', mark)[1]) for name in names)
            for mark in re.findall(r"<(?:circle|rect|line) [^>]*>", text) if all(f'{n}="' in mark for n in names)]


def test_markers_are_at_their_positions():
    figure = go.Figure(go.Scatter(x=[0, 1, 2], y=np.array([0.0, 1.0, 4.0]), mode="markers"))
    (x0, y0), (x1, y1), (x2, y2) = marks(small_svg(figure), "cx", "cy")
    assert abs((x0 + x2) / 2 - x1) < 0.2 and abs((y0 - y1) * 4 - (y0 - y2)) < 0.5 and y2 < y1 < y0
    assert 0 < x0 < x2 < WIDTH and 0 < y2 < y0 < HEIGHT


def test_reversed_and_logarithmic_axes():
    figure = go.Figure(go.Scatter(x=[1, 100, 10], y=[0, 1, 2], mode="markers"))
    figure.update_yaxes(range=[2.5, -0.5]).update_xaxes(type="log")
    (x0, y0), (x1, y1), (x2, y2) = marks(small_svg(figure), "cx", "cy")
    assert y0 < y1 < y2 and abs((x0 + x1) / 2 - x2) < 0.2


def test_bars_start_at_zero_and_have_their_lengths():
    bars = marks(small_svg(go.Figure(go.Bar(x=["a", "b"], y=[1.0, 3.0]))), "height", "y")
    assert abs(bars[1][0] / bars[0][0] - 3) < 0.05 and abs(sum(bars[0]) - sum(bars[1])) < 0.2


def test_error_bars_and_heat_maps_are_drawn():
    error = {"type": "data", "symmetric": False, "array": [1.0], "arrayminus": [0.5]}
    figure = go.Figure(go.Scatter(x=[2.0], y=[1.0], mode="markers", error_x=error))
    line = marks(small_svg(figure), "x1", "x2", "y1", "y2")
    assert len(line) == 1 and line[0][1] > line[0][0] and line[0][2] == line[0][3]
    assert small_svg(go.Figure(go.Heatmap(z=[[1, 2], [3, 4]]))).count("<rect") == 4


def test_a_figure_that_cannot_be_drawn_has_no_thumbnail(tmp_path):
    assert small_svg(go.Figure()) == "" == small_svg(go.Figure(go.Sunburst(labels=["a"], parents=[""])))
    malformed = cell_outputs.figure_html({"data": [{"type": "scatter", "x": {"bdata": "!"}, "y": [1]}], "layout": {}})
    (tmp_path / "a.html").write_text(malformed)
    assert thumbnail(tmp_path / "a.html") == ""
    good = cell_outputs.figure_html(json.loads(go.Figure(go.Bar(y=[1, 2])).to_json()))
    (tmp_path / "b.html").write_text(malformed + good)
    assert "data:image/svg+xml" in thumbnail(tmp_path / "b.html")


def test_a_hostile_figure_stays_an_image(tmp_path):
    attack = '"/><script>window.PWN=1</script>'
    spec = {"data": [{"type": "bar", "x": [attack], "y": [1], "marker": {"color": attack}}],
            "layout": {"title": {"text": f"{attack}<b>x</b>"}}}  # fmt: skip
    (tmp_path / "a.html").write_text(cell_outputs.figure_html(spec))
    image = thumbnail(tmp_path / "a.html")
    assert image.count("<") == 1 and "<script" not in base64.b64decode(image.split("base64,")[1][:-2]).decode()


def page(folder, name, *, cover: go.Figure, tags: list[str]) -> str:
    """The thumbnail of a page whose first figure is always the same and whose second one is `cover`."""
    figures = [(go.Figure(go.Scatter(x=[0, 1, 2], y=[0, 2, 1])), []), (cover, tags)]
    cells = [
        {"cell_type": "code", "source": "plot", "execution_count": n, "metadata": {"tags": tags}, "outputs": [
            {"output_type": "display_data", "data": {cell_outputs.PLOTLY: json.loads(figure.to_json())}}]}
        for n, (figure, tags) in enumerate(figures, 1)
    ]  # fmt: skip
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    return thumbnail(export_notebook(folder / f"{name}.ipynb"))


def test_pages_with_the_same_first_figure_differ_by_their_covers(tmp_path):
    bars, dots = go.Figure(go.Bar(y=[3, 1, 2])), go.Figure(go.Scatter(y=[1, 3], mode="markers"))
    first, second = page(tmp_path, "a", cover=bars, tags=["cover"]), page(tmp_path, "b", cover=dots, tags=["cover"])
    assert first and second and first != second
    untagged = page(tmp_path, "c", cover=bars, tags=[])
    assert untagged == page(tmp_path, "d", cover=dots, tags=[]) and untagged not in (first, second)
    sunburst = go.Figure(go.Sunburst(labels=["a"], parents=[""]))
    assert page(tmp_path, "e", cover=sunburst, tags=["cover"]) == untagged, "a cover that cannot be drawn is skipped"

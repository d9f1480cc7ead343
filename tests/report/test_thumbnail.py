"""Small pictures of figures: what lies where, and nothing that a figure says can run."""
import base64
import json
import re

import numpy as np
import plotly.graph_objects as go

from workbench.report import cell_outputs
from workbench.report.thumbnail import HEIGHT, WIDTH, svg, thumbnail


def drawn(figure: go.Figure) -> str:
    return svg(json.loads(figure.to_json()))


def places(text: str, *names: str) -> list[tuple[float, ...]]:
    """The numbers of every mark, by the names of its attributes."""
    return [tuple(float(re.search(rf'\b{name}="(-?[\d.]+)"', mark)[1]) for name in names)
            for mark in re.findall(r"<(?:circle|rect|line) [^>]*>", text) if all(f'{n}="' in mark for n in names)]


def test_marks_lie_where_the_figure_has_them():
    points = places(drawn(go.Figure(go.Scatter(x=[0, 1, 2], y=np.array([0.0, 1.0, 4.0]), mode="markers"))), "cx", "cy")
    (x0, y0), (x1, y1), (x2, y2) = points
    assert abs((x0 + x2) / 2 - x1) < 0.2 and abs((y0 - y1) * 4 - (y0 - y2)) < 0.5 and y2 < y1 < y0
    assert 0 < x0 < x2 < WIDTH and 0 < y2 < y0 < HEIGHT


def test_a_turned_axis_and_a_logarithm():
    turned = go.Figure(go.Scatter(x=[1, 100, 10], y=[0, 1, 2], mode="markers"))
    turned.update_yaxes(range=[2.5, -0.5]).update_xaxes(type="log")
    (x0, y0), (x1, y1), (x2, y2) = places(drawn(turned), "cx", "cy")
    assert y0 < y1 < y2 and abs((x0 + x1) / 2 - x2) < 0.2


def test_bars_stand_on_zero_and_have_their_lengths():
    bars = places(drawn(go.Figure(go.Bar(x=["a", "b"], y=[1.0, 3.0]))), "height", "y")
    assert abs(bars[1][0] / bars[0][0] - 3) < 0.05 and abs(sum(bars[0]) - sum(bars[1])) < 0.2


def test_intervals_and_heat_maps_are_drawn():
    error = {"type": "data", "symmetric": False, "array": [1.0], "arrayminus": [0.5]}
    line = places(drawn(go.Figure(go.Scatter(x=[2.0], y=[1.0], mode="markers", error_x=error))), "x1", "x2", "y1", "y2")
    assert len(line) == 1 and line[0][1] > line[0][0] and line[0][2] == line[0][3]
    assert drawn(go.Figure(go.Heatmap(z=[[1, 2], [3, 4]]))).count("<rect") == 4


def test_what_cannot_be_drawn_small_has_no_picture(tmp_path):
    assert drawn(go.Figure()) == "" == drawn(go.Figure(go.Sunburst(labels=["a"], parents=[""])))
    odd = cell_outputs.figure({"data": [{"type": "scatter", "x": {"bdata": "!"}, "y": [1]}], "layout": {}})
    (tmp_path / "a.html").write_text(odd)
    assert thumbnail(tmp_path / "a.html") == ""
    good = cell_outputs.figure(json.loads(go.Figure(go.Bar(y=[1, 2])).to_json()))
    (tmp_path / "b.html").write_text(odd + good)
    assert "data:image/svg+xml" in thumbnail(tmp_path / "b.html")


def test_a_hostile_figure_stays_a_picture(tmp_path):
    attack = '"/><script>window.PWN=1</script>'
    spec = {"data": [{"type": "bar", "x": [attack], "y": [1], "marker": {"color": attack}}],
            "layout": {"title": {"text": f"{attack}<b>x</b>"}}}  # fmt: skip
    (tmp_path / "a.html").write_text(cell_outputs.figure(spec))
    made = thumbnail(tmp_path / "a.html")
    assert made.count("<") == 1 and "<script" not in base64.b64decode(made.split("base64,")[1][:-2]).decode()

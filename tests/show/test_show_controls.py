"""Every widget of a live notebook has a full label and works by keyboard in JupyterLab."""
import sys
from functools import partial
from pathlib import Path

import ipywidgets
import pandas as pd
import plotly.graph_objects as go

from workbench import show
from workbench.experiment.browse.case_study import CaseStudy
from workbench.experiment.browse.item_index import ItemIndex
from workbench.show.figures import cases as cases_page
from workbench.show.figures.users import table_recommendations
from workbench.show.tables import table
from workbench.show.widgets import compare_runs, controls, explorers, items

NAMED = (ipywidgets.Dropdown, ipywidgets.Text, ipywidgets.BoundedIntText, ipywidgets.BoundedFloatText)
SLIDERS = (ipywidgets.IntSlider, ipywidgets.FloatSlider)
LAB_SCRIPT = Path(show.__file__).with_name("lab.js").read_text(encoding="utf-8")
PLACES = (ipywidgets.HTML, ipywidgets.Output, ipywidgets.Button)


def boxes(bench, runs):
    """All widgets that need no semantic ID decoder."""
    users, cases = bench.typical_users(3).tolist(), CaseStudy(bench, runs[:3])
    lists = partial(table_recommendations, bench, runs[:3])
    codes = bench.codes(size=4, levels=2)
    yield explorers._user_widgets(bench, users, users[0], lists)
    yield explorers._prefix_widgets(bench, codes, int(codes.codes[1, 0]))
    yield items._widgets(ItemIndex(bench), 1, "", 6)
    yield cases_page._widgets(cases, 0, 0)
    yield compare_runs._widgets(cases, "neither", 10)


def inside(box):
    """The widgets in a box, each with the box around it."""
    for child in box.children:
        if isinstance(child, ipywidgets.Box):
            yield from inside(child)
        else:
            yield child, box


def test_every_control_has_its_whole_label_and_every_slider_a_number(bench, runs):
    seen = set()
    for box in boxes(bench, runs):
        for control, around in inside(box):
            seen.add(type(control))
            if isinstance(control, NAMED):
                assert control.description and control.style.description_width == "initial"
            elif isinstance(control, SLIDERS):
                assert isinstance(around.children[0], NAMED), "a slider has no name of its own"
            else:
                assert isinstance(control, PLACES), f"{type(control).__name__}: JupyterLab may keep its keys"
    assert {ipywidgets.Dropdown, ipywidgets.Text, ipywidgets.IntSlider} <= seen


def test_a_slider_and_its_number_are_one(monkeypatch):
    slider, seen = controls.slider(0, 1, 0), []
    number, same = controls.labelled("case", slider).children
    controls.on_change([slider], lambda: seen.append(slider.value))
    assert same is slider and number.description == "case"
    controls.set_case_count(slider, 8, lambda: seen.append("first"))
    number.value = 5
    assert slider.value == 5 and number.max == 7 and seen == ["first", 5]
    controls.set_case_count(slider, 3, lambda: seen.append("first"))
    assert (slider.value, number.value, number.max, seen) == (0, 0, 2, ["first", 5, 0]), "the first case is seen once"
    controls.set_case_count(slider, 1, lambda: None)
    assert number.disabled and slider.disabled


def test_a_picture_holds_what_plotly_draws_and_the_title_in_words():
    place = controls.figure_area()
    controls.show_figure(place, go.Figure(go.Bar(x=[1], y=[2]), {"title": {"text": "One"}}))
    shown = place.outputs[0]["data"]
    assert shown["text/plain"] == "One" and shown["application/vnd.plotly.v1+json"]["data"][0]["type"] == "bar"


def test_controls_are_made_only_where_a_browser_listens(in_notebook, monkeypatch):
    static = table(pd.DataFrame({"x": [1]}))
    twin, drawn = controls.with_widgets(static, controls.vbox), controls.with_widgets(go.Figure(), controls.vbox)
    assert in_notebook[0]._dom_classes == (controls.LIVE,) and "kernel" in in_notebook[1].data
    assert twin == static and controls.TWIN in twin._repr_html_() and drawn.layout.meta == controls.TWIN
    for name in (controls.LIVE, controls.TWIN):
        assert name in LAB_SCRIPT, "the page hides the one beside the other"
    assert len(in_notebook) == 4
    monkeypatch.delitem(sys.modules, "ipykernel")  # a command that a cell runs inherits what the kernel was told
    assert controls.with_widgets(static, None) is static and controls.TWIN not in static._repr_html_()
    assert len(in_notebook) == 4

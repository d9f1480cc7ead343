"""Every control of a live notebook says what it is, whole, and is one that keys can move in JupyterLab."""
import sys
from functools import partial

import ipywidgets
import plotly.graph_objects as go

from workbench import show
from workbench.experiment.browse.case_study import Cases
from workbench.experiment.browse.item_index import Shelf
from workbench.show.figures import cases as cases_page
from workbench.show.widgets import compare_runs, controls, explorers, items

NAMED = (ipywidgets.Dropdown, ipywidgets.Text, ipywidgets.BoundedIntText, ipywidgets.BoundedFloatText)
SLIDERS = (ipywidgets.IntSlider, ipywidgets.FloatSlider)
PLACES = (ipywidgets.HTML, ipywidgets.Output, ipywidgets.Button)


def boxes(bench, runs):
    """All controls that need no network that spells."""
    users, cases = show.typical_users(bench, 3).tolist(), Cases(bench, runs[:3])
    lists = partial(show.answers, bench, runs[:3])
    codes = bench.codes(size=4, levels=2)
    yield explorers._users(bench, users, users[0], lists)
    yield explorers._prefixes(bench, codes, int(codes.codes[1, 0]))
    yield items._finder(Shelf(bench), 1, "", 6)
    yield cases_page._controls(cases, 0, 0)
    yield compare_runs._comparator(cases, "neither", 10)


def inside(box):
    """The controls and places in a box, each with the box around it."""
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
    number, same = controls.numbered("case", slider).children
    controls.when([slider], lambda: seen.append(slider.value))
    assert same is slider and number.description == "case"
    controls.reach(slider, 8, lambda: seen.append("first"))
    number.value = 5
    assert slider.value == 5 and number.max == 7 and seen == ["first", 5]
    controls.reach(slider, 3, lambda: seen.append("first"))
    assert (slider.value, number.value, number.max, seen) == (0, 0, 2, ["first", 5, 0]), "the first case is seen once"
    controls.reach(slider, 1, lambda: None)
    assert number.disabled and slider.disabled


def test_a_picture_holds_what_plotly_draws_and_the_title_in_words():
    place = controls.picture()
    controls.draw(place, go.Figure(go.Bar(x=[1], y=[2]), {"title": {"text": "One"}}))
    shown = place.outputs[0]["data"]
    assert shown["text/plain"] == "One" and shown["application/vnd.plotly.v1+json"]["data"][0]["type"] == "bar"


def test_controls_are_made_only_where_a_browser_listens(listening, monkeypatch):
    controls.put(lambda: "box")
    assert listening[0] == "box" and "report" in listening[1].value and len(listening) == 2
    monkeypatch.delitem(sys.modules, "ipykernel")  # a command that a cell runs inherits what the kernel was told
    controls.put(None)
    assert len(listening) == 2

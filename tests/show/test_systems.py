"""A system's card, source and studies as tables and figures."""
import json

import pytest

import workbench as wb
from workbench import systems
from workbench.errors import UserError
from workbench.experiment.browse.system_card import SystemCard, inspect_system
from workbench.show.widgets import systems as widgets
from workbench.show.widgets.systems import explore_systems
from workbench.systems import evidence


@pytest.fixture(scope="module")
def study(home):
    bench = wb.open_bench("synthetic", profile="smoke", options={"users": 150})
    return wb.study(bench, "graph_walk", seeds=1)


@pytest.mark.parametrize("name", systems.names())
def test_every_system_has_a_card(name):
    card = wb.inspect_system(name)
    text = repr(wb.show.table_system(card))
    assert card.about.idea[:40] in " ".join(text.split()) and name in text
    source = wb.show.table_source(card)
    assert repr(source).startswith('"""') and "```python" in source._repr_markdown_()


def test_an_unknown_system_has_the_nearest_name():
    with pytest.raises(UserError, match="did you mean 'sasrec'"):
        wb.inspect_system("sasrek")


def test_a_study_is_a_figure_with_its_verdict(study):
    figure = wb.show.plot_study(study)
    assert study.verdict[0] in figure.layout.title.text and "1 " not in figure.layout.title.text[:2]
    assert [trace.name for trace in figure.data][:3] == ["on", "off", "placebo"]
    assert [trace.x[0] for trace in figure.data][:3] == [study.values[arm].mean() for arm in ("on", "off", "placebo")]


def test_stored_and_stale_studies(study, tmp_path, monkeypatch):
    path = study.save(tmp_path / "graph_walk.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"stands_on": {"": "0" * 16}}))
    card = SystemCard(wb.inspect_system("graph_walk").about)
    card.__dict__["studies"] = evidence.stored("graph_walk", tmp_path)
    figure, table = wb.show.plot_study(card), repr(wb.show.table_evidence(card))
    assert "Stale" in figure.layout.title.subtitle.text and study.verdict[0] in table
    options = " ".join(f"{name}={value}" for name, value in study.dict()["options"].items())
    assert options and f"synthetic ({options})" in table and f"synthetic ({options})" in card.studies[0].text()


def test_a_system_that_was_not_studied(tmp_path):
    card = SystemCard(wb.inspect_system("ease").about)
    card.__dict__["studies"] = []
    assert "workbench study ease" in repr(wb.show.table_evidence(card))
    assert "No study" in wb.show.plot_study(card).line()


def test_a_menu_of_one_family_offers_its_systems_and_no_others():
    tiger = inspect_system("tiger")
    assert "tiger" in explore_systems(tiger, family="generative")._repr_html_()
    menu, area = widgets._widgets("tiger", "generative").children
    assert [value for _, value in menu.options] == systems.names("generative")
    before, menu.value = area.value, "apao"
    assert area.value != before and "APAO" in area.value
    with pytest.raises(UserError, match="unknown system of generative 'sasrec'"):
        explore_systems(inspect_system("sasrec"), family="generative")
    with pytest.raises(UserError, match="did you mean 'generative'"):
        explore_systems(tiger, family="generativ")

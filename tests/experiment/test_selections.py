"""What selectors keep of train, beside counts by hand, and the slider's table."""
import numpy as np
import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.browse.selections import Selections
from workbench.show.widgets.selections import _budget_widgets

SETTINGS = {"random_selection": {}, "goracs": {"exchanges": 2, "cases": 40}}


@pytest.fixture(scope="module")
def bench():
    return wb.open_bench("synthetic", profile="smoke", options={"users": 100, "items": 80})


@pytest.fixture(scope="module")
def selections(bench):
    return Selections(bench, SETTINGS)


def test_what_is_kept_by_hand(bench, selections):
    train, frame = bench.split.train, selections.at(0.3)
    assert frame["system"].tolist() == list(SETTINGS) and frame["chosen by the first too"][0] == 1
    for _, row in frame.iterrows():
        users = [u for u in range(100) if train.offsets[u] in selections.rows(row["system"], 0.3)]
        kept = [item for user in users for item in train.row(user).tolist()]
        counts = np.bincount(train.items)
        assert (row["histories"], row["events"]) == (len(users), len(kept)) and len(kept) <= 0.3 * len(train.items)
        assert row["items held"] == pytest.approx(len(set(kept)) / len(set(train.items.tolist())))
        assert row["events of an item"] == pytest.approx(np.mean([counts[item] for item in kept]))


def test_they_are_the_rows_that_a_run_learns_from(bench, selections):
    run = bench.fit("goracs", share=0.3, base="item_transitions", **SETTINGS["goracs"])
    assert np.array_equal(run.selected_rows, np.sort(selections.rows("goracs", 0.3)))


def test_the_table_of_a_report_has_three_budgets(bench):
    text = wb.show.explore_selections(bench, {"random_selection": {}})._repr_html_()
    assert text.count("random_selection") == 3


def test_the_table_follows_the_slider(bench):
    box = _budget_widgets(Selections(bench, {"random_selection": {}}), 0.2)
    slider, area = box.children[0].children[-1], box.children[1]
    before = area.value
    assert slider.value == 20 and "random_selection" in before
    slider.value = 50
    assert area.value != before


@pytest.mark.parametrize("settings, message", [({"sasrec": {}}, "sasrec does not select"), ({}, "name a system"),
                                               ({"goracs": {"exchange": 1}}, "did you mean 'exchanges'")])  # fmt: skip
def test_a_system_that_does_not_select_is_named(bench, settings, message):
    with pytest.raises(UserError, match=message):
        Selections(bench, settings).at(0.3)

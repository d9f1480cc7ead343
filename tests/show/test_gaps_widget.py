"""The slider for the gaps of a history: the list follows it, and titles stay text."""
import pytest
from hostile_titles import TABLE, Cells

from workbench.errors import UserError
from workbench.experiment.browse.case_study import inspect_cases
from workbench.show.widgets.gaps import _gap_widgets, explore_gaps


@pytest.fixture(scope="module")
def changes(bench, runs):
    return inspect_cases(bench, [runs[-1]]).changes(0, k=5)


def test_the_table_has_a_column_for_each_factor_and_no_live_markup(changes):
    shown = explore_gaps(changes)._repr_html_()
    assert "gaps x 0.25" in shown and "5 (gaps x 1)" in shown
    cells = Cells(shown)
    assert {tag for tag, _ in cells.tags} <= TABLE | {"p"}


def test_the_list_follows_the_slider(changes):
    _, area = (box := _gap_widgets(changes)).children
    assert "gaps x 1" in area.value and "gaps x 4" not in area.value
    slider = box.children[0].children[-1]
    slider.value = 2
    assert "gaps x 1" in area.value and "gaps x 4" in area.value


def test_a_log_without_times(timeless):
    with pytest.raises(UserError, match="no times"):
        explore_gaps(inspect_cases(timeless, [timeless.fit("popularity")]).changes(0))

"""The names of `workbench.show`: lazy, documented, and found by prefix."""
import subprocess
import sys

import pytest

from workbench import show
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError


def test_names_are_found_by_prefix_and_documented():
    assert dir(show) == sorted(show.__all__) == show.__all__ and len(show.__all__) <= 64  # a topic adds one or two
    for name in show.__all__:
        assert name == "table" or name.startswith(("plot_", "table_", "explore_")), name
        assert (getattr(show, name).__doc__ or "").partition("\n")[0], name
    with pytest.raises(AttributeError, match="no attribute 'plot_nothing'"):
        show.plot_nothing  # noqa: B018


def test_importing_the_package_imports_no_plotly():
    code = "import sys, workbench.show; print({'plotly', 'torch', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_a_card_is_drawn_by_what_it_holds():
    with pytest.raises(UserError, match="has no picture"):
        show.plot_card(Card((Figure("density", 0.1),)))
    assert "no graph" in show.plot_card(Card(unmeasured={"CR_1": "there is no graph"})).layout.title.text
    figure = show.plot_card(Card((Figure("HD_1", 0.5, 0.4, 0.6),)), label="sasrec")
    assert figure.layout.title.text.startswith("With the last item alone sasrec retains 50 %")

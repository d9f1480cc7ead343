"""Figures have a null and an interval; a diagnostic that cannot be measured states why, and the others remain."""
import numpy as np
import pandas as pd
import pytest

from workbench.diagnose.verdict.card import Card, Figure, gather_cards, mean_figure
from workbench.errors import UserError


def test_a_figure_is_significant_only_if_its_whole_interval_excludes_the_null():
    assert Figure("x", 0.5, 0.4, 0.6, null=0.3, direction="above").significant
    assert not Figure("x", 0.5, 0.2, 0.6, null=0.3, direction="above").significant
    assert Figure("x", 0.1, null=0.3, direction="below").significant
    assert not Figure("x", 0.5, 0.4, 0.6, null=0.3).significant
    assert not Figure("x", 0.5, 0.4, 0.6, direction="above").significant, "there is no null to exclude"


def test_a_mean_has_a_bootstrap_interval():
    figure = mean_figure("hit", np.array([0.0, 1.0] * 200), null=0.1, direction="above")
    assert figure.value == 0.5 and 0.44 < figure.low < 0.46 < 0.54 < figure.high < 0.56 and figure.n == 400
    with pytest.raises(UserError, match="hit: no case"):
        mean_figure("hit", np.zeros(0))


def test_unmeasured_diagnostics_state_why_and_the_others_remain():
    def needs_times() -> Card:
        raise UserError("the dataset has no timestamps", code=3)

    card = gather_cards({"drift": needs_times, "size": lambda: Card((Figure("users", 3.0),))})
    assert card.unmeasured == {"drift": "the dataset has no timestamps"}
    assert card.table().loc["users", "value"] == 3 and card["users"].n == 0
    with pytest.raises(KeyError):
        card["drift"]
    empty = gather_cards({"lift": lambda: Card((Figure("lift", float("nan"), note="This over that."),
                                                Figure("n", 1.0)))})
    assert [figure.name for figure in empty.figures] == ["n"] and empty.unmeasured["lift"].endswith("This over that.")


def test_a_card_loads_as_saved(tmp_path):
    table = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="which"))
    figures = Figure("x", 0.5, 0.4, 0.6, 0.3, "above", 7, "A thing."), Figure("y", 2.0)
    card = Card(figures, {"parts": table}, {"z": "w"})
    card.save(tmp_path)
    loaded = Card.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.table(), card.table())
    pd.testing.assert_frame_equal(loaded.tables["parts"], table)
    assert loaded.unmeasured == card.unmeasured

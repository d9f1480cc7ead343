"""Figures carry their null and their interval; a part that cannot be measured says why, and the rest comes."""
import numpy as np
import pandas as pd
import pytest

from workbench.diagnose.verdict.card import Card, Figure, gathered, mean_figure
from workbench.errors import UserError


def test_a_figure_is_found_only_if_its_whole_interval_clears_the_null():
    assert Figure("x", 0.5, 0.4, 0.6, null=0.3, toward="above").found
    assert not Figure("x", 0.5, 0.2, 0.6, null=0.3, toward="above").found
    assert Figure("x", 0.1, null=0.3, toward="below").found
    assert not Figure("x", 0.5, 0.4, 0.6, null=0.3).found
    assert not Figure("x", 0.5, 0.4, 0.6, toward="above").found, "there is no null to clear"


def test_a_mean_comes_with_the_interval_of_its_cases():
    figure = mean_figure("hit", np.array([0.0, 1.0] * 200), null=0.1, toward="above")
    assert figure.value == 0.5 and 0.44 < figure.low < 0.46 < 0.54 < figure.high < 0.56 and figure.n == 400
    with pytest.raises(UserError, match="hit: no case"):
        mean_figure("hit", np.zeros(0))


def test_what_cannot_be_measured_says_why_and_the_rest_comes():
    def without_times() -> Card:
        raise UserError("the dataset has no timestamps", code=3)

    card = gathered({"drift": without_times, "size": lambda: Card((Figure("users", 3.0),))})
    assert card.unmeasured == {"drift": "the dataset has no timestamps"}
    assert card.table().loc["users", "value"] == 3 and card["users"].n == 0
    with pytest.raises(KeyError):
        card["drift"]
    empty = gathered({"lift": lambda: Card((Figure("lift", float("nan"), note="This over that."), Figure("n", 1.0)))})
    assert [figure.name for figure in empty.figures] == ["n"] and empty.unmeasured["lift"].endswith("This over that.")


def test_a_card_is_read_as_it_was_saved(tmp_path):
    table = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="which"))
    figures = Figure("x", 0.5, 0.4, 0.6, 0.3, "above", 7, "A thing."), Figure("y", 2.0)
    card = Card(figures, {"parts": table}, {"z": "w"})
    card.save(tmp_path)
    again = Card.load(tmp_path)
    pd.testing.assert_frame_equal(again.table(), card.table())
    pd.testing.assert_frame_equal(again.tables["parts"], table)
    assert again.unmeasured == card.unmeasured

"""Slips at the doors of the Python interface: each is one UserError that says what was given and what is allowed."""
import numpy as np
import pytest

import workbench as wb
from workbench.__main__ import main
from workbench.errors import UserError
from workbench.evaluate.evaluation import validate_recommendations
from workbench.interfaces import Recommendations

ITEMS = np.array([[1, 2, 3], [3, 2, 1]])
SCORES = -np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("lists, message", [
    ([[1, 2, 3], [3, 2, 1]], "returns workbench.interfaces.Recommendations.*not list"),
    ((ITEMS, SCORES), "not tuple"),
    (None, "not NoneType"),
    (Recommendations(ITEMS, SCORES[:, :2]), r"scores of shape \(2, 2\), expected \(2, 3\)"),
    (Recommendations(ITEMS.astype(float), SCORES), "item ids as float64"),
    (Recommendations(ITEMS, -SCORES), "scores rise"),
])  # fmt: skip
def test_a_recommender_that_returns_something_else(lists, message):
    validate_recommendations(Recommendations(ITEMS, SCORES), 2, 3, 3)
    with pytest.raises(UserError, match=message):
        validate_recommendations(lists, 2, 3, 3)


@pytest.mark.parametrize("slip, message", [
    (lambda: wb.open_bench("synthetic", seed="0"), "seed must be an integer, not '0'"),
    (lambda: wb.open_bench("synthetic", seed=1.5), "not 1.5"),
    (lambda: wb.open_bench("synthetic", protocol="random"), "protocol is a dict.*given 'random'"),
    (lambda: wb.open_bench("logs/plays.csv"), "dataset csv, option path=logs/plays.csv"),
    (lambda: wb.load_run(3), "folder must be a path or a text, not 3"),
    (lambda: wb.open_bench("synthetic", profile="smoke").evaluate([[1, 2], [3]], name="x"), "different lengths"),
])  # fmt: skip
def test_a_slip_of_type(slip, message):
    with pytest.raises(UserError, match=message):
        slip()


def test_a_negative_number_is_read_as_one(capsys):
    assert main(["prune", "--days", "-1"]) == 2
    assert "--days must be at least 0, not -1" in capsys.readouterr().err

"""Probabilities that are known to be right, or too bold by a known factor."""
import numpy as np
import pytest
from toys import rows

from workbench.data import Cases
from workbench.diagnose.models import calibration
from workbench.errors import UserError


def drawn(n: int, sharper: float = 1.0, items: int = 8, seed: int = 0):
    """Scores of n cases whose targets come from the softmax of scores / `sharper`."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (n, items + 1))
    p = np.exp(scores[:, 1:] / sharper)
    p /= p.sum(1, keepdims=True)
    targets = 1 + (p.cumsum(1) < rng.random((n, 1))).sum(1).clip(max=items - 1)
    return [(scores, Cases(rows(*[[1]] * n), targets.astype(np.int32)))]


def test_ece_by_hand():
    p, right = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, True, True, True])
    assert calibration.bins_of(p, 2).tolist() == [0, 0, 1, 1]
    assert calibration.ece(p, right, 2) == pytest.approx((0.35 + 0.15) / 2)
    assert calibration.reliability(p, right, 2)["right"].tolist() == [0.5, 1]


def test_a_true_distribution_is_calibrated_and_a_bold_one_is_not():
    counts = np.arange(9)
    honest = calibration.calibration_card(drawn(3000), drawn(600, seed=1), counts, likelihood=True)
    assert not honest["ece"].found and honest["ece"].value == pytest.approx(honest["ece"].null, abs=0.01)
    assert honest["brier"].found and {"ece, head", "ece, tail"} <= set(honest.table().index)
    bold = calibration.calibration_card(drawn(3000, 3), drawn(5000, 3, seed=1), counts, likelihood=False)
    assert bold["ece"].found and bold["ece"].low > 0.1 and "no probability" in bold["ece"].note
    assert not bold["ece, tempered"].found and bold["ece, tempered"].value < bold["ece"].value / 4


def test_items_of_one_code_share_its_probability_and_what_is_masked_has_none():
    scores = np.log(np.array([[1, 0.6, 0.6, 0.4]]))  # items 1 and 2 share a code of probability .6
    case = Cases(rows([3]), np.array([1], np.int32))
    shared = np.array([1, 2, 2, 1])
    whole = calibration.confidence([(scores, case)], np.ones(1), group_size=shared)
    assert whole.p[0, 0] == pytest.approx(0.4) and whole.item.tolist() == [3]
    rest = calibration.confidence([(scores, case)], np.ones(1), group_size=shared, masked=True)
    assert rest.p[0, 0] == pytest.approx(0.5) and rest.right.tolist() == [True]


def test_few_cases_fill_no_bins():
    with pytest.raises(UserError, match="cannot fill"):
        calibration.ece_figure("ece", np.full(20, 0.5), np.ones(20, bool), note="")

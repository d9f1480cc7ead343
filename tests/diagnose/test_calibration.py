"""Calibration of probabilities that are correct, or overconfident by a known factor."""
import numpy as np
import pytest
from toys import make_histories

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
    return [(scores, Cases(make_histories(*[[1]] * n), targets.astype(np.int32)))]


def test_ece_by_hand():
    p, correct = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, True, True, True])
    assert calibration.equal_mass_bins(p, 2).tolist() == [0, 0, 1, 1]
    assert calibration.ece(p, correct, 2) == pytest.approx((0.35 + 0.15) / 2)
    assert calibration.reliability(p, correct, 2)["accuracy"].tolist() == [0.5, 1]


def test_the_true_distribution_is_calibrated_and_an_overconfident_one_is_not():
    counts = np.arange(9)
    calibrated = calibration.calibration_card(drawn(3000), drawn(600, seed=1), counts, likelihood=True)
    assert not calibrated["ece"].significant and calibrated["ece"].value == pytest.approx(calibrated["ece"].null,
                                                                                          abs=0.01)
    assert calibrated["brier"].significant and {"ece, head", "ece, tail"} <= set(calibrated.table().index)
    overconfident = calibration.calibration_card(drawn(3000, 3), drawn(5000, 3, seed=1), counts, likelihood=False)
    ece, tempered = overconfident["ece"], overconfident["ece, tempered"]
    assert ece.significant and ece.low > 0.1 and "no probability" in ece.note
    assert not tempered.significant and tempered.value < ece.value / 4


def test_items_of_one_code_share_its_probability_and_masked_items_have_none():
    scores = np.log(np.array([[1, 0.6, 0.6, 0.4]]))  # items 1 and 2 share a code of probability .6
    case = Cases(make_histories([3]), np.array([1], np.int32))
    shared = np.array([1, 2, 2, 1])
    full = calibration.top1_confidence([(scores, case)], np.ones(1), group_size=shared)
    assert full.p[0, 0] == pytest.approx(0.4) and full.item.tolist() == [3]
    rest = calibration.top1_confidence([(scores, case)], np.ones(1), group_size=shared, masked=True)
    assert rest.p[0, 0] == pytest.approx(0.5) and rest.correct.tolist() == [True]


def test_few_cases_fill_no_bins():
    with pytest.raises(UserError, match="cannot fill"):
        calibration.ece_figure("ece", np.full(20, 0.5), np.ones(20, bool), note="")

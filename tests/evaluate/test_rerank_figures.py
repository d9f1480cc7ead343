"""Figures of re-rankers by hand: AUC, log loss and calibration of judgements; lists that stop, similarity inside."""
import numpy as np
import pytest
from sklearn import metrics

from workbench.errors import UserError
from workbench.evaluate.rerank.binary import binary_metrics, calibration_error, log_loss
from workbench.evaluate.rerank.list_length import list_similarity, stop_curve


def test_figures_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    p, y = rng.random((40, 5)), rng.integers(0, 2, (40, 5))
    found = binary_metrics(p, y)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y.ravel(), p.ravel()))
    assert found["log loss"] == pytest.approx(metrics.log_loss(y.ravel(), p.ravel()))
    assert log_loss(np.array([0.0, 1.0]), np.array([0, 1])) < 1e-11


def test_calibration_is_small_for_probabilities_that_are_true_and_large_for_others():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    y = (rng.random(20_000) < p).astype(int)
    assert calibration_error(p, y) < 0.02 < 0.15 < calibration_error(p**3, y)
    assert calibration_error(np.full(4, 0.25), np.array([0, 0, 1, 0]), bins=1) == 0


@pytest.mark.parametrize("p, y, message", [
    ([0.5, 0.5], [1, 1], "same answer"), ([0.5, 1.5], [0, 1], "judgements are 2 probabilities"),
    ([0.5, 0.5], [0, 2], "as many 0 or 1"), ([0.5], [0, 1], "not 2 of"),
])  # fmt: skip
def test_what_are_no_judgements_is_an_error(p, y, message):
    with pytest.raises(UserError, match=message):
        binary_metrics(np.array(p), np.array(y))


def test_a_stop_that_knows_hits_more_than_a_fixed_cut_of_its_mean_length():
    """Four cases over four places; the target is at place 0, 0, 3 and nowhere."""
    places, n = np.array([0, 0, 3, -1]), 4
    knowing = stop_curve(places, np.array([1, 1, 4, 0]), n)
    assert knowing.hits.tolist() == [0.5, 0.5, 0.5, 0.75]
    assert (knowing.length, knowing.hit) == (1.5, 0.75) and knowing.at_length == knowing.hits[0] == 0.5
    assert knowing.gain == 0.25
    for cut in range(5):  # a stop that always comes at one place is that cut
        fixed = stop_curve(places, np.full(4, cut), n)
        assert fixed.gain == 0 and fixed.hit == [0, *knowing.hits][cut]
    half = stop_curve(places, np.array([0, 1, 0, 1]), n)
    assert (half.length, half.hit, half.at_length) == (0.5, 0.25, 0.25)


def test_similarity_inside_lists_by_hand():
    vectors = np.array([[0, 0], [2, 0], [0, 3], [1, 1]], np.float32)
    items = np.array([[1, 2, 3], [1, 3, 2], [2, 1, 3]])
    assert list_similarity(items[:1], np.array([2]), vectors) == pytest.approx(0)
    assert list_similarity(items, np.array([2, 2, 1]), vectors) == pytest.approx(0.5**0.5 / 2)  # the third has no pair
    assert list_similarity(items[:1], np.array([3]), vectors) == pytest.approx(2 * 0.5**0.5 / 3)
    assert np.isnan(list_similarity(items, np.array([1, 0, 1]), vectors))

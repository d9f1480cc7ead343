"""Beyond-accuracy metrics against values by hand."""
import numpy as np
import pytest
from toys import make_histories

from workbench.data.leakage_measures import gini
from workbench.diagnose.models import beyond_accuracy

COUNTS = np.array([0, 4, 2, 2, 0])


def test_tail_percentile_and_order():
    assert beyond_accuracy.items_by_popularity(COUNTS).tolist() == [4, 3, 2, 1]
    tail = beyond_accuracy.tail_items(np.arange(11))
    assert tail.sum() == 8 and not tail[9:].any()
    assert beyond_accuracy.popularity_percentile(COUNTS)[1:].tolist() == [0.875, 0.5, 0.5, 0.125]


def test_novelty_and_exposure_by_hand():
    lists = beyond_accuracy.as_histories(np.array([[1, 2], [1, 4]]))
    assert beyond_accuracy.novelty(lists, COUNTS).tolist() == [1.5,
                                                               2.0]  # 1 and 2 bits; 1 bit and, counted as one event, 3
    assert beyond_accuracy.self_information(np.array([0.5, 0.125])).mean() == 2.0
    shown = gini(np.array([2, 1, 0, 1]))
    assert beyond_accuracy.exposure(lists, 4) == {"coverage": 0.75, "gini": shown, "entropy": 2**1.5 / 4}
    assert gini(np.array([0, 0, 1, 3])) == 0.625


def test_diversity_excludes_items_without_a_vector():
    vectors = np.array([[0, 0], [1, 0], [0, 2], [3, 0], [0, 0]], float)
    diversity = beyond_accuracy.intra_list_diversity(make_histories([1, 2, 3], [1, 3, 4], [1, 4], []), vectors)
    assert diversity[:2] == pytest.approx([2 / 3, 0]) and np.isnan(diversity[2:]).all()


def test_distinct_and_shares_of_labels():
    labels = np.array([-1, 0, 1, 1, -1])
    some = make_histories([1, 2, 3], [4], [2, 4])
    assert beyond_accuracy.label_shares(some, labels)[[0, 2]] == pytest.approx(np.array([[1 / 3, 2 / 3], [0, 1]]))
    assert np.isnan(beyond_accuracy.label_shares(some, labels)[1]).all()
    assert beyond_accuracy.distinct_labels(make_histories([1, 2, 3], [3]), np.array([-1, 0, 1, 1])).tolist() == [2, 1]


def test_miscalibration_by_hand():
    half = np.array([[0.5, 0.5]])
    assert beyond_accuracy.miscalibration(half, np.array([[0.8, 0.2]])) == pytest.approx([0.2176], abs=1e-4)
    assert beyond_accuracy.miscalibration(half, half) == pytest.approx([0])
    assert np.isfinite(beyond_accuracy.miscalibration(half, np.array([[1.0, 0.0]]))).all()


def test_quantile_distance():
    values = np.array([0, 0.1, 0.5, 0.9])
    far = beyond_accuracy.quantile_distance(
        make_histories([1, 2, 1], [1], []), make_histories([2, 1, 1], [3, 3], [1]), values
    )
    assert far[:2] == pytest.approx([0, 0.8]) and np.isnan(far[2])


def test_random_lists_are_uniform():
    drawn = beyond_accuracy.random_lists(4000, 3, 5, np.random.default_rng(0))
    assert (np.diff(np.sort(drawn, axis=1), axis=1) > 0).all()
    assert np.bincount(drawn.ravel(), minlength=6)[1:] == pytest.approx(np.full(5, 2400), rel=0.06)

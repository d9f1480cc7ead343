"""Absorption gaps by hand and by permutation, absorbing latents, feature splitting, latents matched across seeds."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.probing.concepts.absorption import absorption_gap, fully_absorbed, greedy_union_f1, matched_fraction
from workbench.probing.concepts.sparse_probing import (
    most_different_latents,
    probe_auroc,
    share_of_dense,
    sparse_probe_auroc,
)


def test_the_gap_by_hand_and_its_permutation_test():
    rng = np.random.default_rng(0)
    items = rng.integers(1, 41, 8000)
    parent, child, stratum = np.arange(41) > 0, np.arange(41) > 30, np.zeros(41, int)
    fires = rng.random(8000) < np.where(child[items], 0.4, 0.9)
    found = absorption_gap(fires, items, parent, child, stratum)
    assert found.gap == pytest.approx(fires[~child[items]].mean() - fires[child[items]].mean())
    assert found.gap == pytest.approx(0.5, abs=0.05) and found.p == 0.001
    one = absorption_gap(items != 40, items, parent, np.arange(41) > 38, stratum)
    assert one.gap > 0.4 and one.p > 0.02, "one inactive item of two is not significant, however often it is read"
    even = absorption_gap(rng.random(8000) < 0.6, items, parent, child, stratum)
    assert abs(even.gap) < 0.05 and even.p > 0.05


def test_full_absorption_by_hand():
    z = csr_matrix(np.array([[1.0, 0, 0], [0, 0.5, 0], [0, 0.3, 0], [0, 0, 9], [0, 2.0, 0]]))
    directions, probe = np.array([[1.0, 0], [0.8, 0.6], [0.02, 1]]), np.array([1.0, 0])
    found = fully_absorbed(z, directions, probe, np.array([1.0, 1, 1, 1, -1]), [0])
    assert found.tolist() == [False, True, False, False, False], "active; .40; .24; cosine < .025; negative projection"


def test_two_latents_predict_a_split_concept():
    holds = np.array([True] * 6 + [False] * 6)
    z = np.zeros((12, 3))
    z[:3, 0] = z[3:6, 1] = z[:2, 2] = z[6:, 2] = 1
    chosen, f1 = greedy_union_f1((csr_matrix(z), holds), (csr_matrix(z), holds), max_latents=2)
    assert sorted(chosen) == [0, 1] and f1.round(6).tolist() == [0.666667, 1.0]


def test_matched_fraction():
    e = np.eye(4)
    assert matched_fraction(e, e[[2, 0]]) == 0.5 and matched_fraction(e[:2], e[2:]) == 0
    assert matched_fraction(e * 3, e) == 1
    assert matched_fraction(e[:1], np.array([[0.8, 0.6, 0, 0]])) == 1
    assert matched_fraction(e[:1], np.array([[0.7, 0.71, 0, 0]])) == 0
    assert matched_fraction(np.vstack([e, e * 0]), e) == 1
    assert np.isnan(matched_fraction(e * 0, e)), "zero rows are left out"


def test_sparse_probing_against_a_dense_probe():
    rng = np.random.default_rng(1)
    z, holds = rng.random((600, 8)), rng.random(600) < 0.4
    z[:, 5] += holds
    z[:, 2] += 0.5 * holds
    assert most_different_latents(csr_matrix(z), holds, 2).tolist() == [5, 2]
    assert share_of_dense(0.7, 0.9) == 0.5 and np.isnan(share_of_dense(0.6, 0.5))
    found = sparse_probe_auroc(csr_matrix(z[:300]), holds[:300], csr_matrix(z[300:]), holds[300:], ks=(1, 2))
    assert 0.95 < found[1] <= found[2] + 0.02
    assert abs(probe_auroc(z[:300, :1], holds[:300], z[300:, :1], holds[300:]) - 0.5) < 0.1
    assert np.isnan(probe_auroc(z[:300], np.ones(300, bool), z[300:], holds[300:]))

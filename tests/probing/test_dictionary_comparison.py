"""The bootstrap difference of two dictionaries: users are sampled jointly, seeds separately."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.dictionary_comparison import activation_by_user, bootstrap_difference


def side(share, spread, seed, n=300):
    rng = np.random.default_rng(seed)
    total = rng.uniform(1, 3, n)
    return np.column_stack([total * np.clip(share + spread * rng.standard_normal(n), 0, 1), total])


def test_a_clear_difference_and_none():
    ours, rival = [[side(0.7, 0.2, s)] for s in range(3)], [[side(0.5, 0.2, 9)]]
    found = bootstrap_difference(ours, rival)
    assert 0.1 < found.low < found.difference < found.high and found.difference == pytest.approx(0.2, abs=0.03)
    same = bootstrap_difference([[side(0.5, 0.2, 1)]], [[side(0.5, 0.2, 2)]])
    assert same.low < 0 < same.high


def test_variation_between_seeds_widens_the_interval():
    steady = [[side(0.6, 0.1, s)] for s in range(3)]
    shaky = [[side(m, 0.1, s)] for s, m in enumerate((0.45, 0.6, 0.75))]
    rival = [[side(0.5, 0.1, 9)]]
    assert bootstrap_difference(steady, rival).low > 0 > bootstrap_difference(shaky, rival).low


def test_item_splits_are_sampled_jointly():
    """Variation between item splits widens the interval only if it differs between the sides."""
    low, high = 0.3, 0.6
    ours = [[side(low + 0.1, 0.05, 1), side(high + 0.1, 0.05, 2)]]
    together, alone = [[side(low, 0.05, 3), side(high, 0.05, 4)]], [[side(high, 0.05, 3), side(low, 0.05, 4)]]
    assert bootstrap_difference(ours, together).low > 0 > bootstrap_difference(ours, alone).low


def test_activation_by_user():
    zero = np.zeros(4, np.int32)
    user = np.array([7, 3, 7, 3])
    activations = Activations(np.zeros((4, 1), np.float32), user, zero, zero, zero, zero, zero, Site("x"), "")
    z = csr_matrix(np.array([[1, 2], [4, 0], [0, 1], [0, 3]], np.float32))
    assert activation_by_user(activations, z, np.array([True, False])).tolist() == [[4, 7], [1, 4]]

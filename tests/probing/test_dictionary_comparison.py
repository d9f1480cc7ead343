"""The claim rule: ahead for sure, or not, over users drawn together and seeds drawn apart."""
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.dictionary_comparison import ahead, by_user


def side(share, spread, seed, n=300):
    rng = np.random.default_rng(seed)
    total = rng.uniform(1, 3, n)
    return np.column_stack([total * np.clip(share + spread * rng.standard_normal(n), 0, 1), total])


def test_a_clear_lead_and_none():
    ours, rival = [[side(0.7, 0.2, s)] for s in range(3)], [[side(0.5, 0.2, 9)]]
    found = ahead(ours, rival)
    assert found.low > 0.1 and found.low < found.by < found.high and found.by == pytest.approx(0.2, abs=0.03)
    same = ahead([[side(0.5, 0.2, 1)]], [[side(0.5, 0.2, 2)]])
    assert same.low < 0 < same.high


def test_seeds_that_disagree_take_the_claim_away():
    steady = [[side(0.6, 0.1, s)] for s in range(3)]
    shaky = [[side(m, 0.1, s)] for s, m in enumerate((0.45, 0.6, 0.75))]
    rival = [[side(0.5, 0.1, 9)]]
    assert ahead(steady, rival).low > 0 > ahead(shaky, rival).low


def test_halves_that_disagree_take_it_away_unless_they_do_for_both():
    """Ways of dealing items out are drawn for both sides together."""
    low, high = 0.3, 0.6
    ours = [[side(low + 0.1, 0.05, 1), side(high + 0.1, 0.05, 2)]]
    together, alone = [[side(low, 0.05, 3), side(high, 0.05, 4)]], [[side(high, 0.05, 3), side(low, 0.05, 4)]]
    assert ahead(ours, together).low > 0 > ahead(ours, alone).low


def test_activation_by_user():
    zero = np.zeros(4, np.int32)
    user = np.array([7, 3, 7, 3])
    units = Activations(np.zeros((4, 1), np.float32), user, zero, zero, zero, zero, zero, Site("x"), "")
    z = csr_matrix(np.array([[1, 2], [4, 0], [0, 1], [0, 3]], np.float32))
    assert by_user(units, z, np.array([True, False])).tolist() == [[4, 7], [1, 4]]

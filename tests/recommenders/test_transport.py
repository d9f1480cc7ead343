"""A coreset by transport: the exact optimum and its duals, a greedy start by hand, exchanges that only lower it."""
import sys
from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from workbench.errors import UserError
from workbench.recommenders.selection.transport import (
    best_duals,
    exact_transport,
    exchanged,
    greedy,
    transport_cost,
)

needs_pot = pytest.mark.skipif(not find_spec("ot"), reason="needs the extra selection")


def make_cost(n: int, m: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return transport_cost(rng.normal(size=(n, 3)), rng.normal(size=(m, 3)), rng.random(n), 0.1)


def linear_program(cost: np.ndarray) -> float:
    """The least cost of a plan with uniform marginals, by HiGHS."""
    n, m = cost.shape
    rows, columns = sparse.kron(sparse.eye(n), np.ones((1, m))), sparse.kron(np.ones((1, n)), sparse.eye(m))
    marginals = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return linprog(cost.ravel(), A_eq=sparse.vstack([rows, columns]), b_eq=marginals, method="highs").fun


@needs_pot
def test_the_transport_is_the_optimum_of_the_linear_program_and_its_duals_prove_it():
    cost = make_cost(40, 60)
    found = exact_transport(cost)
    assert found.cost == pytest.approx(linear_program(cost), abs=1e-9)
    assert (cost - found.inside[:, None] - found.outside).min() > -1e-9
    assert found.inside.mean() + found.outside.mean() == pytest.approx(found.cost, abs=1e-9)
    again = exact_transport(cost, (found.inside + 0.01, found.outside))
    assert again.cost == pytest.approx(found.cost, abs=1e-9), "where it starts does not matter"


@needs_pot
def test_a_transport_by_hand():
    """Three rows to two columns: a third each, so the middle row is split between both."""
    assert exact_transport(np.array([[0.0, 9.0], [1.0, 2.0], [9.0, 0.0]])).cost == pytest.approx((1 + 2) / 6)


def test_the_cost_is_distance_less_gradient_in_the_unit_range():
    """Points on a line at 0 and 4, cases at 0 and 2; distances / 4 less half of the norms / 10."""
    cost = transport_cost(np.array([[0.0], [4.0]]), np.array([[0.0], [2.0]]), np.array([10.0, 5.0]), 0.5)
    raw = np.array([[0.0 - 0.5, 0.5 - 0.5], [1.0 - 0.25, 0.5 - 0.25]])
    assert np.allclose(cost, (raw + 0.5) / 1.25)


@needs_pot
@pytest.mark.parametrize("seed", range(4))
def test_exchanges_never_raise_the_objective_and_stay_within_the_budget(seed):
    cost, lengths = make_cost(80, 50, seed), np.random.default_rng(seed).integers(2, 9, 80)
    start = greedy(cost, lengths, 60)
    chosen, costs = exchanged(cost, start, lengths, 60, exchanges=100)
    assert lengths[start].sum() <= 60 and lengths[chosen].sum() <= 60 and len(set(chosen)) == len(chosen)
    assert len(costs) > 1 and (np.diff(costs) < 0).all()
    assert np.allclose([costs[0], costs[-1]], [exact_transport(cost[rows]).cost for rows in (start, chosen)], atol=1e-9)
    assert len(exchanged(cost, start, lengths, 60, exchanges=1)[1]) == 2


@needs_pot
@pytest.mark.parametrize("seed", range(8))
def test_three_of_ten_are_within_two_per_cent_of_the_best_three(seed):
    cost, one = make_cost(10, 12, seed), np.ones(10, np.int64)
    chosen, costs = exchanged(cost, greedy(cost, one, 3), one, 3, exchanges=100)
    every = {three: exact_transport(cost[list(three)]).cost for three in combinations(range(10), 3)}
    assert len(chosen) == 3 and costs[-1] <= 1.02 * min(every.values())
    near = [value for three, value in every.items() if len(set(three) & set(chosen.tolist())) == 2]
    assert min(near) >= costs[-1] - 1e-8, "no exchange of one row lowers it"


@needs_pot
@pytest.mark.parametrize("n", [7, 20, 40])
def test_the_duals_bound_what_an_exchange_can_gain(n):
    """So pairs that are not tried cannot help; also with fewer columns than rows."""
    cost = make_cost(60, 30)
    chosen = np.arange(n)
    now = exact_transport(cost[chosen])
    gains = best_duals(cost, now.outside, n)
    assert np.allclose(gains[chosen], now.inside, atol=1e-9)
    rng, slack = np.random.default_rng(0), []
    for at, row in zip(rng.integers(0, n, 40), rng.integers(n, 60, 40)):
        tried = chosen.copy()
        tried[at] = row
        slack.append(exact_transport(cost[tried]).cost - now.cost - (gains[row] - now.inside[at]) / n)
    assert min(slack) > -1e-9


def test_the_greedy_start_gives_up_a_row_that_is_nobodys_nearest():
    """Rows at 5, 0, 10, 1 and columns at 0, 1, 10, 10: 5 is nearest to all, until 10 and 0 are there."""
    rows, columns = np.array([5.0, 0.0, 10.0, 1.0]), np.array([0.0, 1.0, 10.0, 10.0])
    cost = np.abs(rows[:, None] - columns)
    assert greedy(cost, np.ones(4, np.int64), 1).tolist() == [0]
    assert greedy(cost, np.ones(4, np.int64), 2).tolist() == [0, 2]
    assert greedy(cost, np.ones(4, np.int64), 3).tolist() == [2, 1, 3]
    assert sorted(greedy(cost, np.ones(4, np.int64), 9).tolist()) == [0, 1, 2, 3], "and takes it where there is room"


def test_the_greedy_start_takes_the_row_of_the_largest_drop():
    cost, one = make_cost(50, 40), np.ones(50, np.int64)
    chosen = [int(cost.sum(1).argmin())]
    while len(chosen) < 8:  # below where a row is given up
        drops = np.maximum(cost[chosen].min(0) - cost, 0).sum(1)
        chosen.append(int(drops.argmax()))
    assert len(set(cost[chosen].argmin(0))) == 8 and greedy(cost, one, 8).tolist() == chosen


def test_the_greedy_start_uses_its_budget():
    cost, lengths = make_cost(50, 10), np.random.default_rng(0).integers(2, 9, 50)
    chosen = greedy(cost, lengths, 150)
    left = np.setdiff1d(np.arange(50), chosen)
    assert 150 - lengths[left].min() < lengths[chosen].sum() <= 150 and len(set(chosen)) == len(chosen)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(UserError, match="needs the extra 'selection'.*exchanges=0"):
        exact_transport(make_cost(2, 2))

"""A coreset by optimal transport: rows whose uniform distribution is cheap to carry to that of the columns.

GORACS (arXiv:2506.04015), its algorithm ITRA: a greedy start, then exchanges that the duals of the transport propose.
"""
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from workbench.errors import UserError
from workbench.recommenders.selection.whole_histories import to_unit

CANDIDATES = 30  # rows inside, and rows outside, that are tried for each other
SOLVES = 500  # exact transports at most, over all exchanges
LEAST = 1e-9  # by which an exchange lowers the objective at least


class Transport(NamedTuple):
    """cost: the least cost. inside: (n,) duals of the rows, outside: (m,) duals of the columns; inside_i + outside_j is
    at most C_ij, and equal where something is carried."""

    cost: float
    inside: np.ndarray
    outside: np.ndarray


def transport_cost(rows: np.ndarray, columns: np.ndarray, norms: np.ndarray, weight: float) -> np.ndarray:
    """(n, m) float64 in [0, 1]: the distance of each row (n, D) to each column (m, D), as a share of the largest, minus
    `weight` times the row's gradient norm (n,), as a share of the largest; then moved and scaled to the unit range."""
    distance = cdist(rows, columns)
    distance /= max(distance.max(initial=0.0), 1e-12)
    return to_unit(distance - weight * (norms / max(norms.max(initial=0.0), 1e-12))[:, None])


def exact_transport(cost: np.ndarray, start: tuple[np.ndarray, np.ndarray] | None = None) -> Transport:
    """The optimal transport of a uniform distribution of the rows to one of the columns, cost (n, m), by POT's network
    simplex. start: duals to begin from, for speed. UserError if the extra is not installed."""
    try:
        from ot import emd
    except ImportError as error:
        raise missing_extra() from error
    n, m = cost.shape
    _, log = emd(np.full(n, 1 / n), np.full(m, 1 / m), cost, numItermax=1_000_000, log=True, potentials_init=start)
    return Transport(float(log["cost"]), log["u"], log["v"])


def missing_extra() -> UserError:
    """The error where POT is not installed."""
    return UserError("optimal transport needs the extra 'selection': pip install 'workbench-recsys[selection]'; "
                     "exchanges=0 does without it")  # fmt: skip


def greedy(cost: np.ndarray, lengths: np.ndarray, budget: int) -> np.ndarray:
    """(n,) rows of a cost (N, m), of together at most `budget` events; lengths: (N,) of each row.

    First the row that is nearest to all columns together, then always the one that lowers the sum over the columns of
    the cost of their nearest row most. A row that is no longer the nearest of any column is given up. Where nothing
    lowers the sum, the columns are covered once more by further rows, until nothing fits.
    """
    chosen: list[int] = []
    while len(found := _cover(cost, lengths, budget, np.array(chosen, np.int64))):
        chosen += found
        budget -= int(lengths[found].sum())
    return np.array(chosen, np.int64)


def _cover(cost: np.ndarray, lengths: np.ndarray, budget: int, taken: np.ndarray) -> list[int]:
    """One covering of the columns. Gains only fall while rows are added, so old ones are bounds, renewed on demand."""
    free = lengths <= budget
    free[taken] = False
    if not free.any():
        return []
    first = int(np.where(free, cost.sum(1), np.inf).argmin())
    chosen, nearest = [first], np.full(cost.shape[1], first)
    bounds = np.maximum(cost[first] - cost, 0).sum(1)
    left = budget - int(lengths[first])
    while True:
        free[first] = False
        best = cost[nearest, np.arange(len(nearest))]
        while True:  # until the highest bound is an exact gain
            open_bounds = np.where(free & (lengths <= left), bounds, 0.0)
            row = int(open_bounds.argmax())
            if open_bounds[row] <= 0:
                return chosen
            gain = np.maximum(best - cost[row], 0).sum()
            stale, bounds[row] = bounds[row], gain
            if gain >= stale:
                break
        nearest = np.where(cost[row] < best, row, nearest)
        first, kept = row, set(nearest.tolist())
        left += int(sum(lengths[each] for each in chosen if each not in kept)) - int(lengths[row])
        chosen = [each for each in chosen if each in kept] + [row]


def exchanged(
    cost: np.ndarray, chosen: np.ndarray, lengths: np.ndarray, budget: int, *, exchanges: int
) -> tuple[np.ndarray, list[float]]:  # fmt: skip
    """Rows after at most so many exchanges of one inside for one outside, each lowering the exact transport to the
    columns, and its cost before and after each.

    Exchanging i for k cannot lower the cost by more than (inside_i - gain_k) / n (`best_duals`), so pairs are tried in
    that order, and not at all where this is nothing. CANDIDATES of the highest inside are paired with as many of the
    lowest gain outside that take no more than their place and what is left of the budget.
    """
    chosen, state = chosen.copy(), exact_transport(cost[chosen])
    costs, solves = [state.cost], 0
    while len(costs) <= exchanges:
        for at, row in _proposals(cost, chosen, lengths, budget, state):
            if solves == SOLVES:
                return chosen, costs
            solves += 1
            tried, inside = chosen.copy(), state.inside.copy()
            tried[at], inside[at] = row, (cost[row] - state.outside).min()
            found = exact_transport(cost[tried], (inside, state.outside))
            if found.cost < state.cost - LEAST:
                chosen, state = tried, found
                costs.append(found.cost)
                break
        else:
            break
    return chosen, costs


def best_duals(cost: np.ndarray, outside: np.ndarray, n: int) -> np.ndarray:
    """(N,) the dual that each row would have at best among n: the mean over its m / n best columns of cost - outside.
    For duals `outside` (m,) of the columns, sum(outside) / m + sum(of n rows) / n is at most the cost of those rows."""
    m = len(outside)
    whole = min(m // n, m - 1)
    reduced = cost - outside
    reduced.partition(whole, axis=1)
    best = reduced[:, : whole + 1]
    if m <= n:
        return best.min(1)
    return (best[:, :whole].sum(1) + (m / n - whole) * best[:, whole]) * (n / m)


def _proposals(
    cost: np.ndarray, chosen: np.ndarray, lengths: np.ndarray, budget: int, state: Transport
) -> list[tuple[int, int]]:  # fmt: skip
    """Places in `chosen` and rows outside to put there, the most promising pair first."""
    gains = best_duals(cost, state.outside, len(chosen))
    gains[chosen] = np.inf
    ranked = np.argsort(gains, kind="stable")[: len(gains) - len(chosen)]
    left, pairs = budget - int(lengths[chosen].sum()), []
    for place in np.argsort(-state.inside, kind="stable")[:CANDIDATES]:
        rows = ranked[lengths[ranked] <= left + lengths[chosen[place]]][:CANDIDATES]
        changes = (gains[rows] - state.inside[place]) / len(chosen)
        pairs += [(change, int(place), int(row)) for change, row in zip(changes, rows) if change < -LEAST]
    return [(place, row) for _, place, row in sorted(pairs)]

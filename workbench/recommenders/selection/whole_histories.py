"""Whole histories of train that fit into a budget of events."""
import numpy as np

from workbench.data import Histories
from workbench.errors import UserError


def learnable(train: Histories, budget: int) -> np.ndarray:
    """(n,) indices of the histories with two events or more, which have a next item to learn. UserError where none of
    them fits into a budget of events."""
    users = np.flatnonzero(train.lengths > 1)
    if not len(users) or train.lengths[users].min() > budget:
        raise UserError(f"no whole history of two events fits into {budget:,} train events: give a larger share")
    return users


def fill(order: np.ndarray, lengths: np.ndarray, budget: int) -> np.ndarray:
    """The rows of `order`, first things first, as long as each fits into what is left of the budget.

    order: (n,) distinct rows. lengths: events of each row, by row. budget: events.

    >>> fill(np.array([0, 1, 2, 3]), np.array([2, 3, 4, 1]), 6)
    array([0, 1, 3])
    """
    taken = [order[:0]]
    order = order[lengths[order] <= budget]
    while len(order):
        n = int(np.searchsorted(np.cumsum(lengths[order]), budget, side="right"))
        taken.append(order[:n])
        budget -= int(lengths[order[:n]].sum())
        order = order[n:]
        order = order[lengths[order] <= budget]
    return np.concatenate(taken)


def event_rows(train: Histories, users: np.ndarray) -> np.ndarray:
    """(n,) rows of the events of users, ascending."""
    chosen = np.zeros(len(train), bool)
    chosen[users] = True
    return np.flatnonzero(chosen[train.rows()])


def to_unit(values: np.ndarray) -> np.ndarray:
    """Values of any shape, moved and scaled so that the lowest is 0 and the highest 1; zeros where all are equal."""
    span = np.ptp(values)
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)

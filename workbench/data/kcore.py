"""The k-core of a log: what remains when users and items with fewer than k events are taken out until none is left."""
import numpy as np


def k_core(users: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
    """(N,) bool: the events of the k-core, which is unique whatever the order of removal.

    users, items: (N,) integer codes from 0. Both sides are thinned in the same round, by two counts over the rest.

    >>> k_core(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), 2)
    array([ True,  True,  True,  True, False])
    """
    kept = np.ones(len(users), bool)
    at = None  # the places of the rest; None while that is everything
    while True:
        often_user, often_item = np.bincount(users) >= k, np.bincount(items) >= k
        stays = often_user[users]
        stays &= often_item[items]
        if stays.all():
            return kept
        kept[slice(None) if at is None else at[~stays]] = stays if at is None else False
        at = np.flatnonzero(stays) if at is None else at[stays]
        users, items = users[stays], items[stays]

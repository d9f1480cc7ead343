"""Histories in which every item is another one, far away: what a model makes of these it did not learn from the items.
"""
import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories

DRAWN = 8  # items of which the farthest takes the place of another


def distant_twins(histories: Histories, train: Histories, n_items: int, rng: np.random.Generator) -> Histories:
    """The same histories of other items: of DRAWN items each the one that fewest walks of two steps (item, user, item)
    reach from the one that was there, by the probability of the walk in train; in ties the first drawn."""
    items = histories.items.astype(np.int64)
    drawn = 1 + (items[:, None] + rng.integers(0, n_items - 1, (len(items), min(DRAWN, n_items - 1)))) % n_items
    pairs = np.unique(train.rows() * (n_items + 1) + train.items)
    user, item = np.divmod(pairs, n_items + 1)
    degree = np.bincount(user, minlength=len(train))
    has = csr_matrix((np.ones(len(pairs)), (item, user)), shape=(n_items + 1, len(train)))
    step = has.multiply(1 / np.maximum(degree, 1)).tocsr()
    walk, place = np.unique(np.stack([np.repeat(items, drawn.shape[1]), drawn.ravel()]), axis=1, return_inverse=True)
    near = np.asarray(step[walk[0]].multiply(has[walk[1]]).sum(1)).ravel()[place.ravel()].reshape(drawn.shape)
    others = np.take_along_axis(drawn, near.argmin(1)[:, None], axis=1)[:, 0]
    return Histories(histories.offsets, others.astype(histories.items.dtype), histories.users, dict(histories.columns))

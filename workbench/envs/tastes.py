"""What a world of slates hides: vectors of users and of items, drawn by category, or read off the train log."""
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.errors import UserError
from workbench.train import named_rng

SPREAD = 0.6  # share of an item's variance that is its own, not its category's
QUALITY = 0.5  # standard deviation of what all users like alike


class Tastes(NamedTuple):
    """users: (U, D). items: (I+1, D). quality: (I+1,), what all users like alike. category: (I+1,) int, from 0 but for
    row 0, which is padding. A user's utility of item i is users . items_i + quality_i."""

    users: np.ndarray
    items: np.ndarray
    quality: np.ndarray
    category: np.ndarray


def planted(
    n_users: int, category: np.ndarray, *, dim: int = 6, strength: float = 1.5, seed: int = 0
) -> Tastes:  # fmt: skip
    """Drawn: an item's vector is its category's plus its own part, users are standard normal.

    category: (I+1,) int. strength: standard deviation of a user's utilities over the items, as `scaled`. UserError for
    no user, or a dim or strength that is not positive.
    """
    if n_users < 1 or dim < 1 or not strength > 0:
        raise UserError(f"planted tastes: {n_users=} and {dim=} are 1 or more, {strength=} above 0")
    rng, category = named_rng(seed, "tastes"), np.asarray(category, np.int64)
    centres = rng.standard_normal((category.max(initial=0) + 1, dim))
    own = rng.standard_normal((len(category), dim))
    items = np.sqrt(1 - SPREAD) * centres[category] + np.sqrt(SPREAD) * own
    quality = QUALITY * rng.standard_normal(len(category))
    items[0], quality[0] = 0, 0
    return scaled(Tastes(rng.standard_normal((n_users, dim)), items, quality, category), strength)


def from_log(train: Histories, n_users: int, n_items: int, category: np.ndarray | None = None, *, dim: int = 6,
             strength: float = 1.5) -> Tastes:  # fmt: skip
    """Tastes that a train log speaks of: factors of its matrix of users and items, each entry divided by the root of
    both degrees, without the first one, which is popularity; items have unit length, and their quality is the
    standardised logarithm of their events.

    category: (I+1,) int; by default the signs of the first three factors make eight. A user or an item without an event
    in train has a zero vector. UserError where the log is too small for dim factors.
    """
    from scipy.sparse.linalg import svds

    shape = (n_users, n_items + 1)
    if not 1 <= dim < min(shape) - 1:
        raise UserError(f"tastes from a log: dim={dim} is from 1 to {min(shape) - 2}, for its users and items")
    seen = csr_matrix((np.ones(len(train.items)), (train.users[train.rows()], train.items)), shape=shape)
    seen.data[:] = 1
    by_user, by_item = (np.maximum(np.asarray(seen.sum(axis=axis)).ravel(), 1) for axis in (1, 0))
    matrix = seen.multiply(1 / np.sqrt(by_user)[:, None]).multiply(1 / np.sqrt(by_item)).tocsr()
    users, _, items = svds(matrix, k=dim + 1, v0=np.ones(min(shape)), solver="arpack")
    users, items = users[:, -2::-1], items.T[:, -2::-1]  # the greatest comes last, and is left out
    length = np.linalg.norm(items, axis=1, keepdims=True)
    items = np.where(length > 1e-9, items / np.maximum(length, 1e-9), 0)
    events = np.log(np.bincount(train.items, minlength=n_items + 1) + 1.0)
    quality = QUALITY * (events - events[1:].mean()) / max(events[1:].std(), 1e-9)
    if category is None:
        category = (items[:, :3] > 0) @ (2 ** np.arange(min(dim, 3)))
    items[0], quality[0] = 0, 0
    return scaled(Tastes(users, items, quality, np.asarray(category, np.int64)), strength)


def scaled(tastes: Tastes, strength: float) -> Tastes:
    """The same directions of users, of such lengths that the standard deviation of every user's utilities over the
    items, quality left out, is `strength`; a zero vector stays."""
    spread = np.cov(tastes.items[1:].T, bias=True).reshape(tastes.items.shape[1], -1)
    deviation = np.sqrt(np.maximum(np.einsum("ud,de,ue->u", tastes.users, spread, tastes.users), 0))[:, None]
    users = np.where(deviation > 1e-9, tastes.users * strength / np.maximum(deviation, 1e-9), 0)
    return tastes._replace(users=users)

"""Pairs of users and items with other ends: the placebo of what is made of the edges between them."""
import numpy as np

ROUNDS = 20  # in each of which every pair is once proposed an exchange


def rewired_pairs(users: np.ndarray, items: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The distinct pairs (E,), of which two at a time have exchanged their items wherever that made no pair twice: each
    user and each item has as many as before (Maslov and Sneppen, 2002)."""
    users, items = users.astype(np.int64), items.astype(np.int64)
    size = int(items.max(initial=0)) + 1
    for _ in range(ROUNDS):
        a, b = rng.permutation(len(users))[: len(users) // 2 * 2].reshape(2, -1)
        proposed = users[np.stack([a, b])] * size + items[np.stack([b, a])]
        new, place = np.unique(proposed, return_inverse=True)
        single = np.bincount(place.ravel(), minlength=len(new)) == 1
        free = (single & ~np.isin(new, users * size + items))[place.reshape(proposed.shape)].all(0)
        a, b = a[free], b[free]
        items[a], items[b] = items[b], items[a]
    return users, items

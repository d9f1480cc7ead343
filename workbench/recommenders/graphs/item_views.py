"""Two views of the items, by kind of item vectors, as systems over text, image or audio features take them."""
import numpy as np

from workbench.errors import UserError

FEATURES = 128  # columns of TF-IDF vectors; a kind that reads features or an encoder has a width of its own


def item_views(bench, first: str, second: str, *, permuted: bool = False) -> list[np.ndarray]:
    """(I+1, F) vectors of each kind. permuted: the placebo, both views of an item are given to another item.

    UserError where the kinds are the same, or as `bench.vectors`.
    """
    if first == second:
        raise UserError(f"two views of the items are needed, not {first!r} twice; give another kind as second")
    views = [bench.vectors(kind, dim=FEATURES) for kind in (first, second)]
    if permuted:
        order = bench.rng("permuted views").permutation(len(views[0]) - 1)
        views = [np.concatenate([view[:1], view[1:][order]]) for view in views]
    return views

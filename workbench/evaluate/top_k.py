"""Exact top-k lists from scores: ties are broken by the lower id, and ids are in the order of a seeded hash."""
import numpy as np
import torch

from workbench.data import Histories
from workbench.errors import UserError, is_integer
from workbench.interfaces import Recommendations


def top_k(scores: torch.Tensor | np.ndarray, k: int, exclude: Histories | None = None) -> Recommendations:
    """The k best items of each row of `scores` (B, I+1), best first; column 0 is padding and never returned.

    `scores` is modified in place if it is floating point: excluded entries are overwritten. exclude: B rows of item
    ids.
    UserError if k is not in 1..I, if a row has fewer than k items left, or if a score is NaN.
    """
    scores = torch.as_tensor(scores)
    if not scores.is_floating_point():  # integers and booleans have no -inf
        scores = scores.double()
    n_items = scores.shape[1] - 1
    if not is_integer(k, 1, n_items):
        raise UserError(f"k={k!r}: the catalogue has {n_items} items, so k must be between 1 and {n_items}")
    scores[:, 0] = -torch.inf
    if exclude is not None:
        rows, items = torch.from_numpy(exclude.rows()), torch.from_numpy(exclude.items.astype(np.int64))
        scores[rows.to(scores.device), items.to(scores.device)] = -torch.inf
    values, items = scores.topk(k + 1, dim=1)
    if values.isnan().any():
        raise UserError("a score is NaN: the model diverged or its input contains NaN", code=1)
    if (values[:, k - 1] == -torch.inf).any():
        raise UserError(f"k={k}: a history leaves fewer than {k} of {n_items} items to recommend")
    tied = (values[:, k - 1] == values[:, k]).nonzero()[:, 0]
    items, values = items[:, :k], values[:, :k]
    if len(tied):
        items[tied] = _lowest_of_ties(scores[tied], values[tied, k - 1 :], k)
        values[tied] = scores[tied].gather(1, items[tied])
    items, order = items.sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return Recommendations(items.gather(1, order).cpu().numpy(), values.cpu().numpy())


def _lowest_of_ties(scores: torch.Tensor, threshold: torch.Tensor, k: int) -> torch.Tensor:
    """(R, k) items above each row's threshold (R, 1), filled up with the lowest ids among those tied with it."""
    above, equal = scores > threshold, scores == threshold
    room = k - above.sum(dim=1, keepdim=True)
    chosen = above | (equal & (equal.cumsum(dim=1) <= room))
    return chosen.nonzero()[:, 1].view(-1, k)

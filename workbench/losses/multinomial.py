"""The multinomial likelihood of rows of items: which share of its draws a row has from each item."""
from torch import Tensor


def multinomial_nll(logits: Tensor, rows: Tensor, items: Tensor, counts: Tensor | None = None) -> Tensor:
    """(B,) -sum_i x_i log pi_i, pi the softmax over the columns 1..I of logits (B, I+1), without the constant of the
    counts (Liang et al. 2018, arXiv:1802.05814, eq. 2). The rows x are sparse: entry n is of row rows[n] and item
    items[n], both (N,), with the count counts[n], all 1 if left out. A row without entries has the loss 0.

    >>> import torch
    >>> logits = torch.tensor([[9.0, 0.0, 0.0]])
    >>> round(multinomial_nll(logits, torch.tensor([0, 0]), torch.tensor([1, 2])).item(), 4)  # 2 ln 2
    1.3863
    """
    log_pi = logits[rows, items] - logits[:, 1:].logsumexp(1)[rows]
    return logits.new_zeros(len(logits)).index_add(0, rows, -log_pi if counts is None else -counts * log_pi)

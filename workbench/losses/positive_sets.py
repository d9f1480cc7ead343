"""Contrast where a thing may have several positives: how much of the softmax falls on them together."""
import torch.nn.functional as F
from torch import Tensor


def info_nce_of_sets(anchors: Tensor, candidates: Tensor, positives: Tensor, tau: float) -> Tensor:
    """The mean over anchors (n, D) of -log (sum over positives of p_j), p = softmax over candidates (m, D) of cosines /
    tau: the sum is within the logarithm, so one near positive is enough (SEPT, arXiv:2106.03569, eq. 10).

    positives: (n, k) int64, the places of k candidates of each anchor; those that are nobody's, such as vectors of an
    earlier batch, are external negatives. `losses.contrast.info_nce` has the mean of the
    logarithms instead, by which every positive is drawn near.

    >>> import torch
    >>> round(info_nce_of_sets(torch.eye(2), torch.eye(2), torch.tensor([[0], [1]]), 1.0).item(), 4)
    0.3133
    """
    logits = F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T / tau
    return (logits.logsumexp(1) - logits.gather(1, positives).logsumexp(1)).mean()

"""Sampled softmax with a log-Q correction: negatives from any distribution, weighed by how often they are drawn."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def log_q_softmax(h: Tensor, weight: Tensor, targets: Tensor, negatives: Tensor, log_q: Tensor) -> Tensor:
    """Mean cross-entropy of targets (N,) against negatives (M,), drawn with replacement from q and shared by the batch:

        L = -s(t) + log(exp s(t) + sum_j exp(s(j) - log(M q_j)))    (Jean et al. 2015, arXiv:1412.2007, eq. 6 to 8)

    whose sum over draws is that over all items but the target, in expectation. h (N, D) states, weight (I+1, D) items,
    log_q (I+1,) natural logarithms of q, row 0 not read. A negative that equals a row's target is masked out there.
    Uniform q is `ranking.sampled_softmax`.
    """
    correction = log_q[negatives] + torch.log(torch.tensor(float(len(negatives)), device=h.device))
    negative = h @ weight[negatives].T - correction
    negative = negative.masked_fill(targets[:, None] == negatives[None], -torch.inf)
    positive = (h * weight[targets]).sum(1, keepdim=True)
    return F.cross_entropy(torch.cat([positive, negative], 1), torch.zeros_like(targets))


def mixed_distribution(counts: np.ndarray, uniform: float = 0.5) -> np.ndarray:
    """(I+1,) float64 q, of which `uniform` is spread over all I items and the rest by counts (I+1,); row 0 is 0.

    >>> mixed_distribution(np.array([0, 3, 1])).tolist()
    [0.0, 0.625, 0.375]
    """
    frequency = np.asarray(counts, np.float64).copy()
    frequency[0] = 0
    items = len(frequency) - 1
    q = uniform / items + (1 - uniform) * frequency / max(1.0, frequency.sum())
    q[0] = 0
    return q / q.sum()


def draw(q: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) int64 items drawn from q (I+1,) with replacement."""
    edges = np.cumsum(q)
    return np.searchsorted(edges, rng.random(n) * edges[-1], "right").clip(1, len(q) - 1)

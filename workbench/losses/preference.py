"""Preference losses: the chosen item against K others, by what a policy added to their log-probabilities.

gaps (N, K): beta_j (D+ - D_j), where D = log p - log p_ref of an item under the policy and a frozen reference, + is the
chosen one and beta_j the weight of a pair. What normalises p cancels, so that scores do as well. kept (N, K) bool: the
negatives that take part, at least one of each row; None for all.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

CLUSTERS = 3


def dmpo(gaps: Tensor, kept: Tensor | None = None) -> Tensor:
    """Mean of -log sigmoid(mean_j gaps_j): against the mean of the negatives (DMPO). With K = 1 it is DPO,
    arXiv:2305.18290, equation 7.

    >>> round(dmpo(torch.tensor([[2.0, 0.0]])).item(), 4)
    0.3133
    """
    if kept is None:
        return F.softplus(-gaps.mean(1)).mean()
    return F.softplus(-(gaps * kept).sum(1) / kept.sum(1)).mean()


def s_dpo(gaps: Tensor, kept: Tensor | None = None) -> Tensor:
    """Mean of -log sigmoid(-log sum_j exp(-gaps_j)): against all negatives at once, as in a softmax (S-DPO,
    arXiv:2406.09215). With K = 1 it is DPO.

    >>> round(s_dpo(torch.zeros(1, 3)).item(), 4)
    1.3863
    """
    kept = torch.ones_like(gaps, dtype=torch.bool) if kept is None else kept
    return F.softplus((-gaps).masked_fill(~kept, -torch.inf).logsumexp(1)).mean()


def top_cluster(values: Tensor, clusters: int = CLUSTERS) -> Tensor:
    """(N, K) bool: which values of a row are in the highest of its three clusters by k-means in one dimension, with
    fewer values one each. The clusters are the best there are: in one dimension they are runs of the sorted values, so
    that all pairs of cuts are compared. Values that are equal are taken or left together where they lie on the cut.

    >>> top_cluster(torch.tensor([[0.0, 5.1, 0.2, 9.0, 5.0]])).tolist()
    [[False, False, False, True, False]]
    """
    K = values.shape[1]
    if K <= clusters:
        return values >= values.amax(1, keepdim=True)
    ordered = values.double().sort(1).values
    ordered = ordered - ordered.mean(1, keepdim=True)
    sums, squares = (F.pad(x.cumsum(1), (1, 0)) for x in (ordered, ordered.square()))
    low, high = torch.triu_indices(K - 1, K - 1, offset=1, device=values.device) + 1  # 1 <= low < high < K

    def spread(start: Tensor, end: Tensor) -> Tensor:
        """(N, P) sum of squares about the mean of the run from start to end."""
        return squares[:, end] - squares[:, start] - (sums[:, end] - sums[:, start]).square() / (end - start)

    none, every = torch.zeros_like(low), torch.full_like(low, K)
    cost = spread(none, low) + spread(low, high) + spread(high, every)
    cut = high[cost.argmin(1)]
    return values >= values.sort(1).values.gather(1, cut[:, None])

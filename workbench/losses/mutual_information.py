"""Bounds of mutual information as losses."""
import torch
import torch.nn.functional as F
from torch import Tensor


def jensen_shannon(a: Tensor, b: Tensor) -> Tensor:
    """The negative Jensen-Shannon bound of the mutual information of vectors a and b (B, K, Z), K parts of B samples
    each: mean over samples and k of softplus(-a_k . b_k) + mean over j other than k of softplus(a_k . b_j) (Hjelm et
    al. 2019, arXiv:1808.06670, eq. 4; negatives are the other parts of the same sample). K must be at least 2.

    >>> round(jensen_shannon(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)).item(), 4)  # 2 ln 2
    1.3863
    """
    products, K = a @ b.mT, a.shape[1]
    own = torch.eye(K, dtype=torch.bool, device=a.device)
    others = F.softplus(products).masked_fill(own, 0).sum(-1) / (K - 1)
    return (F.softplus(-products.diagonal(dim1=-2, dim2=-1)) + others).mean()

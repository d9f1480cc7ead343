"""Rows divided among prototypes: an item belongs to each of K prototypes by a share, and so does an entry of a row.

After MacridVAE (Ma et al. 2019, arXiv:1910.14238), where a user has a latent vector for each prototype.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.nets.rows.bags import Bag


def log_shares(vectors: Tensor, prototypes: Tensor, tau: float, noise: Tensor | None = None) -> Tensor:
    """(N, K) log of the shares of vectors (N, D) in prototypes (K, D): log softmax_k(cos / tau + noise), whose exp adds
    up to 1 in every row and is 0 or 1 in the limit of a small tau. noise: (N, K), Gumbel in training."""
    cosine = F.normalize(vectors, dim=1) @ F.normalize(prototypes, dim=1).T
    return (cosine / tau if noise is None else cosine / tau + noise).log_softmax(1)


def divided(bag: Bag, shares: Tensor) -> Bag:
    """K B rows of a bag of B: in row k B + b the entries of row b weigh by their share (ids+1, K) in prototype k, and
    the row is scaled to the length that row b had."""
    K, B, rows = shares.shape[1], len(bag.offsets) - 1, bag.rows()
    weights = bag.weights * shares[bag.ids].T  # (K, N)
    length = [bag.weights.new_zeros(*w.shape[:-1], B).index_add(-1, rows, w.square()) for w in (bag.weights, weights)]
    scale = (length[0] / length[1].clamp_min(1e-30)).sqrt()  # (K, B)
    ends = bag.offsets[1:] + len(bag.ids) * torch.arange(K, device=rows.device)[:, None]
    return Bag(bag.ids.repeat(K), torch.cat([bag.offsets[:1], ends.flatten()]), (weights * scale[:, rows]).flatten())


def mixture(logits: Tensor, log_shares: Tensor) -> Tensor:
    """(B, N) log sum_k share_nk exp(logit_kn) of logits (K B, N), rows as `divided` has them, and log-shares (N, K)."""
    K = log_shares.shape[1]
    return (logits.unflatten(0, (K, -1)) + log_shares.T[:, None]).logsumexp(0)


def signed_attention(query: Tensor, key: Tensor) -> Tensor:
    """(B, K, K) weights of keys (B, K, Z) for queries (B, K, Z), positive, negative or none and not normalised:
    tanh(q . k) times sigmoid(d), d the negative L1 distance of q and k less its mean over keys (Tay et al. 2019,
    arXiv:1912.05178, eq. 1-4)."""
    near = -torch.cdist(query, key, p=1)
    return (query @ key.mT).tanh() * (near - near.mean(-1, keepdim=True)).sigmoid()

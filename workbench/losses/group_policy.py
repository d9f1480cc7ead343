"""Group policy optimisation: G answers to a question are rewarded, and those better than their group become likelier.

rewards (B, G): of the G rollouts of B contexts. The advantages of a group sum to 0 in each of the three forms.
"""
import torch
from torch import Tensor

EPSILON = 1e-4


def standardised(rewards: Tensor, *, epsilon: float = EPSILON) -> Tensor:
    """(B, G): (r - mean) / (std + epsilon) within each group, std over all G (GRPO, arXiv:2402.03300); 0 in a group
    whose rewards are all alike.

    >>> standardised(torch.tensor([[1.0, 0.0], [3.0, 3.0]]), epsilon=0.0).nan_to_num().tolist()
    [[1.0, -1.0], [0.0, 0.0]]
    """
    alike = rewards.amax(1, keepdim=True) == rewards.amin(1, keepdim=True)  # a mean is rounded
    centred = (rewards - rewards.mean(1, keepdim=True)).masked_fill(alike, 0)
    return centred / (rewards.std(1, correction=0, keepdim=True) + epsilon)


def leave_one_out(rewards: Tensor) -> Tensor:
    """(B, G): each reward less the mean of the others of its group (RLOO, arXiv:2402.14740); G at least 2.

    >>> leave_one_out(torch.tensor([[3.0, 0.0, 0.0]])).tolist()
    [[3.0, -1.5, -1.5]]
    """
    G = rewards.shape[1]
    return (rewards - rewards.mean(1, keepdim=True)) * G / (G - 1)


def pass_at_k(hits: Tensor, k: int) -> Tensor:
    """(B, G): the advantage of a rollout where a group is rewarded if one of k drawn from it is a hit (pass@k training,
    arXiv:2508.10751). hits: (B, G) bool, c of n in a group.

    With rho = 1 - C(n-c, k) / C(n, k), the chance that k contain a hit, and sigma = sqrt(rho (1 - rho)):
    A+ = (1 - rho) / sigma of hits,  A- = (1 - rho - C(n-c-1, k-1) / C(n-1, k-1)) / sigma of the others,  and
    c A+ + (n-c) A- = 0. k=1 is `standardised` of hits. 0 where rho is 0 or 1: no draw of k differs from another.

    >>> pass_at_k(torch.tensor([[True, False, False, False]]), 2).tolist()
    [[1.0, -0.3333333432674408, -0.3333333432674408, -0.3333333432674408]]
    """
    n, c = hits.shape[1], hits.sum(1, keepdim=True).double()
    rho = 1 - _ratio_of_binomials(n - c, n, k)
    live = (rho > 1e-9) & (rho < 1 - 1e-9)
    sigma = torch.where(live, rho * (1 - rho), 1.0).sqrt()
    miss = 1 - rho - _ratio_of_binomials(n - c - 1, n - 1, k - 1)
    return torch.where(live, torch.where(hits, 1 - rho, miss) / sigma, 0.0).float()


def _ratio_of_binomials(m: Tensor, n: int, k: int) -> Tensor:
    """C(m, k) / C(n, k), 0 where m < k."""
    ratio = torch.ones_like(m)
    for j in range(k):
        ratio = ratio * ((m - j).clamp_min(0) / (n - j))
    return ratio


def k3(log_probs: Tensor, reference: Tensor) -> Tensor:
    """exp(d) - d - 1 with d = log p_ref - log p, elementwise: an estimate of KL(p | p_ref) from what p drew, never
    below 0.

    >>> round(k3(torch.tensor(0.0), torch.tensor(1.0)).item(), 4)
    0.7183
    """
    gap = reference - log_probs
    return gap.exp() - gap - 1


def policy_loss(log_probs: Tensor, reference: Tensor, advantages: Tensor, *, kl: float) -> Tensor:
    """-mean A (log p - log p_ref) + kl mean k3 over the L codes of all rollouts. log_probs, reference: (B, G, L) of the
    policy and of the frozen model that it began as. advantages: (B, G).

    Its gradient is that of -mean exp(log p - sg[log p]) A + kl mean k3, the loss of a group used for one update: its
    ratio is 1, so that no clip acts. Its value, unlike that one's, says what was learned: 0 at the reference, and lower
    as rollouts with an advantage become likelier than they were.
    """
    gains = advantages.detach()[..., None] * (log_probs - reference)
    return kl * k3(log_probs, reference).mean() - gains.mean()

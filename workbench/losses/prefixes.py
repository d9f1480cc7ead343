"""Prefix-aware losses of a semantic ID (APAO, arXiv 2603.02730); arguments as in workbench.losses.code_sequences.

S_t = sum_{l <= t} log p(c_l | c_1 .. c_{l-1}) is the log-probability of the target's prefix of t codes, as a beam
scores it, and L_t its loss, for t = 1 .. L-1: the prefix of all L codes is the item, which cross-entropy asks for.
"""
from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.losses.code_sequences import CodeLoss, code_cross_entropy, within_trie

FORMS = ("pointwise", "pairwise")


def prefix_aware(*, beta: float, form: str, eta: float, uniform: bool = False) -> CodeLoss:
    """CE + beta sum_t w_t L_t, w_t ~ sg[L_t] exp(eta sg[L_t]): a prefix weighs the more the worse it is. beta=0 is
    cross-entropy bit for bit. form: of L_t, one of FORMS. uniform: all prefixes weigh alike."""
    if not beta:
        return code_cross_entropy

    def loss(logits: Sequence[Tensor], targets: Tensor, children: Sequence[Tensor]) -> Tensor:
        losses = pointwise(logits, targets) if form == "pointwise" else pairwise(logits, targets, children)
        worst = losses.detach()
        weights = torch.ones_like(worst) if uniform else worst * (eta * worst).exp()
        weights = weights / weights.sum(1, keepdim=True).clamp_min(1e-9)
        return code_cross_entropy(logits, targets, children) + beta * (weights * losses).sum(1).mean()

    return loss


def pointwise(logits: Sequence[Tensor], targets: Tensor) -> Tensor:
    """(N, L-1): L_t = -S_t / t."""
    scores = _log_probs(logits, targets).cumsum(1)
    return -scores / _lengths(scores)


def pairwise(logits: Sequence[Tensor], targets: Tensor, children: Sequence[Tensor]) -> Tensor:
    """(N, L-1): L_t = -(1/t) log(e^{S_t} / (e^{S_t} + sum_n e^{S_t(n)})) over all siblings n of the target's prefix:
    the prefixes in the trie with the same first t-1 codes.

    S_{t-1} is common to these and cancels, so that no other code is decoded. The product over t of the fractions is the
    exact likelihood of the prefix among all prefixes of the trie, each code normalised over those that may follow.
    """
    fractions = _log_probs(within_trie(logits, targets, children), targets)
    return -fractions / _lengths(fractions)


def _log_probs(logits: Sequence[Tensor], targets: Tensor) -> Tensor:
    """(N, L-1): log p(c_l | c_1 .. c_{l-1}) of the targets at all levels but the last."""
    steps = [each.log_softmax(1).gather(1, targets[:, level, None]) for level, each in enumerate(logits[:-1])]
    return torch.cat(steps, 1)


def _lengths(scores: Tensor) -> Tensor:
    """(L-1,): t of each column."""
    return torch.arange(1, scores.shape[1] + 1, device=scores.device)

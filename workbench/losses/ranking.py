"""Ranking losses: exact cross-entropy over the catalogue (plain or in chunks), sampled softmax, one-negative BCE, BPR.

h (N, D) hidden states at real targets, weight (I+1, D) the item table with padding in row 0, targets (N,) ids 1..I.
"""
import torch
import torch.nn.functional as F
from torch import Tensor


def full_softmax(h: Tensor, weight: Tensor, targets: Tensor, *, chunk: int = 0) -> Tensor:
    """Mean cross-entropy over all I items; padding is no candidate.

    chunk: rows of logits alive at once; 0 keeps all N x I of them. Both give the same loss and gradients.
    """
    if chunk:
        return _ChunkedSoftmax.apply(h, weight, targets, chunk)
    return F.cross_entropy(h @ weight[1:].T, targets - 1)


def sampled_softmax(h: Tensor, weight: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Cross-entropy against `negatives` (M,), drawn uniformly and shared by the batch, corrected by log(I / M)
    (Jean et al. 2015, eq. 6-8); a negative that is a row's own target does not count for it."""
    correction = torch.log(torch.tensor((len(weight) - 1) / len(negatives), device=h.device))
    wrong = h @ weight[negatives].T + correction
    wrong = wrong.masked_fill(targets[:, None] == negatives[None], -torch.inf)
    right = (h * weight[targets]).sum(1, keepdim=True)
    return F.cross_entropy(torch.cat([right, wrong], 1), torch.zeros_like(targets))


def binary(h: Tensor, weight: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Binary cross-entropy with one negative (N,) a target: the original SASRec loss (arXiv:1808.09781, eq. 6)."""
    right, wrong = (h * weight[targets]).sum(1), (h * weight[negatives]).sum(1)
    return F.softplus(-right).mean() + F.softplus(wrong).mean()


def bpr(right: Tensor, wrong: Tensor) -> Tensor:
    """Mean -log sigmoid(right - wrong) of the scores (N,) of items that were taken and of items that were not: Bayesian
    personalised ranking without its regulariser (arXiv:1205.2618, section 4.1)."""
    return F.softplus(wrong - right).mean()


class _ChunkedSoftmax(torch.autograd.Function):
    """Makes both gradients in the forward pass, so that logits never outlive a chunk and each is exponentiated once.

    The table and its gradient are kept as (D, I) meanwhile: every product then runs along rows, about twice as fast.
    """

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> Tensor:
        n, h, rows = len(h), h.detach(), weight.detach()[1:]
        columns = rows.T.contiguous()
        h_grad, columns_grad = torch.empty_like(h), torch.zeros_like(columns)
        loss = h.new_zeros(())
        buffer = h.new_empty(min(chunk, n), len(rows))
        for start in range(0, n, chunk):
            part, at = h[start : start + chunk], (targets[start : start + chunk] - 1)[:, None]
            logits = torch.mm(part, columns, out=buffer[: len(part)])
            right, top = logits.gather(1, at), logits.amax(1, keepdim=True)
            odds = logits.sub_(top).exp_()
            total = odds.sum(1, keepdim=True)
            loss += (total.log() + top - right).sum()
            odds.scatter_add_(1, at, -total)  # the gradient by logits, times n * total: D columns are divided, not I
            total.mul_(n)
            torch.mm(odds, rows, out=h_grad[start : start + chunk]).div_(total)
            columns_grad.addmm_((part / total).T, odds)
        ctx.save_for_backward(h_grad, F.pad(columns_grad.T, (0, 0, 1, 0)))
        return loss / n

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        h_grad, weight_grad = ctx.saved_tensors
        return grad * h_grad, grad * weight_grad, None, None

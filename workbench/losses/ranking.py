"""Ranking losses: full softmax cross-entropy (plain or in chunks), sampled softmax, one-negative BCE, BPR.

h (N, D): hidden states at non-padding targets; weight (I+1, D): item embeddings, padding in row 0; targets (N,): 1..I.
"""
import torch
import torch.nn.functional as F
from torch import Tensor


def full_softmax(h: Tensor, weight: Tensor, targets: Tensor, *, chunk: int = 0) -> Tensor:
    """Mean cross-entropy over all I items; padding is not a candidate.

    chunk: rows of logits held in memory at a time; 0 computes all N x I logits at once. Loss and gradients are equal.
    """
    if chunk:
        return _ChunkedSoftmax.apply(h, weight, targets, chunk)
    return F.cross_entropy(h @ weight[1:].T, targets - 1)


def sampled_softmax(h: Tensor, weight: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Cross-entropy against `negatives` (M,), sampled uniformly and shared by the batch, with the logQ correction
    log(I / M) (Jean et al. 2015, eq. 6-8). A negative that equals a row's target is masked out in that row."""
    correction = torch.log(torch.tensor((len(weight) - 1) / len(negatives), device=h.device))
    negative = h @ weight[negatives].T + correction
    negative = negative.masked_fill(targets[:, None] == negatives[None], -torch.inf)
    positive = (h * weight[targets]).sum(1, keepdim=True)
    return F.cross_entropy(torch.cat([positive, negative], 1), torch.zeros_like(targets))


def binary_cross_entropy(h: Tensor, weight: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """Binary cross-entropy with one negative (N,) per target: the original SASRec loss (arXiv:1808.09781, eq. 6)."""
    positive, negative = (h * weight[targets]).sum(1), (h * weight[negatives]).sum(1)
    return F.softplus(-positive).mean() + F.softplus(negative).mean()


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean -log sigmoid(positive - negative) of the scores (N,) of observed and of unobserved items: Bayesian
    personalised ranking without its regulariser (arXiv:1205.2618, section 4.1)."""
    return F.softplus(negative - positive).mean()


class _ChunkedSoftmax(torch.autograd.Function):
    """Computes both gradients in the forward pass, so each chunk of logits is exponentiated once and then discarded.

    The item table and its gradient are stored as (D, I) meanwhile: every product then runs along rows, about twice as
    fast.
    """

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> Tensor:
        n, h, rows = len(h), h.detach(), weight.detach()[1:]
        columns = rows.T.contiguous()
        h_grad, columns_grad = torch.empty_like(h), torch.zeros_like(columns)
        loss = h.new_zeros(())
        buffer = h.new_empty(min(chunk, n), len(rows))
        for start in range(0, n, chunk):
            block, target = h[start : start + chunk], (targets[start : start + chunk] - 1)[:, None]
            logits = torch.mm(block, columns, out=buffer[: len(block)])
            positive, largest = logits.gather(1, target), logits.amax(1, keepdim=True)
            exps = logits.sub_(largest).exp_()
            total = exps.sum(1, keepdim=True)
            loss += (total.log() + largest - positive).sum()
            exps.scatter_add_(1, target, -total)  # gradient by the logits times n * total: divides D columns, not I
            total.mul_(n)
            torch.mm(exps, rows, out=h_grad[start : start + chunk]).div_(total)
            columns_grad.addmm_((block / total).T, exps)
        ctx.save_for_backward(h_grad, F.pad(columns_grad.T, (0, 0, 1, 0)))
        return loss / n

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        h_grad, weight_grad = ctx.saved_tensors
        return grad * h_grad, grad * weight_grad, None, None

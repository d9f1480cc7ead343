"""Next-item losses: exact cross-entropy over the catalogue (plain or in chunks), sampled softmax, one-negative BCE.

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


class _ChunkedSoftmax(torch.autograd.Function):
    """Makes both gradients in the forward pass, so that logits never outlive a chunk and each is exponentiated once."""

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> Tensor:
        table, n = weight.detach()[1:], len(h)
        h = h.detach()
        h_grad, weight_grad = torch.empty_like(h), torch.zeros_like(weight)
        loss = h.new_zeros(())
        buffer = h.new_empty(min(chunk, n), len(table))
        for start in range(0, n, chunk):
            part, at = h[start : start + chunk], (targets[start : start + chunk] - 1)[:, None]
            logits = torch.mm(part, table.T, out=buffer[: len(part)])
            right = logits.gather(1, at)
            top = logits.amax(1, keepdim=True)
            total = logits.sub_(top).exp_().sum(1, keepdim=True)
            loss += (total.log() + top - right).sum()
            logits.div_(total.mul_(n)).scatter_add_(1, at, torch.full_like(right, -1 / n))
            torch.mm(logits, table, out=h_grad[start : start + chunk])
            weight_grad[1:].addmm_(logits.T, part)
        ctx.save_for_backward(h_grad, weight_grad)
        return loss / n

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        h_grad, weight_grad = ctx.saved_tensors
        return grad * h_grad, grad * weight_grad, None, None

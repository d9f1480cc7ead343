"""Full softmax cross-entropy over items whose vectors stay as they are."""
import torch
from torch import Tensor


def softmax_of_given(h: Tensor, weight: Tensor, targets: Tensor, *, chunk: int = 128) -> Tensor:
    """As `ranking.full_softmax` of the same chunk, bit for bit, but with gradients for the states alone: a third of
    the products less. h (N, D), weight (I+1, D), targets (N,): 1..I."""
    return _GivenSoftmax.apply(h, weight.detach()[1:], targets - 1, chunk)


class _GivenSoftmax(torch.autograd.Function):
    """Computes the gradient in the forward pass, so that each chunk of logits is exponentiated once, then discarded."""

    @staticmethod
    def forward(ctx, h: Tensor, rows: Tensor, targets: Tensor, chunk: int) -> Tensor:
        n, h, columns = len(h), h.detach(), rows.T.contiguous()  # products then run along rows
        grad, loss = torch.empty_like(h), h.new_zeros(())
        buffer = h.new_empty(min(chunk, n), len(rows))
        for start in range(0, n, chunk):
            block, target = h[start : start + chunk], targets[start : start + chunk, None]
            logits = torch.mm(block, columns, out=buffer[: len(block)])
            positive, largest = logits.gather(1, target), logits.amax(1, keepdim=True)
            exps = logits.sub_(largest).exp_()
            total = exps.sum(1, keepdim=True)
            loss += (total.log() + largest - positive).sum()
            exps.scatter_add_(1, target, -total)
            torch.mm(exps, rows, out=grad[start : start + chunk]).div_(total.mul_(n))
        ctx.save_for_backward(grad)
        return loss / n

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        return grad * ctx.saved_tensors[0], None, None, None

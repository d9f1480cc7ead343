"""Layers of propagation with noise: an early one and their mean, forward and backward in one pass."""
import torch
from torch import Tensor

from workbench.nets.propagation import Edges


def noisy_layers(
    edges: Edges, x: Tensor, layers: int, *, early: int, noise: float = 0.0, first: bool = False
) -> tuple[Tensor, Tensor]:
    """Layer `early` (N, D), and the mean (N, D) of layers 1 to K, of layer 0 too if `first`, where x (N, D) is layer 0
    and each is the product of the edges with the one before, plus `add_signed_noise` of the length `noise`.

    edges: a symmetric matrix: the gradient is propagated by the same products. It does not reach the noise.
    """
    return _NoisyLayers.apply(x, edges, layers, early, noise, first)


def add_signed_noise(x: Tensor, length: float) -> Tensor:
    """Adds to each row of x (N, D), in place, noise of this length in a random direction of its orthant, as
    `propagation.signed_noise`; nothing where x is 0. A direction is drawn with 16 bits an entry, in a third of the time
    of `torch.rand`, from torch's global generator."""
    bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    noise = bits.view(torch.int16)[: x.numel()].view_as(x) + 32768.5
    scale = length / noise.norm(dim=1, keepdim=True)
    return x.add_(noise.mul_(scale).mul_(x.sign()))


class _NoisyLayers(torch.autograd.Function):
    """The noise is a constant, so what is given back is linear in what comes: by Horner's rule one product a layer."""

    @staticmethod
    def forward(ctx, x: Tensor, edges: Edges, layers: int, early: int, noise: float, first: bool) -> tuple:
        ctx.edges, ctx.sizes = edges, (layers, early, first)
        ctx.set_materialize_grads(False)
        x = x.detach()
        mean, kept = x.clone() if first else torch.zeros_like(x), None
        for number in range(1, layers + 1):
            x = edges(x)
            x = add_signed_noise(x, noise) if noise else x
            mean += x
            kept = x if number == early else kept
        return kept, mean.div_(layers + first)

    @staticmethod
    def backward(ctx, of_early: Tensor | None, of_mean: Tensor) -> tuple:
        edges, (layers, early, first) = ctx.edges, ctx.sizes
        share = of_mean / (layers + first)
        found = None
        for number in range(layers, 0, -1):
            found = share if found is None else found.add_(share)
            if number == early and of_early is not None:
                found = found + of_early
            found = edges(found)
        return found.add_(share) if first else found, None, None, None, None, None

"""A linear layer whose low-rank change is a mixture of several, another one for each sample (RecLoRA,
arXiv:2408.03533), in one product for the batch."""
import torch
from torch import Tensor, nn


class MixedLowRank(nn.Module):
    """x (B, ..., in) and mixture (B, K) to (B, ..., out): (W + (sum_k a_k B_k) (sum_k a_k A_k)) x + b.

    down: A_k, (K, rank, in). up: B_k, (K, out, rank), 0 at the start, when the layer is the linear one.
    """

    def __init__(self, linear: nn.Linear, n: int, rank: int):
        super().__init__()
        width, out = linear.in_features, linear.out_features
        self.linear = linear
        self.down = nn.Parameter(torch.randn(n, rank, width) * width**-0.5)
        self.up = nn.Parameter(torch.zeros(n, out, rank))

    def forward(self, x: Tensor, mixture: Tensor | None = None) -> Tensor:
        """mixture: None for the linear layer alone."""
        base = self.linear(x)
        if mixture is None:
            return base
        flat = x.reshape(len(x), -1, x.shape[-1])  # (B, M, in)
        down, up = (torch.tensordot(mixture, factors, dims=1) for factors in (self.down, self.up))
        return base + (flat @ down.transpose(1, 2) @ up.transpose(1, 2)).view(base.shape)


class Gate(nn.Module):
    """States (B, D) to weights of K adapters (B, K), which are positive and add up to 1: softmax of a network of one
    hidden layer, divided by a temperature."""

    def __init__(self, width: int, hidden: int, n: int, temperature: float = 1.0):
        super().__init__()
        self.norm, self.temperature = nn.LayerNorm(width), temperature
        self.hidden, self.out = nn.Linear(width, hidden), nn.Linear(hidden, n)

    def forward(self, states: Tensor) -> Tensor:
        return (self.out(torch.relu(self.hidden(self.norm(states)))) / self.temperature).softmax(-1)

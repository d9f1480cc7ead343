"""Several adapters of one frozen network side by side, their states mixed after every layer (X-Cross)."""
import torch
from torch import Tensor, nn

from workbench.nets.low_rank import LowRank


class LayerMixing(nn.Module):
    """States (..., n, D) of n adapters to (..., n, D): h_m <- z_m h_m + sum_{m' != m} w_mm' h_m'.

    Scales z and interaction weights w depend on all n states, through one linear map of them; at the start z = 1 and
    w = 0, to the last bit. With one adapter there is nothing to mix and nothing to learn.
    """

    def __init__(self, n: int, width: int):
        super().__init__()
        self.n, self.weigh = n, None
        if n > 1:
            self.weigh = nn.Linear(n * width, n * n)
            nn.init.zeros_(self.weigh.weight)
            nn.init.zeros_(self.weigh.bias)

    def forward(self, h: Tensor) -> Tensor:
        return h if self.weigh is None else self.weights(h) @ h

    def weights(self, h: Tensor) -> Tensor:
        """(..., n, n): z on the diagonal, w beside it."""
        eye = torch.eye(self.n, dtype=h.dtype, device=h.device)
        return eye + self.weigh(h.flatten(-2)).unflatten(-1, (self.n, self.n))


def mixing_parameters(n: int, width: int, layers: int) -> int:
    """How many parameters `layers` mixings of n states of this width have: n^2 (n width + 1) each, 0 for one state.

    >>> mixing_parameters(2, 32, 3), sum(p.numel() for p in LayerMixing(2, 32).parameters())
    (780, 260)
    """
    return layers * n * n * (n * width + 1) if n > 1 else 0


def side_by_side(layer: LowRank, h: Tensor) -> Tensor:
    """(..., n, out) of states (..., n, in): each by its own adapter of the layer, W + B_m A_m, with the operations and
    so the bits of the layer with that adapter active."""
    own = zip(h.unbind(-2), layer.down, layer.up, strict=True)
    return torch.stack([layer.linear(x) + x @ down.T @ up.T for x, down, up in own], dim=-2)

"""Multi-head self-attention."""
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """(B, T, D) -> (B, T, D). Causal attention needs no mask when padding is on the right: no real place sees it."""

    def __init__(self, width: int, heads: int, *, causal: bool = True):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(B, T, D))

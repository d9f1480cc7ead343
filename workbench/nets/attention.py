"""Multi-head self-attention, over a whole sequence or a step at a time."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

KeyValues = tuple[Tensor, Tensor]


class SelfAttention(nn.Module):
    """(B, T, D) -> (B, T, D). Causal attention needs no mask when padding is on the right: no real place sees it."""

    def __init__(self, width: int, heads: int, *, causal: bool = True):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of (B, T, D), each (B, heads, T, D / heads)."""
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def merge(self, mixed: Tensor) -> Tensor:
        """(B, T, D) from mixed values (B, heads, T, D / heads)."""
        return self.out(mixed.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = self.project(x)
        causal = self.causal and mask is None
        return self.merge(F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal))


def attend_shared(q: Tensor, own: KeyValues, shared: KeyValues, bias: Tensor) -> Tensor:
    """Attention of W beams, each to the keys of its own few tokens and to those of a history they all share.

    q (B, H, W, d); own (B, H, W, j, d); shared (B, H, S, d); bias (B, 1, 1, S), -inf at padding. Returns (B, H, W, d).
    Beams ride in the query axis, so the history is read once and never copied a beam.
    """
    scale = q.shape[-1] ** -0.5
    past = (q * scale) @ shared[0].transpose(2, 3) + bias
    recent = ((q * scale)[:, :, :, None] * own[0]).sum(-1)
    weights = torch.cat([past, recent], 3).softmax(-1)
    S = past.shape[3]
    mixed = weights[..., :S] @ shared[1]
    for place in range(own[1].shape[3]):  # one to four: no (B, H, W, j, d) product is made
        mixed = torch.addcmul(mixed, weights[..., S + place, None], own[1][:, :, :, place])
    return mixed

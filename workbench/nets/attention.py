"""Multi-head self-attention, over a whole sequence or one decoding step at a time."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

KeyValues = tuple[Tensor, Tensor]


class SelfAttention(nn.Module):
    """(B, T, D) -> (B, T, D). Causal attention over right-padded rows needs no mask: no event attends to padding."""

    def __init__(self, width: int, heads: int, *, causal: bool = True):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of (B, T, D), each (B, heads, T, D / heads)."""
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def merge_heads(self, attended: Tensor) -> Tensor:
        """(B, T, D) from attended values (B, heads, T, D / heads)."""
        return self.out(attended.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = self.project(x)
        causal = self.causal and mask is None
        return self.merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal))


def attend_shared(q: Tensor, own: KeyValues, shared: KeyValues, bias: Tensor) -> Tensor:
    """Attention of W beams, each to its own generated tokens and to the history, which all beams share.

    q (B, H, W, d); own: keys and values (B, H, W, j, d) of j generated tokens; shared: keys and values (B, H, S, d) of
    the history; bias (B, 1, 1, S), -inf at padding. Returns (B, H, W, d). Beams are laid out along the query axis, so
    the cached history is never copied for each beam.
    """
    scale = q.shape[-1] ** -0.5
    history_logits = (q * scale) @ shared[0].transpose(2, 3) + bias
    own_logits = ((q * scale)[:, :, :, None] * own[0]).sum(-1)
    weights = torch.cat([history_logits, own_logits], 3).softmax(-1)
    S = history_logits.shape[3]
    attended = weights[..., :S] @ shared[1]
    for j in range(own[1].shape[3]):  # one to four iterations; avoids a (B, H, W, j, d) product
        attended = torch.addcmul(attended, weights[..., S + j, None], own[1][:, :, :, j])
    return attended

"""A branch over the codes of one item, gated against their own embeddings (DiscRec, arXiv 2506.15576)."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.attention import KeyValues, SelfAttention

LOCAL = ("attention", "feedforward")
HEADS = 2


class ItemLocal(nn.Module):
    """Embeddings of codes (B, S, D), `block` of them an item, to embeddings of the same shape.

    The branch reads LN(x + p), p (block, D) by the place within the item, through self-attention among the codes of one
    item, each from those before it, and a feed-forward network; a gate mixes it with x by softmax(<g_1, x>, <g_2, b>).
    kind: "attention"; or "feedforward", which puts two linear layers of as many parameters in the place of attention,
    so that no code sees another one.
    """

    def __init__(self, width: int, block: int, kind: str):
        super().__init__()
        self.block, self.kind = block, kind
        self.place, self.norm = nn.Parameter(torch.randn(block, width) * 0.02), nn.LayerNorm(width)
        self.attention, self.inner_norm = SelfAttention(width, HEADS), nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gate = nn.Parameter(torch.zeros(2, width))

    def forward(self, x: Tensor) -> Tensor:
        """The last item may have fewer codes than the others."""
        at = torch.arange(x.shape[1], device=x.device)
        inner = self.norm(x + self.place[at % self.block])
        q, k, v = self.attention.project(inner)
        item = at // self.block
        mask = (item[:, None] == item) & (at[:, None] >= at)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask) if self.kind == "attention" else v
        return self._mix(x, inner, attended)

    def step(self, x: Tensor, own: KeyValues, level: int) -> tuple[Tensor, KeyValues]:
        """The embeddings (B, W, D) of the codes of a level of the item that W beams decode, given the keys and values
        (B, H, W, level, d) of its codes before, and both with those of this level."""
        inner = self.norm(x + self.place[level])
        q, k, v = self.attention.project(inner)
        if level:
            keys, values = torch.cat([own[0], k[:, :, :, None]], 3), torch.cat([own[1], v[:, :, :, None]], 3)
        else:
            keys, values = k[:, :, :, None], v[:, :, :, None]
        attended = F.scaled_dot_product_attention(q[:, :, :, None], keys, values)[:, :, :, 0]
        return self._mix(x, inner, attended if self.kind == "attention" else v), (keys, values)

    def gates(self, x: Tensor, branch: Tensor) -> Tensor:
        """(..., 2) weights of the embeddings and of the branch."""
        return torch.stack([x @ self.gate[0], branch @ self.gate[1]], -1).softmax(-1)

    def _mix(self, x: Tensor, inner: Tensor, attended: Tensor) -> Tensor:
        branch = inner + self.attention.merge_heads(attended)
        branch = branch + self.contract(F.gelu(self.expand(self.inner_norm(branch))))
        weights = self.gates(x, branch)
        return weights[..., :1] * x + weights[..., 1:] * branch

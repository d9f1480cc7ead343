"""A causal transformer over steps of several tokens each, such as return, state and action (decision transformer)."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block


class StepTransformer(nn.Module):
    """Tokens of T steps to hidden states: those of a step are what comes before its action, in order, and the action.

    Chen et al., "Decision Transformer", NeurIPS 2021: the tokens of a step share an embedding of its number, attention
    is strictly causal, and the action is read at the token before it. An item's embedding is the sum of its own and its
    category's; it is the token of the action and the weight of its logit. categories: (I+1,), C of them.
    """

    def __init__(
        self, categories: Tensor, n_categories: int, *, width: int, layers: int, heads: int, steps: int, dropout: float
    ):
        super().__init__()
        self.register_buffer("categories", categories, persistent=False)
        self.item, self.category = nn.Embedding(len(categories), width), nn.Embedding(n_categories, width)
        self.step = nn.Embedding(steps, width)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(layers))
        self.norm, self.dropout = nn.LayerNorm(width), dropout
        for table in (self.item, self.category, self.step):
            nn.init.normal_(table.weight, std=0.1)

    def items(self) -> Tensor:
        """(I+1, D) embeddings of the items."""
        return self.item.weight + self.category(self.categories)

    def forward(self, before: Sequence[Tensor], actions: Tensor) -> Tensor:
        """(B, T, K + 1, D) hidden states of K tokens (B, T, D) a step and of the action, items (B, T), 0 for none."""
        acted = (self.item(actions) + self.category(self.categories[actions])) * (actions > 0)[..., None]
        tokens = torch.stack([*before, acted], 2)
        B, T, K, D = tokens.shape
        x = (tokens + self.step.weight[:T, None]).view(B, T * K, D)
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x).view(B, T, K, D)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., I+1) of the items, from hidden states (..., D) before an action; -inf at 0."""
        out = hidden @ self.items().T
        return out.masked_fill(torch.arange(out.shape[-1], device=out.device) == 0, -torch.inf)

"""A causal transformer over items of unordered codes, whose codebooks are predicted in any order (after REG4Rec)."""
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.code_items import CodeItems
from workbench.nets.transformer import Block


class AnyOrderDecoder(nn.Module):
    """Item ids (B, T), right-padded with 0, to hidden states h (B, T, D); from h and the codes already given of the
    next item, the other codes.

    With e_l = LN(E_l[c_l]), an item is read as MLP([e_1 .. e_L]). Codebook l is predicted with a query q_l of its own:
    x = LN(h + sum of P e_m over codebooks m given, but for l),  y = x + FFN(x + q_l),  logits = E_l y.
    A sum has no order, so codebooks have none either. item: the codebooks, tied to the output.
    """

    def __init__(
        self, codes: np.ndarray, sizes: Sequence[int], *, width: int, layers: int, heads: int, max_length: int,
        dropout: float,
    ):  # fmt: skip
        super().__init__()
        self.levels, self.dropout = len(sizes), dropout
        self.item, self.code_norm = CodeItems(codes, sizes, width), nn.LayerNorm(width)
        wide = 2 * width
        self.read = nn.Sequential(nn.Linear(self.levels * width, wide), nn.GELU(), nn.Linear(wide, width))
        self.place = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(layers))
        self.norm, self.given_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.given = nn.Linear(width, width, bias=False)
        self.query = nn.Parameter(torch.randn(self.levels, width) * 0.02)
        self.expand, self.contract = nn.Linear(width, wide), nn.Linear(wide, width)
        nn.init.normal_(self.place.weight, std=0.02)
        at = torch.arange(max(sizes))  # codebooks of unlike size are filled up with the padding row
        columns = torch.stack([torch.where(at < size, start + at, 0) for start, size in zip(self.item.starts, sizes)])
        self.register_buffer("columns", columns)

    def forward(self, items: Tensor) -> Tensor:
        x = self.read(self.code_norm(self.item(items)).flatten(2)) + self.place.weight[: items.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def log_probs(self, h: Tensor, given: Tensor) -> Tensor:
        """(..., L, K) log-probabilities of the codes of every codebook, from states (..., D) and rows (..., L) of the
        codes given, 0 for none; -inf where a codebook is smaller. A codebook that is given itself is predicted from the
        others: what is said of its own code is how well the codes agree."""
        known = self.given(self.code_norm(self.item.embed(given))) * (given > 0)[..., None]
        x = self.given_norm((h + known.sum(-2))[..., None, :] - known)
        y = x + self.contract(F.gelu(self.expand(x + self.query)))
        logits = torch.einsum("...ld,lkd->...lk", y, self.item.embed(self.columns))
        return logits.masked_fill(self.columns == 0, -torch.inf).log_softmax(-1)

    def code_loss(self, h: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of codes of targets (N,) that are not given, from states (N, D). For each target, how many are
        given, 0 to L-1, and which ones is drawn uniformly, by torch's generator: the mean over all orders of the
        negative log-likelihood per code."""
        rows = self.item.rows[targets]
        rank = torch.rand(rows.shape, device=h.device).argsort(1).argsort(1)
        count = torch.randint(0, self.levels, (len(rows), 1), device=h.device)
        hidden = rank >= count
        codes = rows - self.columns[:, 0]
        found = self.log_probs(h, rows.masked_fill(hidden, 0)).gather(2, codes[..., None])[..., 0]
        return -((found * hidden).sum(1) / (self.levels - count[:, 0])).mean()

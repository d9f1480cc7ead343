"""Items embedded by their parallel codes: a score is a sum over codes, so it is one product of two vectors."""
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CodeItems(nn.Module):
    """Codebooks of L levels in one table, and the codes of every item.

    codes: (I+1, L), row 0 is padding. table: (1 + K_1 + .. + K_L, D), row 0 zeros; rows: (I+1, L) of the table, 0 for
    padding. With states h_l of width D side by side, score(i) = sum_l <h_l, E_l[c_l(i)]> is the product of the states
    and `weight[i]`, so that all items are ranked exactly, without a beam; items with equal codes have equal scores.
    """

    def __init__(self, codes: np.ndarray, sizes: Sequence[int], width: int):
        super().__init__()
        self.sizes, self.starts = tuple(sizes), [1 + sum(sizes[:level]) for level in range(len(sizes))]
        self.table = nn.Parameter(torch.randn(1 + sum(sizes), width) * 0.02)
        with torch.no_grad():
            self.table[0] = 0
        self.register_buffer("rows", self.rows_of(codes))

    def rows_of(self, codes: np.ndarray) -> Tensor:
        """(I+1, L) rows of the table from codes (I+1, L), those of item 0 are padding."""
        rows = torch.from_numpy(np.asarray(codes, np.int64)) + torch.tensor(self.starts)
        return rows.index_fill(0, torch.zeros(1, dtype=torch.int64), 0)

    @property
    def weight(self) -> Tensor:
        """(I+1, L D): the embeddings of each item's codes side by side, row 0 zeros."""
        return self.embed(self.rows).flatten(1)

    def embed(self, rows: Tensor) -> Tensor:
        """(..., D) embeddings of rows of the table; row 0 has no gradient."""
        return F.embedding(rows, self.table, padding_idx=0)

    def forward(self, items: Tensor) -> Tensor:
        """(..., L, D) embeddings of the codes of item ids (...)."""
        return self.embed(self.rows[items])

    def level_logits(self, h: Tensor) -> list[Tensor]:
        """For every level, the logits (N, K_l) of its codes by states (N, L D)."""
        states = h.unflatten(-1, (len(self.sizes), -1)).unbind(-2)
        return [each @ self.table[start : start + size].T for each, start, size in zip(states, self.starts, self.sizes)]

    def code_loss(self, h: Tensor, targets: Tensor) -> Tensor:
        """The cross-entropy of the codes of targets (N,), each over all of its level; mean over targets and levels."""
        codes = self.rows[targets] - torch.tensor(self.starts, device=targets.device)
        each = [F.cross_entropy(logits, codes[:, level]) for level, logits in enumerate(self.level_logits(h))]
        return torch.stack(each).mean()

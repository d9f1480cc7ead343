"""Codebooks that learn with the recommender, and an embedding table for codes that change meanwhile.

For an item of vector r_1 and codebooks e_l: w_l = the assignment of r_l to the codes of level l, a vector of K weights,
and r_{l+1} = r_l - sum_k w_lk e_lk. The network reads the item as s = sum_l sum_k w_lk W_lk, where W_l are its own
embeddings of the codes of level l, so the gradient of its loss reaches the codebooks through w (UniGRec, arXiv
2601.17438; DIGER, arXiv 2601.19711).
"""
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.tokens.residual_quantiser import Quantised, quantise

ITEM, USER = 2, 3  # columns of the rows: the item whose soft codes are added, the user whose codes are


class LearnedCodebooks(nn.Module):
    """Residual codebooks (L, K, F) over item vectors (I+1, F) that stay as they are; row 0 is not used.

    rate: how far a step of the optimiser moves a codebook, as a share of that of other parameters; 0 fixes them. A
    level's distances are in units of its mean squared error at the start, so that tau and noise mean the same
    everywhere.
    """

    def __init__(self, vectors: np.ndarray, centroids: Tensor, *, rate: float):
        super().__init__()
        self.rate = rate
        self.register_buffer("vectors", torch.from_numpy(np.ascontiguousarray(vectors, np.float32)))
        self.register_buffer("start", centroids.clone())
        self.moved = nn.Parameter(torch.zeros_like(centroids), requires_grad=rate > 0)
        found = quantise(self.vectors[1:], self.start)
        left = found.residuals - found.codewords
        self.register_buffer("unit", left.square().sum(2).mean(0).clamp_min(1e-12))

    @property
    def tables(self) -> Tensor:
        """(L, K, F): AdamW moves `moved` by its learning rate, and so the codebooks by `rate` times that."""
        return self.start + self.rate * self.moved

    def assign(
        self, rows: Tensor, *, how: str, tau: float, noise: float = 0.0, noisy: Tensor | None = None
    ) -> Quantised:
        """Vectors (n, F) assigned to codes; gradients reach the codebooks. how, tau, noise: see `quantise`, in units of
        the level. noisy: (n,) bool, which rows get the noise; all if None."""
        left, found = rows, []
        for table, unit in zip(self.tables, self.unit.tolist()):
            settings = {"assign": how, "tau": tau * unit}
            some = noise * unit if noisy is None else 0.0
            weights = quantise(left, table[None], noise=some, **settings).weights[:, 0]
            if noisy is not None and noise and noisy.any():
                other = quantise(left[noisy], table[None], noise=noise * unit, **settings).weights[:, 0]
                weights = weights.index_put((noisy,), other)
            codeword = weights @ table
            found.append((weights.argmax(1), weights, left, codeword))
            left = left - codeword
        codes, weights, residuals, codewords = (torch.stack(each, 1) for each in zip(*found))
        return Quantised(codes, codewords.sum(1), weights, residuals, codewords)

    @torch.no_grad()
    def hard_codes(self) -> np.ndarray:
        """(I, L) int32, the nearest codes of all items."""
        return quantise(self.vectors[1:], self.tables).codes.cpu().numpy().astype(np.int32)


class LearnedCodeTable(nn.Module):
    """A `semantic_id_decoder.CodeTable` for codes that change in training. Rows (..., 4) hold the row of the code, that
    of its prefix, an item and a user; 0 stands for none.

    The soft codes of an item are added to the embedding of its last code, which is read when the whole item is known
    and by no position that predicts one of its codes; so are the codes of a user. A prefix keeps its embedding when the
    codes are renewed; one that did not occur before takes the row of one that is gone, set to zero.

    assign(items (n,), training): their `Quantised`. user_codes: (U+1, S) codes of users, row 0 unused, each below
    `user_size`; without them no user is read.
    """

    def __init__(
        self, sizes: tuple[int, ...], width: int, n_items: int, tokenizer: LearnedCodebooks,
        assign: Callable[[Tensor, bool], Quantised], *, user_codes: np.ndarray | None = None, user_size: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.sizes, self.prefixes, self.n_items = tuple(sizes), (), n_items
        self.tokenizer, self.assign = tokenizer, assign
        self.starts = [1 + sum(sizes[:level]) for level in range(len(sizes))]
        self.stream_starts: list[int] = []
        self.weight = nn.Parameter(torch.randn(1 + sum(sizes) + (len(sizes) - 1) * n_items, width) * 0.02)
        with torch.no_grad():
            self.weight[0] = 0
        self.register_buffer("prefix_keys", torch.full((len(sizes) - 1, n_items), -1))
        self.node_rows: list[Tensor] = []
        self.user = None if user_codes is None else nn.Embedding(user_size * user_codes.shape[1], width)
        if user_codes is not None:
            nn.init.normal_(self.user.weight, std=0.02)
            first = torch.arange(user_codes.shape[1]) * user_size
            self.register_buffer("user_rows", torch.from_numpy(user_codes.astype(np.int64)) + first)

    def forward(self, rows: Tensor) -> Tensor:
        """(..., D) embeddings from rows (..., 4)."""
        x = F.embedding(rows[..., :ITEM], self.weight, padding_idx=0).sum(-2)
        x = _added(x, rows[..., ITEM], self.read_items)
        return x if self.user is None else _added(x, rows[..., USER], self.read_users)

    def read_items(self, items: Tensor) -> Tensor:
        """(n, D) the embeddings of the codes of items (n,), weighted by their assignment."""
        weights = self.assign(items, self.training).weights
        return sum(weights[:, level] @ self.level(level) for level in range(weights.shape[1]))

    def read_users(self, users: Tensor) -> Tensor:
        """(n, D) the sum of the embeddings of the codes of users (n,)."""
        return self.user(self.user_rows[users]).sum(1)

    def level(self, level: int) -> Tensor:
        """(K, D) the embeddings of the codes of a level."""
        return self.weight[self.starts[level] : self.starts[level] + self.sizes[level]]

    def logits(self, states: Tensor, level: int) -> Tensor:
        """(..., K) logits of the codes of a level."""
        return states @ self.level(level).T

    def code_rows(self, codes: Tensor, nodes: Tensor, level: int) -> Tensor:
        """(..., 4) rows of codes 0..K-1 of a level; nodes: the trie nodes of their prefixes, -1 for none."""
        none = torch.zeros_like(codes)
        prefix = none
        if level:
            prefix = torch.where(nodes >= 0, self.node_rows[level - 1].to(nodes.device)[nodes.clamp_min(0)], 0)
        return torch.stack([codes + self.starts[level], prefix, none, none], -1)

    def item_rows(self, codes: Tensor, nodes: Tensor) -> Tensor:
        """(I+1, L, 4) rows of all items from their codes (I+1, L) and the trie nodes (I+1, L+1) of their prefixes; the
        rows of item 0 are padding. Prefixes that are new get their rows here."""
        self.node_rows = [self._prefix_rows(codes[1:, : level + 1], level) for level in range(1, len(self.sizes))]
        rows = [self.code_rows(codes[:, level], nodes[:, level + 1], level) for level in range(len(self.sizes))]
        rows[-1][:, ITEM] = torch.arange(len(codes))
        return torch.stack(rows, 1).index_fill(0, torch.zeros(1, dtype=torch.int64), 0)

    @torch.no_grad()
    def _prefix_rows(self, prefixes: Tensor, level: int) -> Tensor:
        """(nodes,) the rows of the distinct prefixes (I, level + 1) in the order of their trie nodes."""
        key = torch.zeros(len(prefixes), dtype=torch.int64)
        for at in range(level + 1):
            key = key * self.sizes[at] + prefixes[:, at].cpu()
        wanted, stored = key.unique(), self.prefix_keys[level - 1]
        at_first = bool((stored < 0).all())
        own = stored.cpu()
        new = wanted[~torch.isin(wanted, own)]
        free = (~torch.isin(own, wanted)).nonzero()[: len(new), 0]
        first = 1 + sum(self.sizes) + (level - 1) * self.n_items
        stored[free.to(stored.device)] = new.to(stored.device)
        if not at_first:
            self.weight[first + free.to(self.weight.device)] = 0
        own = stored.cpu()
        order = own.argsort()
        return first + order[torch.searchsorted(own[order], wanted)]


def _added(x: Tensor, ids: Tensor, read: Callable[[Tensor], Tensor]) -> Tensor:
    """x (..., D) plus what is read of the ids (...) that are not 0, each read once."""
    at = ids > 0
    if not at.any():
        return x
    distinct, which = ids[at].unique(return_inverse=True)
    return x.index_put((at,), x[at] + read(distinct)[which])

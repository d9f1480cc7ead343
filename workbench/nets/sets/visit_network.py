"""A network of visits: sets of codes to vectors, visits to a state, and the log odds of every item of a set.

After LEADER's student (Liu et al., arXiv:2402.02803): one transformer layer inside each set, one across visits, and
tokens of the profile before the sets of earlier visits.
"""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

THRESHOLD = 0.3  # of the paper, until one is chosen on validation


class VisitInputs(NamedTuple):
    """What is read of B visits. codes: kind -> (R, S) ids of the R visits that are needed, 0 for none, in any order.
    sets: (R, S) items of the same visits. places: (B, H+1) which of the R, oldest first, the visit itself last; R where
    there is none. profile: (B, P) value numbers, 0 for a missing one."""

    codes: dict[str, Tensor]
    sets: Tensor
    places: Tensor
    profile: Tensor


class Reading(NamedTuple):
    """logits: (B, I+1), column 0 unused. hidden: (B, 2D) the last layer before them. profile: (B, D) the mean of the
    profile's tokens. own: (B, D) the vector of the set of the visit itself, which nothing else of this is made of."""

    logits: Tensor
    hidden: Tensor
    profile: Tensor
    own: Tensor


class SetEncoder(nn.Module):
    """Sets of ids (R, S), 0 for none, to vectors (R, D): the mean of what one transformer layer without positions makes
    of the members, so their order is of no account. The vector of an empty set is 0. An id that is not `known`, as no
    train visit has it, is read as none. Most sets are smaller than the largest beside them: all but attention works on
    the members alone."""

    def __init__(self, n: int, width: int, heads: int, dropout: float):
        super().__init__()
        self.code = nn.Embedding(n + 1, width, padding_idx=0)
        self.block = Block(width, heads, 2 * width, dropout, causal=False)
        self.code.weight.data.mul_(0.1)
        self.register_buffer("known", torch.ones(n + 1, dtype=torch.bool))

    def forward(self, ids: Tensor) -> Tensor:
        ids = ids * self.known[ids]
        present = ids > 0
        row, place = present.nonzero(as_tuple=True)
        x = self.code(ids[row, place])
        x = self.block.add(x, self._attended(x, present, row, place))
        total = x.new_zeros(len(ids), x.shape[1]).index_add(0, row, x)
        return total / present.sum(dim=1, keepdim=True).clamp(min=1)

    def _attended(self, x: Tensor, present: Tensor, row: Tensor, place: Tensor) -> Tensor:
        """(N, D) the attention of the block among members x (N, D), which are at row and place of present (R, S)."""
        attention = self.block.attention
        members = attention.qkv(self.block.attention_norm(x))
        padded = members.new_zeros(*present.shape, members.shape[1]).index_put((row, place), members)
        q, k, v = padded.unflatten(2, (3, attention.heads, -1)).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=visible(present))
        return attention.out(found.transpose(1, 2)[row, place].flatten(1))


class VisitNetwork(nn.Module):
    """Visits with what came before to the log odds of every item.

    codes: kind -> how many codes. sizes: values of each trait of the profile. past: H, earlier visits that are read.
    tokens: whether the profile is read. A sequence of a kind is the vectors of that kind of the last H visits and of
    the visit itself; that of the sets ends one visit earlier, and begins with the tokens of the profile. The set of the
    visit itself is in none of them. All sequences share one causal layer; their means are joined.
    """

    def __init__(
        self, codes: dict[str, int], n_items: int, sizes: tuple[int, ...], *, width: int, past: int,
        tokens: bool = True, heads: int = 2, dropout: float = 0.2,
    ):  # fmt: skip
        super().__init__()
        self.kinds = nn.ModuleDict({kind: SetEncoder(n, width, heads, dropout) for kind, n in codes.items()})
        self.sets = SetEncoder(n_items, width, heads, dropout)
        self.ago = nn.Embedding(past + 1, width)
        self.reader, self.norm = Block(width, heads, 2 * width, dropout), nn.LayerNorm(width)
        self.tokens = nn.ModuleList(nn.Embedding(n + 1, width) for n in sizes) if tokens else nn.ModuleList()
        self.join = nn.Linear((len(codes) + 1) * width, 2 * width)
        self.out = nn.Linear(2 * width, n_items + 1)
        self.dropout = dropout
        for table in (self.ago, *self.tokens):
            table.weight.data.mul_(0.1)
        self.register_buffer("threshold", torch.tensor([THRESHOLD], dtype=torch.float64))

    def forward(self, x: VisitInputs) -> Reading:
        there = x.places < len(x.sets)
        states = [self._read(self._vectors(encoder, x.codes[kind])[x.places] + self.ago.weight, there)
                  for kind, encoder in self.kinds.items()]  # fmt: skip
        sets = self._vectors(self.sets, x.sets)[x.places]
        past, before = sets[:, :-1] + self.ago.weight[:-1], there[:, :-1]
        tokens = [table(x.profile[:, trait]) for trait, table in enumerate(self.tokens)]
        profile = torch.stack(tokens, dim=1).mean(dim=1) if tokens else past.new_zeros(len(past), past.shape[-1])
        if tokens:
            past = torch.cat([torch.stack(tokens, dim=1), past], dim=1)
            before = torch.cat([before.new_ones(len(before), len(tokens)), before], dim=1)
        states.append(self._read(past, before))
        hidden = F.relu(self.join(torch.cat(states, dim=-1)))
        return Reading(self.out(F.dropout(hidden, self.dropout, self.training)), hidden, profile, sets[:, -1])

    def _vectors(self, encoder: SetEncoder, ids: Tensor) -> Tensor:
        """(R+1, D) the vectors of R visits, and 0 for none."""
        vectors = encoder(ids)
        return torch.cat([vectors, vectors.new_zeros(1, vectors.shape[1])])

    def _read(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, D) the mean of a causal layer over the vectors (B, T, D) that are present."""
        if not x.shape[1]:
            return x.new_zeros(len(x), x.shape[2])
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        return masked_mean(self.norm(self.reader(x, visible(present) & causal)), present)


def visible(present: Tensor) -> Tensor:
    """(B, 1, T, T) bool: each place sees those that are present (B, T), and itself."""
    own = torch.eye(present.shape[1], dtype=torch.bool, device=present.device)
    return present[:, None, None, :] | own


def masked_mean(x: Tensor, present: Tensor) -> Tensor:
    """(B, D) mean of x (B, T, D) where present (B, T); 0 where nothing is."""
    kept = x * present[:, :, None]
    return kept.sum(dim=1) / present.sum(dim=1, keepdim=True).clamp(min=1)

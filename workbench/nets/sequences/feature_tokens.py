"""Tokens fused from an id and features, and a causal encoder of them that is told which action comes next."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

FIELD = 16  # numbers of a categorical column


class FusedItems(nn.Module):
    """Items as relu(W [id; columns; vector]): `weight` is the table (I+1, D) of all, row 0 zeros.

    ids: (I+1,) rows of the id table (I+1, D), 0 for an item that is not known, which has zeros there. codes: (I+1, F,
    M) of categorical columns, of a column the sum of its values. vectors: (I+1, V), V may be 0.
    """

    def __init__(self, ids: Tensor, codes: Tensor, size: int, vectors: Tensor, width: int):
        super().__init__()
        self.id = nn.Embedding(len(ids), width, padding_idx=0)
        self.value = nn.Embedding(size + 1, FIELD, padding_idx=0) if codes.shape[1] else None
        self.fuse = nn.Linear(width + FIELD * codes.shape[1] + vectors.shape[1], width)
        for name, buffer in (("ids", ids), ("codes", codes), ("vectors", vectors)):
            self.register_buffer(name, buffer, persistent=False)
        start_tables(self.id, self.value)

    @property
    def weight(self) -> Tensor:
        return self.rows(slice(None))

    def forward(self, items: Tensor) -> Tensor:
        """(..., D) of items (...)."""
        return self.rows(items.flatten()).view(*items.shape, -1)

    def rows(self, at: Tensor | slice) -> Tensor:
        """(n, D) the rows of the table at n places."""
        parts = [self.id(self.ids[at])]
        if self.value is not None:
            parts.append(self.value(self.codes[at]).sum(-2).flatten(1))
        fused = F.relu(self.fuse(torch.cat([*parts, self.vectors[at]], 1)))
        padding = torch.arange(len(self.ids), device=fused.device)[at] == 0
        return fused.masked_fill(padding[:, None], 0)


class Profiles(nn.Module):
    """Users as relu(W [columns]): (B, D) of users (B,). codes: (U, F, M) as of items; of a user that is not among them
    nothing is known, as of one whose columns are empty."""

    def __init__(self, codes: Tensor, size: int, width: int):
        super().__init__()
        self.value, self.fuse = nn.Embedding(size + 1, FIELD, padding_idx=0), nn.Linear(FIELD * codes.shape[1], width)
        self.register_buffer("codes", torch.cat([codes, torch.zeros_like(codes[:1])]), persistent=False)
        start_tables(self.value)

    def forward(self, users: Tensor) -> Tensor:
        nobody = len(self.codes) - 1
        users = torch.where((users >= 0) & (users < nobody), users, nobody)
        return F.relu(self.fuse(self.value(self.codes[users]).sum(-2).flatten(1)))


class FeatureEncoder(nn.Module):
    """Events (B, T), right-padded with 0, to hidden states (B, T, D), as `transformer.SequenceEncoder`.

    item: anything that maps ids to (..., D) and has a `weight` (I+1, D). profiles: of users, a token in front that all
    events attend to, or None. actions: how many types of action there are, 0 for none: an event is the sum of its item
    and its action, and the last state is told the next action a by FiLM, h (1 + g_a) + b_a, with g and b zero at the
    start.
    """

    def __init__(
        self, item: nn.Module, *, width: int, layers: int, heads: int, feedforward: int, max_length: int,
        dropout: float, profiles: nn.Module | None = None, actions: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.item, self.profiles = item, profiles
        self.position = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = dropout
        start_tables(self.position)
        self.action = self.gain = self.shift = None
        if actions:
            self.action, self.gain, self.shift = (nn.Embedding(actions + 1, width, padding_idx=0) for _ in range(3))
            start_tables(self.action)
            for table in (self.gain, self.shift):
                nn.init.zeros_(table.weight)

    def forward(self, items: Tensor, users: Tensor | None = None, done: Tensor | None = None,
                wanted: Tensor | None = None) -> Tensor:  # fmt: skip
        """users: (B, T), of which the first column is read. done, wanted: (B, T) the action of each event and that of
        the next one, from 1; 0 where there is none."""
        x = self.item(items) + self.position.weight[: items.shape[1]]
        if self.action is not None:
            x = x + self.action(done)
        if self.profiles is not None:
            x = torch.cat([self.profiles(users[:, 0])[:, None], x], 1)
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        h = self.norm(x)
        h = h if self.profiles is None else h[:, 1:]
        return h if self.action is None else h * (1 + self.gain(wanted)) + self.shift(wanted)


def plain_items(n_items: int, width: int) -> nn.Embedding:
    """Items as vectors of their own, (I+1, D)."""
    item = nn.Embedding(n_items + 1, width, padding_idx=0)
    start_tables(item)
    return item


def start_tables(*tables: nn.Embedding | None) -> None:
    """Normal start weights with deviation .02, row 0 zeros where it is padding."""
    for table in tables:
        if table is not None:
            nn.init.normal_(table.weight, std=0.02)
            if table.padding_idx is not None:
                with torch.no_grad():
                    table.weight[0] = 0

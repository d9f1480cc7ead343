"""LightGCN with masks: edges that carry weights and may be missing, entries of the tables that are held at zero."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.propagation import Edges, mean_of, propagate
from workbench.recommenders.graphs.edge_masks import kept_values, pair_numbers
from workbench.recommenders.graphs.propagated import GraphTables


class MaskedTable(nn.Module):
    """A learnt table (n, D) whose entries count where `kept`, a buffer of ones, is not 0; no gradient reaches the
    others."""

    def __init__(self, start: Tensor):
        super().__init__()
        self.entries = nn.Parameter(start.detach().clone())
        self.register_buffer("kept", torch.ones_like(start))

    @property
    def weight(self) -> Tensor:
        """(n, D) entries that are kept, zeros elsewhere."""
        return self.entries * self.kept

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight)


class MaskedTables(nn.Module):
    """The learnt tables of users and items of a graph recommender, `user` and `item`, with masks."""

    def __init__(self, tables: nn.Module):
        super().__init__()
        self.user, self.item = MaskedTable(tables.user.weight), MaskedTable(tables.item.weight)


class MaskedPropagation(nn.Module):
    """x (N, D) to its layers and their mean, over the edges of pairs that are kept.

    weight: (P,) learnt, one of a pair of a user and an item for both directions. kept: (P,) a buffer, 1 or 0. An edge
    has the weight of its pair over sqrt(d_u d_i), d the kept edges at its ends: with ones everywhere this is LightGCN,
    with masks LightGCN on the graph of what is kept.
    """

    def __init__(self, edges: Edges, layers: int):
        super().__init__()
        self.edges, self.layers = edges, layers
        pair, pairs = pair_numbers(edges)
        self.register_buffer("pair", pair, persistent=False)
        self.register_buffer("kept", torch.ones(pairs))
        self.weight = nn.Parameter(torch.ones(pairs))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        values = kept_values(self.edges, self.kept[self.pair]) * self.weight[self.pair]
        layers = propagate(self.edges, x, self.layers, values=values)
        return layers, mean_of(layers)

    def ends(self) -> tuple[Tensor, Tensor]:
        """(P,) the lower and the higher node of each pair: the user and the item."""
        lower = self.edges.row < self.edges.column
        order = self.pair[lower].argsort()
        return self.edges.row[lower][order].long(), self.edges.column[lower][order].long()


def highest(kept: Tensor, scores: Tensor, n: int) -> Tensor:
    """(P,) ones at the n highest scores (P,) among the ones of kept (P,), of ties at the first; zeros elsewhere."""
    order = torch.where(kept > 0, scores.double(), -torch.inf).sort(descending=True, stable=True).indices
    return torch.zeros_like(kept).index_fill_(0, order[:n], 1)


def kept_shares(module: GraphTables) -> dict[str, float]:
    """Shares of what is kept, of a module of `MaskedTables` and `MaskedPropagation`: edges of the pairs in train,
    entries of the rows of users and items, without those of padding and of the unknown user."""
    entries = torch.cat([module.ego.user.kept[:-1].flatten(), module.ego.item.kept[1:].flatten()])
    return {"edges": module.propagation.kept.mean().item(), "entries": entries.mean().item()}

"""LightGCN over items as a knowledge graph describes them, and a second view of them by other links."""
import torch
from torch import Tensor, nn

from workbench.nets.knowledge.relation_attention import Links, RelationAttention
from workbench.nets.propagation import Edges, mean_propagation


class KnowledgePropagation(nn.Module):
    """Stacked tables x (U+1+I+1, D) to the mean of their propagation, after the items have read their links.

    edges, layers: as in LightGCN. links: of entities 0..E, of which 0..I are padding and items and have the rows of x;
    the others have a table of their own, `entity`. Where `second` is set, a function that gives other links, training
    keeps the vectors by these as well, as the one layer that is kept. dropped: share of these links left out at random.
    """

    def __init__(
        self, edges: Edges, layers: int, links: Links, attention: RelationAttention, *, n_items: int, width: int,
        dropped: float = 0.5,
    ):  # fmt: skip
        super().__init__()
        self.edges, self.layers, self.links, self.attention = edges, layers, links, attention
        self.n_items, self.dropped, self.second = n_items, dropped, None
        others = links.edges.shape[0] - n_items - 1
        self.entity = nn.Embedding(others, width) if others else None
        if others:
            nn.init.xavier_normal_(self.entity.weight)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        scored = self.by_links(x, self.links)
        if self.second is None or not self.training:
            return [], scored
        links = self.second()
        kept = torch.rand(len(links.heads), device=x.device) >= self.dropped
        return [self.by_links(x, links, kept)], scored

    def by_links(self, x: Tensor, links: Links, kept: Tensor | None = None) -> Tensor:
        """(U+1+I+1, D) by these links, of which `kept` (N,) bool are read."""
        users, items = x.split([len(x) - self.n_items - 1, self.n_items + 1])
        entities = items if self.entity is None else torch.cat([items, self.entity.weight])
        items = self.attention(entities, links, kept)[: self.n_items + 1]
        return mean_propagation(self.edges, torch.cat([users, items]), self.layers)

"""Links of items that a diffusion has rebuilt: rows of entities are blurred, a network restores them, and the entities
with the highest scores are what an item is linked to anew."""
from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.data.links.knowledge_graph import KnowledgeGraph, Triples, both_directions, item_entity_rows
from workbench.errors import UserError
from workbench.nets.knowledge.relation_attention import Links
from workbench.nets.propagation import normalise
from workbench.nets.rows.row_diffusion import RowDiffusion

BLOCK = 1_024  # rows that are dense at a time
SHARED = 2  # items of an entity, for it to have a column: one with a single item says nothing of which go together


class ItemRows:
    """What there is to rebuild: the entities of the items that share any.

    items: (L,) ids. rows: (L, C) binary CSR. columns: (C,) entity ids. relations: (C,) the relation, from an item to
    the entity, that most of its links have. UserError (code 3) where there are none.
    """

    def __init__(self, graph: KnowledgeGraph):
        rows, self.columns = item_entity_rows(graph, least=SHARED)
        self.items = np.flatnonzero(np.diff(rows.indptr))
        if not len(self.items):
            raise UserError("no two items are linked to the same entity, so there are no links to rebuild", code=3)
        self.rows = rows[self.items]
        own = graph.heads <= graph.n_items
        n = 2 * graph.n_relations
        pairs = graph.tails[own], graph.relations[own]
        counts = csr_matrix((np.ones(own.sum()), pairs), shape=(graph.n_entities + 1, n))
        self.relations = np.asarray(counts[self.columns].argmax(axis=1)).ravel()
        self.graph = graph

    def dense(self, places: np.ndarray) -> Tensor:
        """(B, C) float32 rows of the items at places (B,) of `items`."""
        return torch.from_numpy(self.rows[places].toarray())


class RebuiltLinks(nn.Module):
    """The entities that were chosen for each item, and the links that follow from them.

    keep: entities of an item; 0 for as many as it is linked to. counts: (L,) how many that is. chosen: (M,) int64
    columns of `ItemRows`, counts[l] for each item, a buffer that is saved; at first entities that the item is linked
    to, those of most items first.
    """

    def __init__(self, of: ItemRows, keep: int):
        super().__init__()
        self.of, lengths = of, np.diff(of.rows.indptr)
        self.counts = np.full(len(lengths), min(keep, len(of.columns))) if keep else lengths
        popularity = torch.from_numpy(1 + np.asarray(of.rows.sum(axis=0)).ravel())
        self.register_buffer("chosen", torch.from_numpy(self.best(lambda places: of.dense(places) * popularity)))
        self.made_of, self.made = None, []

    def best(self, scores: Callable[[np.ndarray], Tensor]) -> np.ndarray:
        """(M,) the columns with the highest of scores(places), (B, C) of the items at places (B,). An item is never
        linked to itself."""
        found = []
        for start in range(0, len(self.of.items), BLOCK):
            places = np.arange(start, min(start + BLOCK, len(self.of.items)))
            own, counts = torch.from_numpy(self.of.items[places, None] == self.of.columns), self.counts[places]
            values = scores(places).cpu().masked_fill(own, -torch.inf)
            best = values.topk(int(counts.max()), dim=1).indices.numpy()
            found.append(best[np.arange(best.shape[1]) < counts[:, None]])
        return np.concatenate(found).astype(np.int64)

    def choose(self, columns: np.ndarray) -> None:
        """Take columns (M,) as the entities of the items."""
        self.chosen.copy_(torch.from_numpy(columns))

    def links(self) -> Links:
        """The links of what is chosen, in both directions, with the relation that most links of an entity have."""
        if self.made_of is None or not torch.equal(self.made_of, self.chosen):
            self.made_of = self.chosen.clone()
            graph = links_of(self.of, np.repeat(self.of.items, self.counts), self.chosen.cpu().numpy())
            self.made = [Links(graph).to(self.chosen.device)]  # in a list, so that it is no part of this module
        return self.made[0]


def links_of(of: ItemRows, items: np.ndarray, chosen: np.ndarray) -> KnowledgeGraph:
    """The graph in which each of items (M,) is linked to a chosen (M,) column."""
    graph = of.graph
    inverse = of.relations[chosen] >= graph.n_relations  # then the entity is the head
    ends = (items, of.columns[chosen])
    heads, tails = np.where(inverse, ends[::-1], ends)
    relations = of.relations[chosen] % graph.n_relations
    return both_directions(Triples(heads, relations, tails, graph.n_items, graph.n_entities, graph.n_relations))


class LinkDiffusion:
    """The training of a denoiser on `ItemRows`, and what it restores.

    collaboration: share of the loss that asks of a restored row that the users of its entities' items, on average, have
    the vector of the item. users_of: (I+1, U) sparse, the users of each item in train.
    """

    def __init__(self, of: ItemRows, steps: int, users_of: csr_matrix, *, collaboration: float = 0.5):
        self.of, self.diffusion, self.collaboration = of, RowDiffusion(steps), collaboration
        self.users_of = normalise(csr_matrix(users_of, dtype=np.float32), "row")[of.items]  # (L, U)
        self.items_of = normalise(csr_matrix(of.rows.T, dtype=np.float32), "row")  # (C, L)
        self.links = torch.from_numpy(np.diff(of.rows.indptr).astype(np.float32))

    def loss(self, denoiser: nn.Module, places: np.ndarray, users: Tensor, items: Tensor) -> Tensor:
        """Of the items at places (B,); users (U, D) and items (I+1, D): vectors, which learn nothing from this."""
        device = items.device
        rows = self.of.dense(places).to(device)
        steps = torch.randint(0, self.diffusion.steps, (len(rows),), device=device)
        predicted = denoiser(self.diffusion.noised(rows, steps, torch.randn_like(rows)), steps)
        value = self.diffusion.loss(predicted, rows, steps)
        if not self.collaboration:
            return value
        of_entities = self.items_of @ (self.users_of @ users.detach().cpu().numpy())
        read = predicted @ torch.from_numpy(of_entities).to(device) / self.links[places, None].to(device)
        own = items.detach()[torch.from_numpy(self.of.items[places]).to(device)]
        return (1 - self.collaboration) * value + self.collaboration * (read - own).square().mean()

    def restored(self, denoiser: nn.Module, places: np.ndarray) -> Tensor:
        """(B, C) scores of the entities for the items at places (B,)."""
        device = next(denoiser.parameters()).device
        return self.diffusion.restore(denoiser, self.of.dense(places).to(device))

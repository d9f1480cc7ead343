"""Attention of entities over their neighbours in a graph of relations, in segments of CSR order, without padding."""
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from workbench.nets.propagation import Edges

SLOPE = 0.2  # of LeakyReLU below zero, as in graph attention networks


class Links(nn.Module):
    """The links of a graph on the module's device, as buffers that are not saved.

    graph: offsets (E+1,) of E entities, heads, relations and tails (N,), sorted by head and tail; such as a
    `data.links.knowledge_graph.KnowledgeGraph`, whose entity 0 is padding. edges: the matrix (E, E) with an entry for
    each link, so that those of two relations between the same two count twice.
    """

    def __init__(self, graph: Any):
        super().__init__()
        n = len(graph.offsets) - 1
        self.edges = Edges(csr_matrix((np.ones(len(graph.tails)), graph.tails, graph.offsets), shape=(n, n)))
        for name in ("offsets", "heads", "relations", "tails"):
            self.register_buffer(name, torch.as_tensor(getattr(graph, name), dtype=torch.int64), persistent=False)


def segment_softmax(logits: Tensor, offsets: Tensor, kept: Tensor | None = None) -> Tensor:
    """(N,) softmax of logits (N,) within each segment offsets[s]..offsets[s+1].

    kept: (N,) bool; what is not kept gets 0 and no gradient, also where nothing of a segment is kept.
    """
    if kept is not None:
        logits = logits.masked_fill(~kept, -torch.inf)
    lengths = offsets.diff()
    highest = torch.segment_reduce(logits.detach(), "max", offsets=offsets)
    highest = highest.masked_fill(~highest.isfinite(), 0)  # an empty segment, or one of which nothing is kept
    powers = (logits - highest.repeat_interleave(lengths)).exp()
    total = torch.segment_reduce(powers, "sum", offsets=offsets).clamp_min(torch.finfo(powers.dtype).tiny)
    return powers / total.repeat_interleave(lengths)


class RelationAttention(nn.Module):
    """Entities (E, D) to entities (E, D): each adds what its neighbours say, by relation; as in DiffKG.

    weight of a link: softmax over the links of its head h of LeakyReLU(sum_d ([v_h, v_t] W)_d r_d); one layer is
    v_h <- normalised(v_h + sum_t weight v_t), and the result residual * v + layer(v) for each of `layers`. r: (2R, D)
    embeddings of the relations, one for each direction.
    """

    def __init__(self, n_relations: int, width: int, *, layers: int = 1, residual: float = 0.5, dropout: float = 0.1):
        super().__init__()
        self.mix = nn.Linear(2 * width, width, bias=False)
        self.relation = nn.Embedding(n_relations, width)
        self.layers, self.residual, self.dropout = layers, residual, nn.Dropout(dropout)
        for weight in (self.mix.weight, self.relation.weight):
            nn.init.xavier_uniform_(weight)

    def attention(self, entities: Tensor, links: Links, kept: Tensor | None = None) -> Tensor:
        """(N,) weights of the links."""
        halves = self.mix.weight.chunk(2, dim=1)
        # ([v_h, v_t] W) . r = v_h . (W_h' r) + v_t . (W_t' r): every entity times every relation, looked up by link
        of_head, of_tail = ((entities @ (half.T @ self.relation.weight.T)).flatten() for half in halves)
        n = len(self.relation.weight)
        logits = of_head[links.heads * n + links.relations] + of_tail[links.tails * n + links.relations]
        return segment_softmax(F.leaky_relu(logits, SLOPE), links.offsets, kept)

    def forward(self, entities: Tensor, links: Links, kept: Tensor | None = None) -> Tensor:
        """entities: (E, D). kept: (N,) bool, the links that are read; None for all."""
        result = entities
        for _ in range(self.layers):
            entities = entities + links.edges(entities, self.attention(entities, links, kept))
            entities = F.normalize(self.dropout(entities), dim=1)
            result = self.residual * result + entities
        return result

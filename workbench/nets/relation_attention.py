"""Attention of entities over their neighbours in a graph of relations, in segments of CSR order, without padding."""
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of LeakyReLU below zero, as in graph attention networks


class Links(nn.Module):
    """The links of a graph on the module's device, as buffers that are not saved.

    offsets: (E+1,) int64 of E entities; heads, relations, tails: (N,) int64, sorted by head, each link in both
    directions; reverse: (N,) place of the same link the other way round. A `data.knowledge.relations.KnowledgeGraph`
    has them, with entity 0 for padding.
    """

    def __init__(self, graph: Any):
        super().__init__()
        for name in ("offsets", "heads", "relations", "tails", "reverse"):
            self.register_buffer(name, torch.as_tensor(getattr(graph, name), dtype=torch.int64), persistent=False)

    @property
    def n_entities(self) -> int:
        """E, padding included."""
        return len(self.offsets) - 1


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


def weighted_sum(weights: Tensor, values: Tensor, links: Links) -> Tensor:
    """(E, D) sum over the links of each entity of weights (N,) times the values (E, D) of their tails; zeros for an
    entity without links."""
    return _WeightedSum.apply(weights, values, links)


class _WeightedSum(torch.autograd.Function):
    """A sparse product in both directions: since every link is there both ways, the transposed matrix has the same
    places, and its weights are those of the reversed links."""

    @staticmethod
    def forward(ctx, weights: Tensor, values: Tensor, links: Links) -> Tensor:
        ctx.save_for_backward(weights, values)
        ctx.links = links
        return _matrix(weights, links) @ values

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (weights, values), links = ctx.saved_tensors, ctx.links
        of_weights = of_values = None
        if ctx.needs_input_grad[0]:
            of_weights = pair_products(gradient, values, links)
        if ctx.needs_input_grad[1]:
            of_values = _matrix(weights[links.reverse], links) @ gradient
        return of_weights, of_values, None


def pair_products(left: Tensor, right: Tensor, links: Links) -> Tensor:
    """(N,) inner products of left (E, D) of the head and right (E, D) of the tail of each link."""
    zeros = _matrix(left.new_zeros(len(links.tails)), links)
    return torch.sparse.sampled_addmm(zeros, left, right.T.contiguous(), beta=0.0).values()


def _matrix(weights: Tensor, links: Links) -> Tensor:
    """(E, E) CSR with a weight (N,) on each link; parallel links of several relations are summed in a product."""
    size = (links.n_entities, links.n_entities)
    return torch.sparse_csr_tensor(links.offsets, links.tails, weights, size, check_invariants=False)


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
            entities = entities + weighted_sum(self.attention(entities, links, kept), entities, links)
            entities = F.normalize(self.dropout(entities), dim=1)
            result = self.residual * result + entities
        return result

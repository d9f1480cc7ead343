"""What lies around a user and an item, read with the pair in mind: the target-specific subgraphs of KCAN.

A pair has two trees, one from the user and one from the item: the strongest neighbours of each, and theirs. Links lead
from a node to what it reads, so that two layers of attention on the union of both trees are, for the two roots, two
layers on each tree.
"""
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.knowledge.relation_attention import SLOPE, segment_softmax


class Trees(NamedTuple):
    """Two hops around R roots. near: (M,) nodes one link away, in segments near_offsets (R+1,), one a root. far: (L,)
    places of nodes one more link away, in segments far_offsets (M+1,), one for each of near: a place below the number
    of nodes is that node, one from there on a root."""

    near: Tensor
    near_offsets: Tensor
    far: Tensor
    far_offsets: Tensor


def strongest(weights: np.ndarray, offsets: np.ndarray, tails: np.ndarray, k: int) -> np.ndarray:
    """(M,) places of the k links of largest weight of each segment of offsets (S+1,), in order of their places; all
    where k is 0. Equal weights: the lower tail, so that the order of the links does not matter."""
    if not k:
        return np.arange(len(weights))
    heads = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((tails, -weights, heads))
    return np.sort(order[np.arange(len(order)) - offsets[:-1][heads] < k])


def kept_offsets(offsets: np.ndarray, k: int) -> np.ndarray:
    """(S+1,) the segments of what `strongest` keeps."""
    lengths = np.diff(offsets)
    return np.concatenate([[0], np.cumsum(np.minimum(lengths, k) if k else lengths)])


def expand(nodes: Tensor, offsets: Tensor, tails: Tensor) -> tuple[Tensor, Tensor]:
    """(L,) the tails of the links of nodes (M,), and the (M+1,) offsets of their segments. offsets, tails: CSR."""
    lengths = offsets[nodes + 1] - offsets[nodes]
    ends = F.pad(lengths.cumsum(0), (1, 0))
    at = torch.arange(int(ends[-1]), device=nodes.device) + (offsets[nodes] - ends[:-1]).repeat_interleave(lengths)
    return tails[at], ends


def trees(roots: Tensor, partners: Tensor, offsets: Tensor, tails: Tensor) -> Trees:
    """The trees of roots (2B,), the users and then the items of B pairs; partners: (2B,) the other node of each pair.

    A link between a root and its partner is what is to be predicted, and not read. Where a far node is the root or the
    partner, it is read as that root is. offsets, tails: CSR of all N nodes.
    """
    n, place = len(offsets) - 1, torch.arange(len(roots), device=roots.device)
    near, near_offsets = expand(roots, offsets, tails)
    of = place.repeat_interleave(near_offsets.diff())
    other = near != partners[of]
    near_offsets = F.pad(other.long().cumsum(0), (1, 0))[near_offsets]
    near, of = near[other], of[other]
    far, far_offsets = expand(near, offsets, tails)
    of = of.repeat_interleave(far_offsets.diff())
    partner_place = place.roll(len(roots) // 2)
    far = torch.where(far == roots[of], n + of, torch.where(far == partners[of], n + partner_place[of], far))
    return Trees(near, near_offsets, far, far_offsets)


class ConditionalAttention(nn.Module):
    """One layer: v_h <- LeakyReLU(v_h + sum_t a_ht V v_t), a_ht the softmax over the neighbours that h reads of
    LeakyReLU(p . V v_h + q . V v_t + s . [v_u, v_i]), with the pair (u, i) for which h is read.

    The pair moves the logits of a segment together. It changes their softmax by the kink of LeakyReLU alone: below
    zero differences count a fifth.
    """

    def __init__(self, width: int, *, conditioned: bool = True):
        super().__init__()
        self.values = nn.Linear(width, width, bias=False)
        self.of_head, self.of_tail = (nn.Linear(width, 1, bias=False) for _ in range(2))
        self.of_pair = nn.Linear(2 * width, 1, bias=False) if conditioned else None

    def forward(self, heads: Tensor, tails: Tensor, at: Tensor, offsets: Tensor, pairs: Tensor) -> Tensor:
        """(M, D) of heads (M, D), which read the rows at (L,) of tails (N, D), in segments offsets (M+1,). pairs:
        (M, 2D) vectors of the pair of each head."""
        values = self.values(tails)
        own = heads @ (self.of_head.weight @ self.values.weight).T  # p . V v_h, without making V v_h
        own = own if self.of_pair is None else own + self.of_pair(pairs)
        logits = own[:, 0].repeat_interleave(offsets.diff()) + self.of_tail(values)[at, 0]
        weights = segment_softmax(F.leaky_relu(logits, SLOPE), offsets)
        read = F.embedding_bag(at, values, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True)
        return F.leaky_relu(heads + read, SLOPE)


class TreeReader(nn.Module):
    """Trees to vectors (R, D) of their roots, by two layers of `ConditionalAttention`."""

    def __init__(self, width: int, *, conditioned: bool = True):
        super().__init__()
        self.layers = nn.ModuleList(ConditionalAttention(width, conditioned=conditioned) for _ in range(2))

    def forward(self, nodes: Tensor, roots: Tensor, given: Trees, pairs: Tensor) -> Tensor:
        """nodes: (N, D) vectors of all nodes, roots: (R, D) of the roots, pairs: (R, 2D) of the pair of each root."""
        first, second = self.layers
        of_near = pairs.repeat_interleave(given.near_offsets.diff(), dim=0)
        near = first(nodes[given.near], torch.cat([nodes, roots]), given.far, given.far_offsets, of_near)
        roots = first(roots, nodes, given.near, given.near_offsets, pairs)
        return second(roots, near, torch.arange(len(near), device=near.device), given.near_offsets, pairs)

"""From a network that spells to ranked items: beam search inside the trie, and the exact scores it approximates.

A score is the log-probability of an item's codes, each over all K codes of its level, trie or no trie,
so that a beam's scores, the exact ones and those of a plain forward pass are the same numbers.
"""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.nets.attention import KeyValues
from workbench.tokens.trie import Trie

NODES = 2048  # prefixes expanded at a time when all items are scored: the working set stays near the cache


class Beams(NamedTuple):
    """Where W beams stood after every level: for each depth 1..L, nodes (B, W) of the trie, best first, -1 where a beam
    is outside of it or empty, and the log-probabilities (B, W) of their prefixes, -inf where empty."""

    nodes: list[np.ndarray]
    scores: list[np.ndarray]


class Dead(NamedTuple):
    """Edges of the trie below which a row of the batch has nothing left: for each depth 0..L-1, rows (n,), parents (n,)
    and codes (n,)."""

    edges: list[tuple[Tensor, Tensor, Tensor]]


def tables(trie: Trie, device: torch.device) -> list[Tensor]:
    """The trie's child tables as int32 tensors, to be made once a model."""
    return [torch.from_numpy(table).to(device) for table in trie.children]


def dead_edges(trie: Trie, rows: np.ndarray, items: np.ndarray, device: torch.device) -> Dead:
    """The edges to leave out so that row r never returns its excluded items (rows (n,), items (n,)): those under which
    everything is excluded."""
    edges = []
    pairs = np.unique(np.column_stack([rows, items]), axis=0)
    for depth, table in enumerate(trie.children):
        path = trie.node[pairs[:, 1]]
        key = np.column_stack([pairs[:, 0], path[:, depth], path[:, depth + 1]])
        edge, count = np.unique(key, axis=0, return_counts=True)
        edge = edge[count == trie.counts[depth + 1][edge[:, 2]]]
        code = (table[edge[:, 1]] == edge[:, 2:]).argmax(1)
        edges.append(tuple(torch.from_numpy(np.ascontiguousarray(c, np.int64)).to(device)
                           for c in (edge[:, 0], edge[:, 1], code)))
    return Dead(edges)


def reorder(own: list[KeyValues], parents: Tensor) -> list[KeyValues]:
    """What the beams own, taken from their parents (B, W)."""

    def take(x: Tensor) -> Tensor:
        B, H, _, j, d = x.shape
        if x.shape[2] == 1:
            return x.expand(B, H, parents.shape[1], j, d)
        return x.gather(2, parents[:, None, :, None, None].expand(B, H, -1, j, d))

    return [(take(k), take(v)) for k, v in own]


@torch.no_grad()
def beam_search(
    module, rows: Tensor, lengths: Tensor, children: list[Tensor], *, beam: int, dead: Dead | None = None,
    constrained: bool = True,
) -> Beams:  # fmt: skip
    """The `beam` most probable prefixes of each row, level by level.

    module: answers `prefill`, `step`, `code.rows` and `code.logits`. rows (B, T, L, R) of `lengths` (B,) items.
    children: `tables` of the trie. constrained: False lets beams leave the trie, to see how many would; their node is
    -1 from there on.
    The histories are read once; no Python runs a token or a user. UserError if beam < 1.
    """
    if beam < 1:
        raise UserError(f"a beam of {beam}: it must hold at least one prefix")
    state, memory, own = module.prefill(rows, lengths)
    nodes = torch.zeros(len(rows), 1, dtype=torch.int64, device=rows.device)
    scores = torch.zeros(len(rows), 1, device=rows.device)
    found, codes = Beams([], []), nodes
    for level, table in enumerate(children):
        if level:
            state, own = module.step(memory, own, module.code.rows(codes, nodes, level - 1), level)
        below = torch.where(nodes[:, :, None] >= 0, table[nodes.clamp_min(0)], -1)
        total = scores[:, :, None] + module.code.logits(state, level).log_softmax(-1)
        if constrained:
            total = total.masked_fill(below < 0, -torch.inf)
        if dead is not None:
            _bury(total, nodes, *dead.edges[level])
        K = total.shape[2]
        scores, chosen = total.flatten(1).topk(min(beam, total.shape[1] * K), dim=1)
        parents, codes = chosen // K, chosen % K
        nodes = below.flatten(1).gather(1, chosen).long().masked_fill(scores == -torch.inf, -1)
        own = reorder(own, parents)
        found.nodes.append(nodes.cpu().numpy())
        found.scores.append(scores.cpu().numpy())
    if np.isnan(found.scores[-1]).any():
        raise UserError("a score is NaN: the model diverged, or was given NaN", code=1)
    return found


def _bury(total: Tensor, nodes: Tensor, rows: Tensor, parents: Tensor, codes: Tensor) -> None:
    """Set the scores (B, W, K) of dead edges to -inf, in whichever beam their parent stands."""
    edge, slot = (nodes[rows] == parents[:, None]).nonzero(as_tuple=True)
    total[rows[edge], slot, codes[edge]] = -torch.inf


@torch.no_grad()
def exact_scores(module, rows: Tensor, lengths: Tensor, trie: Trie) -> Tensor:
    """(B, groups) log-probability of every code group: the whole trie, each shared prefix computed once."""
    edges = [tuple(torch.from_numpy(at).to(rows.device) for at in np.nonzero(table >= 0)) for table in trie.children]
    out = torch.empty(len(rows), len(edges[-1][0]), device=rows.device)
    for row, length in enumerate(lengths.tolist()):
        out[row] = _exact(module, rows[row : row + 1, : max(1, length)], lengths[row : row + 1], edges)
    return out


def _exact(module, rows: Tensor, lengths: Tensor, edges: list[tuple[Tensor, Tensor]]) -> Tensor:
    """One history: the nodes of a depth are its beams, and what a node owns it takes from its parent. edges: for each
    depth, the parents (n,) and codes (n,) of the nodes one deeper."""
    state, memory, own = module.prefill(rows, lengths)
    scores = torch.zeros(1, 1, device=rows.device)
    for level, (parent, code) in enumerate(edges):
        if level:
            before, spelt = edges[level - 1]
            read = module.code.rows(spelt, torch.arange(len(spelt), device=rows.device), level - 1)
            parts = [
                module.step(memory, [(k[:, :, at], v[:, :, at]) for k, v in own], some[None], level)
                for at, some in zip(before.split(NODES), read.split(NODES))
            ]
            state = torch.cat([h for h, _ in parts], 1)
            own = [tuple(torch.cat(kv, 2) for kv in zip(*block)) for block in zip(*(grown for _, grown in parts))]
        logits = module.code.logits(state[0], level)
        scores = scores[:, parent] + (logits[parent, code] - logits.logsumexp(1)[parent])
    return scores

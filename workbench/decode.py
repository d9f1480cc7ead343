"""From a network over semantic IDs to ranked items: beam search constrained to the trie of item codes, and the exact
scores that it approximates.

The score of an item is the log-probability of its codes, each normalised over all K codes of its level whether or not
they are in the trie. Beam scores, exact scores and the scores of a plain forward pass are therefore the same numbers.
"""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError
from workbench.interfaces import Recommendations
from workbench.nets.attention import KeyValues
from workbench.tokens.codes import ItemCodes
from workbench.tokens.trie import Trie

BATCH = 64  # histories decoded at a time
NODE_BATCH = 2048  # prefixes expanded at a time by exact scoring: keeps the working set near the CPU cache


Search = Callable[[Histories, Histories | None], tuple[np.ndarray, np.ndarray]]  # to nodes and scores (B, W)


class Beams(NamedTuple):
    """The W beams after every level. For each depth 1..L: trie nodes (B, W), best first, -1 where a beam is empty or
    its prefix is not in the trie; and the log-probabilities (B, W) of the prefixes, -inf where empty."""

    nodes: list[np.ndarray]
    scores: list[np.ndarray]


class ExcludedEdges(NamedTuple):
    """Edges of the trie below which all items are excluded for a row of the batch. For each depth 0..L-1: rows (n,),
    parent nodes (n,) and codes (n,)."""

    edges: list[tuple[Tensor, Tensor, Tensor]]


def child_tables(trie: Trie, device: torch.device) -> list[Tensor]:
    """The child tables of the trie as int32 tensors on a device; computed once per model."""
    return [torch.from_numpy(table).to(device) for table in trie.children]


def excluded_edges(trie: Trie, rows: np.ndarray, items: np.ndarray, device: torch.device) -> ExcludedEdges:
    """The edges to block so that row rows[n] never returns item items[n]; rows and items: (n,). An edge is blocked when
    every item below it is excluded."""
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
    return ExcludedEdges(edges)


def reorder_cache(own: list[KeyValues], parents: Tensor) -> list[KeyValues]:
    """The beams' own cache, gathered from their parent beams (B, W)."""

    def gather(x: Tensor) -> Tensor:
        B, H, _, j, d = x.shape
        if x.shape[2] == 1:
            return x.expand(B, H, parents.shape[1], j, d)
        return x.gather(2, parents[:, None, :, None, None].expand(B, H, -1, j, d))

    return [(gather(k), gather(v)) for k, v in own]


@torch.no_grad()
def beam_search(
    module, rows: Tensor, lengths: Tensor, children: list[Tensor], *, beam: int, excluded: ExcludedEdges | None = None,
    constrained: bool = True, trie_softmax: bool = False,
) -> Beams:  # fmt: skip
    """The `beam` most probable code prefixes of each row, level by level.

    module: has `prefill`, `step`, `code.code_rows` and `code.logits`. rows (B, T, L, R): histories of `lengths` (B,)
    items. children: `child_tables` of the trie. constrained: False lets beams leave the trie, to measure how many would
    do so; their node is -1 from then on. trie_softmax: a code is normalised over the children of its prefix.
    Histories are encoded once, and there is no Python loop over tokens or users. UserError if beam < 1.
    """
    if beam < 1:
        raise UserError(f"a beam of {beam}: the beam width must be at least 1")
    if trie_softmax and not constrained:
        raise UserError("trie_softmax: codes outside the trie have no probability, so beams cannot leave it")
    state, cache, own = module.prefill(rows, lengths)
    nodes = torch.zeros(len(rows), 1, dtype=torch.int64, device=rows.device)
    scores = torch.zeros(len(rows), 1, device=rows.device)
    beams, codes = Beams([], []), nodes
    for level, table in enumerate(children):
        if level:
            state, own = module.step(cache, own, module.code.code_rows(codes, nodes, level - 1), level)
        child_nodes = torch.where(nodes[:, :, None] >= 0, table[nodes.clamp_min(0)], -1)
        logits = module.code.logits(state, level)
        logits = logits.masked_fill(child_nodes < 0, -torch.inf) if trie_softmax else logits
        total = scores[:, :, None] + logits.log_softmax(-1)
        if constrained:
            total = total.masked_fill(child_nodes < 0, -torch.inf)
        if excluded is not None:
            _mask_excluded(total, nodes, *excluded.edges[level])
        K = total.shape[2]
        scores, chosen = total.flatten(1).topk(min(beam, total.shape[1] * K), dim=1)
        parents, codes = chosen // K, chosen % K
        nodes = child_nodes.flatten(1).gather(1, chosen).long().masked_fill(scores == -torch.inf, -1)
        own = reorder_cache(own, parents)
        beams.nodes.append(nodes.cpu().numpy())
        beams.scores.append(scores.cpu().numpy())
    if np.isnan(beams.scores[-1]).any():
        raise UserError("a score is NaN: training diverged, or the weights or inputs contain NaN", code=1)
    return beams


def _mask_excluded(total: Tensor, nodes: Tensor, rows: Tensor, parents: Tensor, codes: Tensor) -> None:
    """Set the scores (B, W, K) of excluded edges to -inf, in the beams that hold their parent node."""
    edge, beam = (nodes[rows] == parents[:, None]).nonzero(as_tuple=True)
    total[rows[edge], beam, codes[edge]] = -torch.inf


def decoded_lists(
    codes: ItemCodes, search: Search, histories: Histories, k: int, *, beam: int, exclude: Histories | None = None
) -> Recommendations:
    """The top-k items of a beam search over code groups, BATCH histories at a time; items that share their codes are
    adjacent, in the order of their ids. search: its last beams for some histories. beam: their number.

    UserError if k exceeds the beam width, the catalogue size, or the number of items left after exclusion.
    """
    if not 1 <= k <= codes.n_items:
        raise UserError(f"k={k}: the catalogue has {codes.n_items} items, so k must be between 1 and that")
    if k > beam:
        raise UserError(f"k={k}: a beam of {beam} cannot fill a longer list; build with beam={k} or more")
    parts = []
    for start in range(0, max(1, len(histories)), BATCH):
        index = np.arange(start, min(start + BATCH, len(histories)))
        masked = None if exclude is None else exclude.take(index)
        parts.append(expand_groups(codes, *search(histories.take(index), masked), k, masked))
    return Recommendations(*(None if part[0] is None else np.concatenate(part) for part in zip(*parts)))


def expand_groups(
    codes: ItemCodes, nodes: np.ndarray, scores: np.ndarray, k: int, exclude: Histories | None = None
) -> Recommendations:
    """Top-k lists from beams over code groups (B, W), best first. Excluded items are removed from their groups.

    UserError if a row has fewer than k items.
    """
    trie, B = codes.trie, len(nodes)
    order = np.lexsort((trie.order[trie.first[-1][nodes]], -scores))  # ties go to the lower id
    nodes, scores = np.take_along_axis(nodes, order, 1), np.take_along_axis(scores, order, 1)
    size = np.where(nodes >= 0, trie.group_size[nodes], 0)
    beam = np.repeat(np.arange(nodes.size), size.ravel())  # of each item, counted over all rows
    within = np.arange(len(beam)) - np.repeat(np.cumsum(size.ravel()) - size.ravel(), size.ravel())
    items = trie.order[trie.first[-1][nodes.ravel()[beam]] + within]
    row = beam // nodes.shape[1]
    if exclude is not None:
        width = codes.n_items + 1
        keep = ~np.isin(row * width + items, exclude.rows() * width + exclude.items)
        beam, items, row = beam[keep], items[keep], row[keep]
    group_size = np.bincount(beam, minlength=nodes.size)
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    if np.bincount(row, minlength=B).min(initial=k) < k:
        raise UserError(f"k={k}: the beam and the excluded items leave fewer than k items; build with a wider beam")
    beam, items = (x[rank < k].reshape(B, k) for x in (beam, items))
    groups = (nodes.ravel()[beam], group_size[beam]) if codes.has_collisions else (None, None)
    return Recommendations(items.astype(np.int64), scores.ravel()[beam], *groups)


@torch.no_grad()
def exact_scores(module, rows: Tensor, lengths: Tensor, trie: Trie, *, trie_softmax: bool = False) -> Tensor:
    """(B, groups) log-probability of every code group: scores the whole trie, each shared prefix once. trie_softmax: as
    in `beam_search`."""
    edges = [tuple(torch.from_numpy(at).to(rows.device) for at in np.nonzero(table >= 0)) for table in trie.children]
    forbidden = [table < 0 for table in child_tables(trie, rows.device)] if trie_softmax else [None] * len(edges)
    out = torch.empty(len(rows), len(edges[-1][0]), device=rows.device)
    for row, length in enumerate(lengths.tolist()):
        out[row] = _exact_row(module, rows[row : row + 1, : max(1, length)], lengths[row : row + 1], edges, forbidden)
    return out


def _exact_row(
    module, rows: Tensor, lengths: Tensor, edges: list[tuple[Tensor, Tensor]], forbidden: list[Tensor | None]
) -> Tensor:
    """(1, groups) exact scores of one history. All nodes of a depth act as beams and inherit the cache of their parent
    node. edges: for each depth, parents (n,) and codes (n,) of the nodes one level deeper.
    forbidden: for each depth, the codes (nodes, K) that get no probability."""
    state, cache, own = module.prefill(rows, lengths)
    scores = torch.zeros(1, 1, device=rows.device)
    for level, (parent, code) in enumerate(edges):
        if level:
            parents, codes = edges[level - 1]
            code_rows = module.code.code_rows(codes, torch.arange(len(codes), device=rows.device), level - 1)
            parts = [
                module.step(cache, [(k[:, :, at], v[:, :, at]) for k, v in own], batch[None], level)
                for at, batch in zip(parents.split(NODE_BATCH), code_rows.split(NODE_BATCH))
            ]
            state = torch.cat([h for h, _ in parts], 1)
            own = [tuple(torch.cat(kv, 2) for kv in zip(*block)) for block in zip(*(extended for _, extended in parts))]
        logits = module.code.logits(state[0], level)
        logits = logits if forbidden[level] is None else logits.masked_fill(forbidden[level], -torch.inf)
        scores = scores[:, parent] + (logits[parent, code] - logits.logsumexp(1)[parent])
    return scores

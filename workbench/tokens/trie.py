"""Codes as a tree of prefixes, held in arrays: one gather tells which codes may follow a prefix."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trie:
    """The prefixes of I codes of L levels. Nodes of a depth are numbered in the order of their prefixes; depth 0 is the
    root alone and the nodes of depth L are the code groups (more than one item where codes collide).

    children: for each depth below L, (nodes, K) int32: the node one deeper that a code leads to, or -1.
    first, counts: for each depth 0..L, (nodes,) int32: the items under a node are `order[first : first + count]`.
    order: (I,) int32 item ids in the order of their codes, then ids. node: (I+1, L+1) int32 nodes of each item's
    prefixes; row 0 is -1.
    """

    children: tuple[np.ndarray, ...]
    first: tuple[np.ndarray, ...]
    counts: tuple[np.ndarray, ...]
    order: np.ndarray
    node: np.ndarray

    @property
    def group(self) -> np.ndarray:
        """(I+1,) int32: the code group of each item; row 0 is -1."""
        return self.node[:, -1]

    @property
    def group_size(self) -> np.ndarray:
        """(groups,) int32: how many items share each full code."""
        return self.counts[-1]

    def items(self, depth: int, node: int) -> np.ndarray:
        """Item ids under a prefix, in the order of their codes."""
        first = int(self.first[depth][node])
        return self.order[first : first + int(self.counts[depth][node])]

    def prefix(self, depth: int, node: int) -> tuple[int, ...]:
        """The codes that lead to a node, read off the tables."""
        codes: list[int] = []
        for level in range(depth - 1, -1, -1):
            node, code = (int(place[0]) for place in np.nonzero(self.children[level] == node))
            codes.append(code)
        return tuple(reversed(codes))


def build(codes: np.ndarray, sizes: tuple[int, ...]) -> Trie:
    """The trie of `codes` (I+1, L), row 0 not read, with `sizes` codes a level. One sort; no loop over items."""
    rows, depth = codes[1:].astype(np.int64), codes.shape[1]
    order = np.lexsort(rows.T[::-1]) if depth else np.arange(len(rows))
    rows = rows[order]
    node = np.full((len(codes), depth + 1), -1, np.int32)
    node[1:, 0] = 0
    here = np.zeros(len(rows), np.int64)
    children, first, counts = [], [np.zeros(1, np.int32)], [np.array([len(rows)], np.int32)]
    for level in range(depth):
        key = here * sizes[level] + rows[:, level]
        distinct, start, below, size = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        table = np.full((len(first[-1]), sizes[level]), -1, np.int32)
        table.ravel()[distinct] = np.arange(len(distinct))
        here = below.ravel()
        node[1 + order, level + 1] = here
        children.append(table)
        first.append(start.astype(np.int32))
        counts.append(size.astype(np.int32))
    return Trie(tuple(children), tuple(first), tuple(counts), (order + 1).astype(np.int32), node)

"""The prefix trie of item codes as arrays: one gather gives the codes that may follow a prefix."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trie:
    """The trie of I items with L codes each.

    Nodes of a depth are numbered in lexicographic order of their prefixes; depth 0 has only the root, and the nodes of
    depth L are the code groups (more than one item where codes collide).

    children: for each depth below L, (nodes, K) int32: the child node for each code, or -1.
    first, counts: for each depth 0..L, (nodes,) int32: the items under a node are `order[first : first + count]`.
    order: (I,) int32 item ids sorted by codes, then ids. node: (I+1, L+1) int32 node of each item at each depth; row 0
    is -1.
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
        """(groups,) int32: number of items of each full code."""
        return self.counts[-1]

    def items(self, depth: int, node: int) -> np.ndarray:
        """Item ids under a node, sorted by their codes."""
        first = int(self.first[depth][node])
        return self.order[first : first + int(self.counts[depth][node])]

    def prefix(self, depth: int, node: int) -> tuple[int, ...]:
        """The code prefix of a node."""
        codes: list[int] = []
        for level in range(depth - 1, -1, -1):
            node, code = (int(index[0]) for index in np.nonzero(self.children[level] == node))
            codes.append(code)
        return tuple(reversed(codes))


def build_trie(codes: np.ndarray, sizes: tuple[int, ...]) -> Trie:
    """The trie of `codes` (I+1, L), ignoring row 0, with `sizes` codes per level. Fully vectorised."""
    rows, depth = codes[1:].astype(np.int64), codes.shape[1]
    order = np.lexsort(rows.T[::-1]) if depth else np.arange(len(rows))
    rows = rows[order]
    node = np.full((len(codes), depth + 1), -1, np.int32)
    node[1:, 0] = 0
    parent = np.zeros(len(rows), np.int64)
    children, first, counts = [], [np.zeros(1, np.int32)], [np.array([len(rows)], np.int32)]
    for level in range(depth):
        key = parent * sizes[level] + rows[:, level]
        distinct, start, child, size = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        table = np.full((len(first[-1]), sizes[level]), -1, np.int32)
        table.ravel()[distinct] = np.arange(len(distinct))
        parent = child.ravel()
        node[1 + order, level + 1] = parent
        children.append(table)
        first.append(start.astype(np.int32))
        counts.append(size.astype(np.int32))
    return Trie(tuple(children), tuple(first), tuple(counts), (order + 1).astype(np.int32), node)

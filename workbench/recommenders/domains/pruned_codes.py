"""Codes whose trie leads to some of the items only, for decoding within a part of the catalogue."""
from dataclasses import replace

import numpy as np

from workbench import decode
from workbench.recommenders.code_buffer import CodeBuffer, Tokens
from workbench.tokens.trie import Trie


class PrunedCodes:
    """The codes in a `CodeBuffer` whose trie leads to some items only: (I+1,) bool. Nodes keep their numbers."""

    def __init__(self, buffer: CodeBuffer, items: np.ndarray):
        self.buffer, self.items, self.source, self.tokens = buffer, items, None, None

    def read(self) -> Tokens:
        """As `CodeBuffer.read`; made again only after the buffer was written to."""
        source = self.buffer.read()
        if source is not self.source:
            trie = pruned(source.codes.trie, self.items)
            codes = replace(source.codes)
            codes.__dict__["trie"] = trie  # in the place of the cached one of all items
            children = decode.child_tables(trie, source.children[0].device)
            self.source, self.tokens = source, source._replace(codes=codes, children=children)
        return self.tokens


def pruned(trie: Trie, items: np.ndarray) -> Trie:
    """The trie whose child tables lead to some items only, (I+1,) bool, and whose counts count only them."""
    nodes = trie.node[np.flatnonzero(items[1:]) + 1]
    counts = tuple(np.bincount(nodes[:, depth], minlength=len(count)).astype(np.int32)
                   for depth, count in enumerate(trie.counts))  # fmt: skip
    children = tuple(np.where((table >= 0) & (counts[depth + 1][table] > 0), table, -1).astype(np.int32)
                     for depth, table in enumerate(trie.children))  # fmt: skip
    return replace(trie, children=children, counts=counts)

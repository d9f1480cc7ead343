"""Item codes as state of a network: a buffer, which rides in best weights, checkpoints and saved states."""
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from workbench import decode
from workbench.errors import UserError
from workbench.tokens import ItemCodes


class Tokens(NamedTuple):
    """The codes of the items and what follows from them. item_rows: (I+1, L + S, R) rows of the embedding table.
    children: the tables of the trie. source, version: the buffer these were read from, and how often it was written
    before."""

    codes: ItemCodes
    item_rows: Tensor
    children: list[Tensor]
    source: Tensor
    version: int


class CodeBuffer:
    """The buffer `item_codes` (I, L) int32 of a network with a `code` table (workbench.nets.semantic_id_decoder).

    streams: (I+1, S) further rows of its table for each item, read after its codes; None for none.
    What renews codes during training may `write` them or change the buffer itself: `read` gives what it holds now.
    """

    def __init__(self, module: nn.Module, codes: ItemCodes, streams: np.ndarray | None = None):
        check(module, codes)
        device = module.code.weight.device
        module.register_buffer("item_codes", torch.from_numpy(codes.codes[1:].copy()).to(device))
        self.streams = None if streams is None else torch.from_numpy(np.asarray(streams, np.int64))
        self.module, self.tokens = module, _tokens(module, codes, self.streams)

    def read(self) -> Tokens:
        """The codes as the network holds them, made again only after the buffer was written to. Other codes than before
        have another `version`. UserError if the network has no embeddings for them."""
        buffer, known = self.module.item_codes, self.tokens
        if known.source is not buffer or known.version != buffer._version:
            array = buffer.cpu().numpy()
            codes = known.codes if np.array_equal(array, known.codes.codes[1:]) else known.codes.with_codes(array)
            check(self.module, codes)
            self.tokens = _tokens(self.module, codes, self.streams)
        return self.tokens

    def write(self, codes: ItemCodes) -> None:
        """Use these codes from now on. UserError, with nothing changed, if the network has no embeddings for them."""
        check(self.module, codes)
        if codes.n_items != self.tokens.codes.n_items:
            raise UserError(f"codes of {codes.n_items} items for {self.tokens.codes.n_items} items", code=3)
        self.module.item_codes.copy_(torch.from_numpy(codes.codes[1:]))
        self.tokens = _tokens(self.module, codes, self.streams)


def check(module: nn.Module, codes: ItemCodes) -> None:
    """UserError if a network has no embeddings for these codes."""
    table = module.code
    if table.sizes != codes.sizes or (table.prefixes and table.prefixes != codes.prefix_counts):
        actual, expected = (codes.sizes, codes.prefix_counts), (table.sizes, table.prefixes)
        raise UserError(f"codes of sizes and prefixes {actual} for a network built for {expected}; build another one, "
                        "with prefixes=False if codes are to change", code=3)  # fmt: skip


def _tokens(module: nn.Module, codes: ItemCodes, streams: Tensor | None) -> Tokens:
    item_codes, nodes = (torch.from_numpy(array.astype(np.int64)) for array in (codes.codes, codes.trie.node))
    children = decode.child_tables(codes.trie, module.code.weight.device)
    rows = module.code.item_rows(item_codes, nodes)
    if streams is not None:
        rows = torch.cat([rows, torch.nn.functional.pad(streams[..., None], (0, rows.shape[2] - 1))], 1)
    return Tokens(codes, rows, children, module.item_codes, module.item_codes._version)

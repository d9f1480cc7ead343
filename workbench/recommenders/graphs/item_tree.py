"""The tree that items are in, such as files in folders: its nodes by number, depths, roots and words; a placebo."""
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workbench.artifacts import digest
from workbench.data.formats.attributes.file_tree import SLASH, path_words
from workbench.data.schema import RAW, Dataset
from workbench.data.tables import required_table
from workbench.embed.documents import documents
from workbench.embed.svd import truncated_svd
from workbench.errors import UserError
from workbench.nets.graphs.tree_attention import TreeAttention, tree_matrix
from workbench.stages import draw


class ItemTree(NamedTuple):
    """parent: (n,) int64 number of the node above each, -1 for a root; node i - 1 is item i, the others follow. names:
    (n,) of the nodes; those of items are their raw ids."""

    parent: np.ndarray
    names: np.ndarray

    def depths(self) -> np.ndarray:
        """(n,) edges from each node up to its root. UserError (code 3) where nodes are above themselves."""
        depth, above = np.zeros(len(self.parent), np.int64), self.parent
        for _ in range(len(self.parent)):
            inside = above >= 0
            if not inside.any():
                return depth
            depth += inside
            above = np.where(inside, self.parent[above], -1)
        raise UserError("table 'tree': nodes are above themselves, so no path leads from them to a root", code=3)

    def roots(self) -> np.ndarray:
        """(n,) the number of the root that each node is below, its own for a root."""
        found = np.arange(len(self.parent))
        for _ in range(int(self.depths().max(initial=0))):
            found = np.where(self.parent[found] >= 0, self.parent[found], found)
        return found

    def permuted(self, rng: np.random.Generator) -> "ItemTree":
        """A placebo: parents are permuted among the nodes of equal depth. Every node stays at its depth, and has as
        many children as before, but others."""
        parent, depth = self.parent.copy(), self.depths()
        for level in range(1, int(depth.max(initial=0)) + 1):
            nodes = np.flatnonzero(depth == level)
            parent[nodes] = rng.permutation(parent[nodes])
        return self._replace(parent=parent)


def item_tree(dataset: Dataset) -> ItemTree:
    """The table `tree` of a dataset, which becomes part of the key of what is built with it.

    UserError (code 3) where there is none, with the datasets that have one; where an item is no node of it, a node has
    two parents, or a parent is no node itself.
    """
    table = required_table(dataset, "tree")
    child, above = (table[column].astype("string").to_numpy(object, na_value="") for column in ("child", "parent"))
    raw = dataset.items[RAW].to_numpy(object)
    if twice := len(child) - len(set(child)):
        raise UserError(f"{dataset.name}: table 'tree' has {twice:,} nodes with two parents", code=3)
    if missing := set(raw) - set(child):
        raise UserError(f"{dataset.name}: {len(missing):,} of {dataset.n_items:,} items are no node of table 'tree', "
                        f"such as {min(missing)!r}; the node of an item is its raw id", code=3)  # fmt: skip
    others = np.sort(child[~np.isin(child.astype(str), raw.astype(str))].astype(str)).astype(object)
    names = np.concatenate([raw, others])
    number = pd.Series(np.arange(len(names)), names)
    place = pd.Series(above, child).reindex(names)
    parent = number.reindex(place.to_numpy()).fillna(-1).to_numpy(np.int64)
    if (lost := (parent < 0) & (place != "").to_numpy()).any():
        raise UserError(f"{dataset.name}: the parent of {int(lost.sum()):,} nodes of table 'tree' is no node, such as "
                        f"{place[lost].iloc[0]!r}", code=3)  # fmt: skip
    draw("tree", digest([names.tolist(), parent.tolist()]))
    return ItemTree(parent, names)


def words_of_nodes(dataset: Dataset, tree: ItemTree, dim: int, seed: int) -> np.ndarray:
    """(n, dim) float32 unit rows: truncated SVD of the sublinear TF-IDF of the words of all nodes, those of items their
    text, as kind text has it, those of other nodes the last part of their name. Zero rows for nodes without words.
    UserError where no item has text."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    others = pd.Series(tree.names[dataset.n_items :], dtype=object).str.removesuffix(SLASH)
    texts = [*documents(dataset), *path_words(others.str.rpartition(SLASH)[2])]
    matrix = TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(texts)
    return truncated_svd(matrix, dim, seed)[1:]


class NodeVectors(nn.Module):
    """h (n, D) of the nodes of a tree by layers of attention, from word vectors (n, F) that stay as they are."""

    def __init__(self, words: np.ndarray, tree: ItemTree, width: int, layers: int):
        super().__init__()
        self.register_buffer("words", torch.from_numpy(words), persistent=False)
        self.attention = TreeAttention(tree_matrix(tree.parent), words.shape[1], width, layers)

    def forward(self) -> Tensor:
        return self.attention(self.words)

"""Weighted graphs of items, (I+1, I+1) with an empty row 0: how often two items have the same users, and sums of such
graphs of which each item keeps its strongest edges.
"""
import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags_array

from workbench.data import Split
from workbench.data.links.rewiring import rewired_edges
from workbench.recommenders.graphs.over_lightgcn import train_pairs


def co_occurrence(split: Split) -> csr_matrix:
    """c_ij / sqrt(c_i c_j) of items i and j, c_i users who have i in train and c_ij those who have both, over the
    largest of row i, so that each item's strongest edge weighs 1; none of an item with itself."""
    users, items = train_pairs(split)
    has = csr_matrix((np.ones(len(users)), (users, items)), (split.n_users, split.n_items + 1))
    root = np.sqrt(np.maximum(np.bincount(items, minlength=split.n_items + 1), 1))
    scale = diags_array(1 / root)
    found = csr_matrix(scale @ (has.T @ has) @ scale)
    found.setdiag(0)
    found.eliminate_zeros()
    largest = found.max(1).toarray().ravel()
    return csr_matrix(diags_array(1 / np.where(largest > 0, largest, 1)) @ found)


def strongest(graph: csr_matrix, k: int) -> csr_matrix:
    """The k largest entries of each row, the lower column where two are equal."""
    graph = graph.tocoo()
    order = np.lexsort((graph.col, -graph.data, graph.row))
    rows = graph.row[order]
    order = order[np.arange(len(rows)) - np.searchsorted(rows, rows) < k]
    return csr_matrix((graph.data[order], (graph.row[order], graph.col[order])), graph.shape)


def infused(graph: csr_matrix, other: csr_matrix, alpha: float, k: int) -> csr_matrix:
    """The k strongest edges of each item in graph + alpha other: edges of both are heavier, and edges of the other take
    the place of weaker ones. With alpha = 0 the k strongest of the graph."""
    return strongest(csr_matrix(graph + alpha * other) if alpha else graph, k)


def rewired_graph(graph: csr_matrix, rng: np.random.Generator) -> csr_matrix:
    """The graph with other ends: each item has as many edges out, with the same weights, and as many in as before; none
    leads to itself."""
    graph = coo_matrix(graph)
    columns = rewired_edges(graph.row, graph.col, rng, self_links=False)
    return csr_matrix((graph.data, (graph.row, columns)), graph.shape)

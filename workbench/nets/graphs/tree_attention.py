"""Attention over a tree: every node looks at its parent, its children and itself, by sparse products alone.

The layers are those of Graph Attention Networks (arXiv:1710.10903, equations 1 to 4, one head) over the edges between
children and parents, each added to what it read.
"""
import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import coo_matrix, csr_matrix
from torch import Tensor, nn

from workbench.nets.propagation import Edges

SLOPE, GAIN = 0.2, 1.414  # of the leaky ReLU, and of the start weights, as in graph attention


def tree_matrix(parent: np.ndarray) -> csr_matrix:
    """(n, n) with an entry for every node and itself, its parent and its children. parent: (n,) node ids, -1 of a root.

    >>> tree_matrix(np.array([-1, 0])).toarray().tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    child, n = np.flatnonzero(parent >= 0), len(parent)
    ends = np.concatenate([child, parent[child], np.arange(n)]), np.concatenate([parent[child], child, np.arange(n)])
    matrix = coo_matrix((np.ones(len(ends[0])), ends), shape=(n, n)).tocsr()
    matrix.data[:] = 1.0  # a node that is its own parent is one entry
    return matrix


class TreeAttention(nn.Module):
    """Features x (n, F) of the nodes of a tree to vectors (n, D).

    h_0 = W x;  h_l = h_{l-1} + ELU(sum over j of w_ij v_j),  v = V_l h_{l-1},  w_ij = softmax_j LeakyReLU(a_l . v_i +
    b_l . v_j), j the node itself, its parent and its children. With no edges but those of a node to itself a vector
    depends on nothing else; with layers = 0 it is W x. matrix: (n, n) which nodes look at which, as of `tree_matrix`.
    """

    def __init__(self, matrix: csr_matrix, features: int, width: int, layers: int):
        super().__init__()
        self.edges = Edges(matrix)
        self.project = nn.Linear(features, width, bias=False)
        self.layers = nn.ModuleList(AttentionLayer(width) for _ in range(layers))
        nn.init.xavier_uniform_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.project(x)
        for layer in self.layers:
            h = h + F.elu(layer(self.edges, h))
        return h


class AttentionLayer(nn.Module):
    """h (n, D) of the nodes of a graph to the attended means (n, D) of the neighbours that its edges name."""

    def __init__(self, width: int):
        super().__init__()
        self.value = nn.Linear(width, width, bias=False)
        self.of_node, self.of_neighbour = nn.Parameter(torch.empty(width, 1)), nn.Parameter(torch.empty(width, 1))
        for weight in (self.value.weight, self.of_node, self.of_neighbour):
            nn.init.xavier_uniform_(weight, gain=GAIN)

    def forward(self, edges: Edges, h: Tensor) -> Tensor:
        values = self.value(h)
        return edges(values, attention_weights(edges, values @ self.of_node, values @ self.of_neighbour))


def attention_weights(edges: Edges, of_node: Tensor, of_neighbour: Tensor) -> Tensor:
    """(E,) weights in the order of the edges, that sum to 1 for each node: softmax over its neighbours of
    LeakyReLU(of_node + of_neighbour), (n, 1) each."""
    row, column = edges.row.long(), edges.column.long()
    logits = F.leaky_relu(of_node[row, 0] + of_neighbour[column, 0], SLOPE)
    highest = torch.full_like(of_node[:, 0], -torch.inf).scatter_reduce(0, row, logits.detach(), "amax")
    weights = (logits - highest[row]).exp()  # so that no exponential overflows
    totals = edges(torch.ones_like(of_neighbour), weights)  # a product, whose gradient is exact and in a fixed order
    return weights / totals[row, 0]

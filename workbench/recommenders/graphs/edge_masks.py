"""Edges of an undirected graph that are left out: both directions together, and the others weighed by what is left."""
import numpy as np
import torch
from torch import Tensor

from workbench.nets.propagation import Edges


def pair_numbers(edges: Edges) -> tuple[Tensor, int]:
    """(E,) int64, of each entry of a symmetric matrix the number of its pair, the same both ways; and their count P."""
    row, column = edges.row.cpu().numpy().astype(np.int64), edges.column.cpu().numpy()
    ends = np.minimum(row, column) * edges.shape[0] + np.maximum(row, column)
    pairs, number = np.unique(ends, return_inverse=True)
    return torch.from_numpy(number.ravel()), len(pairs)


def kept_values(edges: Edges, kept: Tensor) -> Tensor:
    """(E,) float32 values 1 / sqrt(d_i d_j) of the entries that are kept (E,), d the degrees of what is kept; 0 at the
    others, which have no influence, on the degrees neither: what is left is the graph that never had them."""
    kept = kept.to(edges.values.dtype)
    degrees = kept.new_zeros(edges.shape[0]).index_add_(0, edges.row, kept)
    scale = degrees.clamp_min(1).rsqrt()
    return kept * scale[edges.row] * scale[edges.column]

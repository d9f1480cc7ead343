"""Contrast of two views of a graph's nodes, among the users and among the items of a batch."""
from torch import Tensor

from workbench.losses.contrast import info_nce
from workbench.recommenders.graphs.propagated import Vectors
from workbench.recommenders.triples import Triples


def contrast_of_batch(vectors: Vectors, view: Tensor, triples: Triples, tau: float) -> Tensor:
    """InfoNCE of the users of a batch, plus that of the items they have, each once: what is scored against another view
    of the same nodes (N, D), by cosines / tau. The other rows of the batch are the negatives."""
    sides = view.split([len(vectors.user), len(vectors.item)])
    nodes = zip((vectors.user, vectors.item), sides, (triples.users.unique(), triples.items.unique()))
    return sum(info_nce(one[ids], other[ids], tau) for one, other, ids in nodes)

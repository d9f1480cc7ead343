"""One test case under the glass: how far the answer lies from the last item in the train graph, and by which way."""
import numpy as np
from scipy.sparse import csr_matrix


def path(follows: csr_matrix, source: int, target: int, *, depth: int = 3) -> list[int]:
    """The items of a shortest way along directed edges from source to target, both included; [] where none of at most
    `depth` edges leads there. Of several shortest ways the one whose rarest edge is the most frequent, then that
    through lower ids.

    follows: (I+1, I+1) counts of transitions. A way starts with an edge: from an item to itself it is a loop or a
    round trip.
    """
    widest, layers = {source: np.inf}, []
    for _ in range(depth):
        reached = _step(follows, widest)
        layers.append(reached)
        if target in reached:
            return _back(layers, source, target)
        widest = {item: width for item, (width, _) in reached.items()}
    return []


def _step(follows: csr_matrix, widest: dict[int, float]) -> dict[int, tuple[float, int]]:
    """From items with the width of the way to each: those one edge on, with width and the item before."""
    items = np.array(sorted(widest))
    rows = follows[items]
    before = np.repeat(items, np.diff(rows.indptr))
    width = np.minimum(rows.data, np.repeat([widest[item] for item in items], np.diff(rows.indptr)))
    order = np.lexsort((before, -width, rows.indices))
    after, at = np.unique(rows.indices[order], return_index=True)
    best = order[at]
    return {int(item): (float(width[i]), int(before[i])) for item, i in zip(after, best)}


def _back(layers: list[dict[int, tuple[float, int]]], source: int, target: int) -> list[int]:
    way = [target]
    for layer in reversed(layers):
        way.append(layer[way[-1]][1])
    return way[::-1]

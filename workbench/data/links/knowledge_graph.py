"""A knowledge graph as integer arrays: the table `relations` of a dataset in both directions, by head (CSR)."""
import hashlib
import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data.links.rewiring import rewired_edges
from workbench.data.schema import Dataset
from workbench.data.tables import required_table
from workbench.errors import UserError
from workbench.stages import draw

log = logging.getLogger("workbench")


class Triples(NamedTuple):
    """heads, relations, tails: (N,) int64, one link each; entities are 1..n_entities, of which 1..n_items are the
    items, relations 0..n_relations-1."""

    heads: np.ndarray
    relations: np.ndarray
    tails: np.ndarray
    n_items: int
    n_entities: int
    n_relations: int


class KnowledgeGraph(NamedTuple):
    """Every link in both directions, sorted by head, tail and relation, so that the order of a table's rows is lost.

    offsets: (E+2,) int64, the links of entity e are offsets[e]..offsets[e+1]; entity 0 is padding and has none. heads,
    relations, tails: (N,) int64, N twice the number of links; relation r + R is r from tail to head. n_items: I.
    n_entities: E. n_relations: R of the table.
    """

    offsets: np.ndarray
    heads: np.ndarray
    relations: np.ndarray
    tails: np.ndarray
    n_items: int
    n_entities: int
    n_relations: int

    @property
    def unlinked(self) -> np.ndarray:
        """(n,) the items without a link, ascending."""
        return 1 + np.flatnonzero(np.diff(self.offsets)[1 : self.n_items + 1] == 0)


def item_relations(dataset: Dataset, *, rewired: np.random.Generator | None = None) -> KnowledgeGraph:
    """The knowledge graph of a dataset's items: `item_triples` in both directions."""
    return both_directions(item_triples(dataset, rewired=rewired))


def item_triples(dataset: Dataset, *, rewired: np.random.Generator | None = None) -> Triples:
    """The triples of a dataset's items, which become part of the key of what is built with them.

    rewired: a generator with which tails are permuted within each relation, as a placebo. Items without a link are
    counted in the log; they stay entities of the graph, without a neighbour. UserError (code 3) where the dataset has
    no table `relations`, with the datasets that have one, or where none of its links is of an item.
    """
    triples = read_triples(dataset)
    linked = np.union1d(triples.heads, triples.tails)
    unlinked = dataset.n_items - int((linked <= dataset.n_items).sum())
    if unlinked == dataset.n_items:
        raise UserError(f"{dataset.name}: no item is in any of the {len(triples.heads):,} rows of relations", code=3)
    log.info("%s: %d of %d items have no link in the knowledge graph; they have no neighbour in it and are learned "
             "from interactions alone", dataset.name, unlinked, dataset.n_items)  # fmt: skip
    return rewired_triples(triples, rewired) if rewired else triples


def read_triples(dataset: Dataset) -> Triples:
    """The table `relations`, its relations numbered in alphabetical order. UserError (code 3) where there is none."""
    table = required_table(dataset, "relations")
    heads, tails = (table[column].to_numpy(np.int64) for column in ("head", "tail"))
    names = table["relation"].astype("string").fillna("")
    kinds, relations = np.unique(names.to_numpy(object).astype(str), return_inverse=True)
    draw("relations", _digest(heads, relations, tails))
    most = max(dataset.n_items, int(heads.max(initial=0)), int(tails.max(initial=0)))
    return Triples(heads, relations.astype(np.int64), tails, dataset.n_items, most, max(1, len(kinds)))


def _digest(*arrays: np.ndarray) -> str:
    content = hashlib.sha256()
    for array in arrays:
        content.update(np.ascontiguousarray(array, np.int64))
    return content.hexdigest()


def rewired_triples(triples: Triples, rng: np.random.Generator) -> Triples:
    """The same heads, relations and tails, the tails permuted among the links of each relation, so that an entity is
    head and tail of as many links of a relation as before. The order of the triples does not matter."""
    order = np.lexsort((triples.tails, triples.heads, triples.relations))
    heads, relations, tails = (array[order] for array in triples[:3])
    tails = rewired_edges(heads, tails, rng, groups=relations, self_links=False)
    return triples._replace(heads=heads, relations=relations, tails=tails)


def both_directions(triples: Triples) -> KnowledgeGraph:
    """The graph of distinct links, without those of an entity with itself."""
    heads, relations, tails, n_items, n_entities, n = triples
    table = pd.DataFrame({"head": heads, "relation": relations, "tail": tails}).drop_duplicates()
    heads, relations, tails = (column.to_numpy(np.int64) for _, column in table[table["head"] != table["tail"]].items())
    both = (np.append(heads, tails), np.append(relations, relations + n), np.append(tails, heads))
    order = np.lexsort((both[1], both[2], both[0]))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(both[0], minlength=n_entities + 1))])
    return KnowledgeGraph(offsets, *(array[order] for array in both), n_items, n_entities, n)


def item_entity_rows(graph: KnowledgeGraph, *, least: int = 1) -> tuple[csr_matrix, np.ndarray]:
    """(I+1, C) binary CSR of the entities that each item is linked to in either direction, row 0 empty, and the (C,)
    ids of these entities, ascending. least: items that an entity must be linked to, to have a column."""
    own = graph.heads <= graph.n_items
    shape = (graph.n_items + 1, graph.n_entities + 1)
    rows = csr_matrix((np.ones(own.sum(), np.float32), (graph.heads[own], graph.tails[own])), shape=shape)
    rows.data[:] = 1  # two relations between the same two are one link here
    columns = np.flatnonzero(np.bincount(rows.indices, minlength=shape[1]) >= max(1, least))
    return rows[:, columns].sorted_indices(), columns


def with_users(triples: Triples, users: np.ndarray, items: np.ndarray, n_users: int) -> Triples:
    """The triples and one more relation, the last, from users to the items (N,) that they have: users (N,) are entities
    too, user u the entity n_entities + 1 + u of the triples given."""
    first, n = triples.n_entities + 1, len(users)
    heads = np.concatenate([triples.heads, first + np.asarray(users, np.int64)])
    relations = np.concatenate([triples.relations, np.full(n, triples.n_relations)])
    tails = np.concatenate([triples.tails, np.asarray(items, np.int64)])
    n_entities = triples.n_entities + n_users
    return Triples(heads, relations, tails, triples.n_items, n_entities, triples.n_relations + 1)

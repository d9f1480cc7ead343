"""The parts of a recommender of bags, which systems that add to it share: its knowledge, its network, its recipe."""
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data.dialogues.mentions import Mentions, read_mentions
from workbench.data.links.knowledge_graph import both_directions, item_triples
from workbench.errors import UserError
from workbench.nets.dialogues.entity_bag import EntityBag, knowledge_vectors
from workbench.train import Recipe

BAG_RECIPE = Recipe(
    epochs=100, batch_size=32, lr=1e-3, patience=10, weight_decay=0.1, sizes={"small": {"patience": 8}},
)  # fmt: skip


class BagParts(NamedTuple):
    """module: before training. mentions: of its dataset."""

    module: EntityBag
    mentions: Mentions


def bag_parts(bench: Any, system: str, *, width: int, hidden: int, rewired: bool) -> BagParts:
    """An `EntityBag` over the knowledge graph of a bench, with `rewired` one whose tails are permuted within each
    relation. UserError for sizes below 1, or a dataset without relations or mentions."""
    if min(width, hidden) < 1:
        raise UserError(f"{system}: {width=} and {hidden=} must be 1 or more")
    triples = item_triples(bench.dataset, rewired=bench.rng("rewired links") if rewired else None)
    mentions, graph = read_mentions(bench.dataset, triples.n_entities), both_directions(triples)
    n = graph.n_entities + 1
    links = csr_matrix((np.ones(len(graph.heads)), (graph.heads, graph.tails)), shape=(n, n))
    knowledge = knowledge_vectors(links, width, bench.rng("knowledge vectors"))
    with bench.init():
        return BagParts(EntityBag(knowledge, bench.split.train_counts(), hidden=hidden), mentions)

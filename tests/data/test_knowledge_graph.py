"""Knowledge graphs as arrays: both directions by hand, other orders of rows, rewired links, items without a link."""
import logging

import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets
from workbench.data.links.knowledge_graph import (
    Triples,
    both_directions,
    item_entity_rows,
    item_relations,
    item_triples,
    read_triples,
    rewired_triples,
    with_users,
)
from workbench.data.schema import assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError

EVENTS = pd.DataFrame({"user": [1, 1, 2, 2], "item": ["a", "b", "c", "d"], "timestamp": [1, 2, 3, 4]})
TABLE = pd.DataFrame({
    "head": ["a", "b", "b", "x", "c", "c"], "relation": ["of", "of", "of", "in", "by", "by"],
    "tail": ["x", "x", "x", "y", "c", "b"],
})  # fmt: skip


def dataset(table: pd.DataFrame | None = TABLE):
    plain = assemble("small", EVENTS)
    return plain if table is None else attach_tables(plain, {"relations": table})


def named_links(data) -> set[tuple[str, int, str]]:
    """Every link of the graph with the names of its ends."""
    graph, names = item_relations(data), dict(data.items["raw_id"])
    entities = data.tables["relations"][["head", "tail"]].to_numpy()
    others = sorted(set(entities.ravel().tolist()) - set(names))
    names |= dict(zip(others, ("x", "y") if named_first(data) else ("y", "x")))
    return {(names[h], r, names[t]) for h, r, t in zip(graph.heads, graph.relations, graph.tails)}


def named_first(data) -> bool:
    """Whether entity x is numbered before y: two links lead to it from items."""
    table = data.tables["relations"]
    return table.loc[table["relation"] == "of", "tail"].iloc[0] < table.loc[table["relation"] == "in", "tail"].iloc[0]


def test_both_directions_by_hand():
    """Relations by 0, in 1, of 2; a repeated link counts once, c by c not at all."""
    expected = {("a", 2, "x"), ("b", 2, "x"), ("x", 1, "y"), ("c", 0, "b")}
    assert named_links(dataset()) == expected | {(tail, relation + 3, head) for head, relation, tail in expected}


def test_links_lie_by_head_tail_and_relation():
    graph = item_relations(dataset())
    assert len(graph.offsets) == graph.n_entities + 2 == 8 and graph.offsets[1] == 0, "entity 0 has none"
    assert np.array_equal(np.repeat(np.arange(len(graph.offsets) - 1), np.diff(graph.offsets)), graph.heads)
    order = np.lexsort((graph.relations, graph.tails, graph.heads))
    assert np.array_equal(order, np.arange(len(order)))


def test_the_order_of_rows_does_not_matter():
    shuffled = dataset(TABLE.sample(frac=1, random_state=1))
    for one, other in zip(item_relations(dataset()), item_relations(shuffled), strict=True):
        assert np.array_equal(one, other)
    rewired = [item_relations(data, rewired=np.random.default_rng(0)) for data in (dataset(), shuffled)]
    assert all(np.array_equal(one, other) for one, other in zip(*rewired))


def test_items_without_a_link_are_counted_and_stay(caplog):
    with caplog.at_level(logging.INFO, "workbench"):
        graph = item_relations(dataset())
    assert "small: 1 of 4 items have no link in the knowledge graph" in caplog.text
    data = dataset()
    assert data.items["raw_id"][graph.unlinked].tolist() == ["d"] and graph.n_items == 4


def test_a_dataset_without_relations_is_refused_with_those_that_have_them():
    with pytest.raises(UserError, match="bundled with grocery, lastfm, .*synthetic-relations") as error:
        item_relations(dataset(None))
    assert error.value.code == 3


def test_relations_that_are_about_no_item_are_refused():
    data = dataset(pd.DataFrame({"head": ["x"], "relation": "of", "tail": ["y"]}))
    with pytest.raises(UserError, match="no item is in any of the 1 rows of relations"):
        item_triples(data)


@pytest.fixture(scope="module")
def world():
    return datasets.load("synthetic-relations", users=50)


def test_rewired_links_keep_the_degrees_of_each_relation(world):
    triples = read_triples(world)
    rewired = rewired_triples(triples, np.random.default_rng(0))
    n = triples.n_entities + 1
    for ends, others in ((triples.heads, rewired.heads), (triples.tails, rewired.tails)):
        counts = [np.bincount(relation * n + end) for relation, end in
                  ((triples.relations, ends), (rewired.relations, others))]  # fmt: skip
        assert np.array_equal(*counts)
    keys = [(t.heads * n + t.tails) * triples.n_relations + t.relations for t in (triples, rewired)]
    assert np.isin(*keys).mean() < 0.2, "links by chance alone"


def test_rows_of_items_and_entities(world):
    graph = item_relations(world)
    rows, columns = item_entity_rows(graph)
    own = graph.heads <= graph.n_items
    assert rows.shape == (world.n_items + 1, len(columns)) and set(np.unique(rows.data)) == {1}
    item, entity = rows.nonzero()
    assert set(zip(item.tolist(), columns[entity].tolist())) == set(zip(graph.heads[own], graph.tails[own]))
    shared, kept = item_entity_rows(graph, least=20)
    assert set(kept) == set(columns[np.asarray(rows.sum(0)).ravel() >= 20]) and len(kept) < len(columns)
    assert np.array_equal(np.flatnonzero(np.diff(rows.indptr) == 0)[1:], graph.unlinked)
    assert shared.nnz < rows.nnz


def test_users_are_entities_after_all_others():
    triples = Triples(np.array([1]), np.array([0]), np.array([4]), 3, 4, 1)
    joined = with_users(triples, np.array([0, 0, 1]), np.array([1, 2, 3]), 2)
    assert (joined.n_items, joined.n_entities, joined.n_relations) == (3, 6, 2)
    graph = both_directions(joined)
    links = set(zip(graph.heads, graph.relations, graph.tails))
    assert links >= {(5, 1, 1), (5, 1, 2), (6, 1, 3), (1, 3, 5), (1, 0, 4)}

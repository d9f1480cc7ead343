"""Rebuilt links: no steps restore the graph, ranking by scores, relations of new links, how well links come back."""
import numpy as np
import pytest
import torch

from workbench.data import datasets
from workbench.data.links.knowledge_graph import Triples, both_directions, item_relations
from workbench.errors import UserError
from workbench.nets.rows.row_diffusion import RowDenoiser
from workbench.recommenders.knowledge.link_restoration import RECIPE, average_precision, link_restoration
from workbench.recommenders.knowledge.rebuilt_links import ItemRows, LinkDiffusion, RebuiltLinks, links_of
from workbench.train.recipe import change_recipe

# items 1..4, entities 5..7: item 1 has 5 and 6, 2 has 5, 3 has 6 and 7, 4 has 1 (an item) as tail; 7 has item 3 alone
TRIPLES = Triples(
    np.array([1, 1, 2, 6, 3, 4, 2]), np.array([0, 0, 0, 1, 0, 2, 2]), np.array([5, 6, 5, 3, 7, 1, 1]), 4, 7, 3
)  # fmt: skip


@pytest.fixture
def rows():
    return ItemRows(both_directions(TRIPLES))


@pytest.fixture(scope="module")
def world():
    return item_relations(datasets.load("synthetic-relations", users=60))


def test_rows_have_a_column_for_each_entity_of_two_items(rows):
    assert rows.columns.tolist() == [1, 5, 6] and rows.items.tolist() == [1, 2, 3, 4]
    assert rows.dense(np.arange(4)).tolist() == [[0, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert rows.relations.tolist() == [2, 0, 0], "item 3 is the tail of 6, item 1 its head: of equal numbers the first"


def test_the_highest_scores_are_chosen_and_no_item_by_itself(rows):
    rebuilt = RebuiltLinks(rows, 1)
    scores = torch.tensor([[9.0, 1, 2], [3, 1, 2], [0, 1, 0], [0, 0, 1]])
    rebuilt.choose(rebuilt.best(lambda places: scores[places]))
    assert rows.columns[rebuilt.chosen].tolist() == [6, 1, 5, 6], "item 1 scores itself highest"


def test_links_lead_both_ways_with_the_relation_of_their_entity(rows):
    graph = links_of(rows, np.array([1, 2]), np.array([2, 0]))
    assert set(zip(graph.heads, graph.relations, graph.tails)) == {(1, 0, 6), (6, 3, 1), (2, 2, 1), (1, 5, 2)}
    assert len(graph.offsets) == 9


def test_links_follow_what_is_chosen(rows):
    rebuilt = RebuiltLinks(rows, 1)
    before = rebuilt.links()
    assert rebuilt.links() is before, "made once"
    rebuilt.choose(np.array([2, 2, 1, 1]))
    assert rebuilt.links() is not before and 6 in rebuilt.links().tails[rebuilt.links().heads == 2]
    assert [name for name, _ in rebuilt.named_buffers()] == ["chosen"], "links are not saved, they follow"


def test_without_steps_the_links_are_restored(world):
    """As many entities an item as it has, taken by the restored rows: the graph of shared entities."""
    rows = ItemRows(world)
    diffusion = LinkDiffusion(rows, 0, torch.ones(world.n_items + 1, 1).numpy())
    rebuilt = RebuiltLinks(rows, 0)
    rebuilt.choose(rebuilt.best(lambda places: diffusion.restored(RowDenoiser(len(rows.columns)), places)))
    links, shared = rebuilt.links(), set(rows.columns)
    own = (world.heads <= world.n_items) & np.isin(world.tails, list(shared))
    given = set(zip(world.heads[own], world.tails[own]))
    assert set(zip(links.heads.tolist(), links.tails.tolist())) == given | {(b, a) for a, b in given}


def test_the_first_links_are_given_ones_of_the_most_items(rows):
    rebuilt = RebuiltLinks(rows, 1)
    rows_of = rows.dense(np.arange(4)).numpy()
    assert all(rows_of[place, column] for place, column in enumerate(rebuilt.chosen.tolist()))


def test_the_collaborative_part_reads_the_users_of_an_entity(rows):
    """Two users: the first has items 1 and 2, the second item 3. Entity 5 is of items 1 and 2, and so on."""
    users_of = np.zeros((5, 2), np.float32)
    users_of[[1, 2], 0] = users_of[3, 1] = 1
    diffusion = LinkDiffusion(rows, 1, users_of, collaboration=1.0)
    users, items = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [5.0], [6.0], [7.0], [8.0]])
    of_entities = torch.tensor([[0.5], [1.0], [2.0]])  # of 1: items 2 and 4, which no user has; of 5; of 6: items 1, 3
    known = torch.nn.Linear(3, 3)
    with torch.no_grad():
        known.weight.zero_(), known.bias.copy_(torch.tensor([2.0, 0.0, 1.0]))
    value = diffusion.loss(lambda x, t: known(x), np.array([0, 3]), users, items)
    read = (torch.tensor([[2.0, 0.0, 1.0]]) @ of_entities) / torch.tensor([[2.0], [1.0]])
    assert torch.allclose(value, (read - items[[1, 4]]).square().mean())
    value.backward()
    assert known.bias.grad.any()


def test_restoration_beats_the_popularity_of_entities(world):
    """Makers have themes of their own, so that one link of an item tells of another."""
    recipe = change_recipe(RECIPE, {"epochs": 60, "lr": 3e-3})
    result = link_restoration(world, recipe=recipe, seed=1)
    assert result.diffusion > 1.5 * result.popularity > 1.5 * result.chance
    assert result.items > 100 and result.links >= result.items


def test_without_steps_what_was_left_out_does_not_come_back(world):
    result = link_restoration(world, steps=0)
    assert result.diffusion < result.popularity, "all entities that an item is not linked to score the same"


def test_average_precision_by_hand():
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [1.0, 1.0, 1.0, 0.0]])
    known = np.array([[1, 0, 0, 0], [0, 0, 0, 0]], bool)
    wanted = np.array([[0, 0, 1, 1], [0, 0, 1, 0]], bool)
    assert average_precision(scores, known, wanted).tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1 / 3])


def test_nothing_to_rebuild_is_refused():
    single = Triples(np.array([1, 2]), np.array([0, 0]), np.array([3, 4]), 2, 4, 1)
    with pytest.raises(UserError, match="no two items are linked to the same entity"):
        ItemRows(both_directions(single))
    pair = Triples(np.array([1, 2]), np.array([0, 0]), np.array([3, 3]), 2, 3, 1)
    with pytest.raises(UserError, match="no item keeps a link and loses one of 2"):
        link_restoration(both_directions(pair))


def test_users_of_items_are_averaged(rows):
    users_of = np.array([[0, 0], [1, 1], [1, 0], [0, 0], [0, 1]], np.float32)
    diffusion = LinkDiffusion(rows, 1, users_of)
    assert np.allclose(diffusion.users_of.toarray(), normalise_rows(users_of[1:]))
    assert np.allclose(diffusion.items_of.toarray(), normalise_rows(rows.rows.toarray().T))


def normalise_rows(matrix: np.ndarray) -> np.ndarray:
    total = matrix.sum(1, keepdims=True)
    return np.divide(matrix, total, where=total > 0, out=np.zeros_like(matrix))

"""The world with planted relations: its links tell what users choose, its colours do not, and makers their themes."""
import numpy as np
import pytest

from workbench.data import datasets
from workbench.data.datasets.invented import synthetic_relations
from workbench.data.links.knowledge_graph import item_relations, read_triples
from workbench.errors import UserError


@pytest.fixture(scope="module")
def world():
    return datasets.load("synthetic-relations", users=1_500, mean_length=16.0)


def shared(world, relation: str) -> float:
    """How much more often two items of a user have the same entity by this relation than two of different users."""
    table = world.tables["relations"]
    own = table[(table["relation"] == relation) & (table["head"] <= world.n_items)].drop_duplicates("head")
    entity = np.full(world.n_items + 1, -1)
    entity[own["head"]] = own["tail"]
    events = world.interactions.sort_values("user")
    item, user = events["item"].to_numpy(), events["user"].to_numpy()
    other = np.random.default_rng(0).permutation(item)
    same = entity[item] == entity[np.roll(item, 1)]
    inside = (user == np.roll(user, 1)) & (item != np.roll(item, 1)) & (entity[item] > 0)
    return same[inside].mean() / (entity[item] == entity[other])[(entity[item] > 0) & (item != other)].mean()


def test_relations_tell_which_items_go_together(world):
    assert shared(world, "made by") > 2 and shared(world, "about") > 1.3
    assert shared(world, "coloured") == pytest.approx(1, abs=0.15), "colours mean nothing"


def test_a_maker_has_its_themes(world):
    table = world.tables["relations"]
    maker = table[table["relation"] == "made by"].set_index("head")["tail"]
    about = table[table["relation"] == "about"]
    pairs = np.unique(np.stack([maker[about["head"]], about["tail"]]), axis=1, return_counts=True)[1]
    assert np.sort(pairs)[::-1][: 3 * synthetic_relations.MAKERS].sum() > 0.6 * pairs.sum()


def test_items_are_chosen_once_and_some_have_no_link(world):
    assert not world.interactions.duplicated(["user", "item"]).any()
    assert 0.02 < len(item_relations(world).unlinked) / world.n_items < 0.09
    triples = read_triples(world)
    assert (np.minimum(triples.heads, triples.tails) > world.n_items).sum() == synthetic_relations.MAKERS


def test_a_seed_gives_the_same_world():
    one, again, other = (datasets.load("synthetic-relations", users=30, seed=seed) for seed in (1, 1, 2))
    assert one.interactions.equals(again.interactions) and not one.interactions.equals(other.interactions)
    assert one.tables["relations"].equals(again.tables["relations"])


@pytest.mark.parametrize("option", [{"users": 0}, {"items": 49}, {"mean_length": 2}])
def test_bad_options(option):
    with pytest.raises(UserError, match=f"synthetic-relations: {[*option][0]} must be at least"):
        datasets.load("synthetic-relations", **option)

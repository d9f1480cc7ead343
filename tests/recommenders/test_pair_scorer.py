"""Scores of pairs in a knowledge graph: a pair's own link is unread, unknown users, other orders, what is saved."""
import numpy as np
import pytest
import torch

from workbench.data.links.knowledge_graph import Triples, both_directions, with_users
from workbench.recommenders.knowledge.pair_scorer import PairNetwork

KNOWLEDGE = Triples(np.array([1, 2, 2, 3, 4]), np.array([0, 0, 1, 0, 1]), np.array([5, 5, 6, 6, 6]), 4, 6, 2)
USERS, ITEMS, N_USERS = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 2, 2, 3, 3, 4]), 3


def network(users=USERS, items=ITEMS, *, neighbours: int = 0, triples: Triples = KNOWLEDGE, seed: int = 0, **settings):
    graph = both_directions(with_users(triples, users, items, N_USERS))
    torch.manual_seed(seed)
    return PairNetwork(graph, N_USERS, width=4, neighbours=neighbours, **settings).eval()


def score(module: PairNetwork, users: list[int], items: list[int]) -> torch.Tensor:
    return module.score(module.nodes(), torch.tensor(users), torch.tensor(items))


@pytest.mark.parametrize("conditioned", [True, False])
def test_a_pair_is_scored_as_if_it_had_no_link(conditioned):
    """User 1 has item 3. Its score is that of a graph in which this one link is missing."""
    kept = ~((USERS == 1) & (ITEMS == 3))
    whole, without = network(conditioned=conditioned), network(USERS[kept], ITEMS[kept], conditioned=conditioned)
    without.load_state_dict({name: value for name, value in whole.state_dict().items()
                             if name not in ("weights", "near")}, strict=False)  # fmt: skip
    without.refresh()
    assert torch.allclose(score(whole, [1], [3]), score(without, [1], [3]), atol=1e-6)
    assert not torch.allclose(score(whole, [0], [3]), score(without, [0], [3])), "of another pair it is read"


def test_the_only_link_of_an_item_leaves_it_without_neighbours():
    module = network(np.append(USERS, 0), np.append(ITEMS, 4), triples=KNOWLEDGE._replace(
        heads=KNOWLEDGE.heads[:4], relations=KNOWLEDGE.relations[:4], tails=KNOWLEDGE.tails[:4]))  # fmt: skip
    single = network(np.array([0, 1]), np.array([1, 4]), triples=KNOWLEDGE._replace(
        heads=KNOWLEDGE.heads[:4], relations=KNOWLEDGE.relations[:4], tails=KNOWLEDGE.tails[:4]))  # fmt: skip
    assert torch.isfinite(score(single, [1], [4])).all() and torch.isfinite(score(module, [0, 2], [4, 4])).all()
    score(single, [1], [4]).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in single.parameters() if p.grad is not None)


def test_scores_do_not_depend_on_the_other_pairs_or_on_the_order_of_links():
    module = network(neighbours=2)
    together = score(module, [0, 1, 2, 0], [3, 3, 1, 4])
    alone = torch.cat([score(module, [user], [item]) for user, item in ((0, 3), (1, 3), (2, 1), (0, 4))])
    assert torch.allclose(together, alone, atol=1e-6)
    order, other = (np.random.default_rng(1).permutation(n) for n in (len(KNOWLEDGE.heads), len(USERS)))
    shuffled = KNOWLEDGE._replace(**{name: getattr(KNOWLEDGE, name)[order] for name in ("heads", "relations", "tails")})
    again = network(USERS[other], ITEMS[other], neighbours=2, triples=shuffled)
    assert torch.equal(score(again, [0, 1, 2, 0], [3, 3, 1, 4]), together)


def test_the_strongest_links_are_kept_by_attention():
    module = network(neighbours=2)
    for node in range(len(module.links.offsets) - 1):
        own = slice(*module.links.offsets[node : node + 2])
        best = module.links.tails[own][module.weights[own].argsort(descending=True)[:2]]
        near = module.near[slice(*module.near_offsets[node : node + 2])]
        assert sorted(near.tolist()) == sorted(best.tolist())


def test_an_unknown_user_is_a_node_without_links():
    module = network()
    found = score(module, [-1, N_USERS, 99], [2, 2, 2])
    assert torch.equal(found, found[:1].expand(3)) and torch.isfinite(found).all()
    assert not torch.allclose(found[0], score(module, [0], [2])[0])


@pytest.mark.parametrize("conditioned", [True, False])
def test_what_is_read_around_an_item_depends_on_the_pair_where_it_is_conditioned(conditioned):
    """Item 1 for users 1 and 2, who do not have it."""
    module, given = network(conditioned=conditioned), []
    with torch.no_grad():
        module.entity.weight.mul_(30)  # logits of both signs, so that the kink is reached
    module.towers[1].register_forward_hook(lambda tower, inputs, output: given.append(inputs[0]))
    score(module, [1, 2], [1, 1])
    [read] = given
    assert torch.allclose(read[0], read[1], atol=1e-5) != conditioned


def test_nodes_are_without_their_embedding_in_training_alone():
    module = network(dropout=0.5)
    assert torch.equal(score(module, [0], [3]), score(module, [0], [3]))
    module.train()
    assert not torch.equal(score(module, [0], [3]), score(module, [0], [3]))


def test_what_is_saved_scores_alike():
    module, other = network(neighbours=2), network(neighbours=2, seed=1)
    assert not torch.equal(score(other, [0], [3]), score(module, [0], [3]))
    other.load_state_dict(module.state_dict())
    assert torch.equal(score(other, [0], [3]), score(module, [0], [3]))

"""UNICORN: start embeddings are really loaded, the graph by hand, actions of both kinds, between the rules or above."""

import numpy as np
import pytest
import torch
from small_policies import HAS, measured, observe, small_bench
from toys import make_histories

from workbench.envs.conversation import YES
from workbench.errors import UserError
from workbench.nets.conversation.graph_values import GraphValues
from workbench.recommenders.conversation.graph_states import NUMBERS, GraphStates
from workbench.recommenders.conversation.node_vectors import node_vectors
from workbench.recommenders.conversation.weighted_asking import Asking, score_weights
from workbench.systems.conversational.unicorn import HOW


def test_start_embeddings_are_the_vectors_of_the_graph():
    bench = small_bench()
    policy = bench.build("unicorn", width=16)
    matrix = policy.worlds.attributes.matrix
    items, attributes = node_vectors(matrix, bench.split.train.without_last(1), 16, seed=bench.seed)
    loaded = policy.module.node.weight.detach().numpy()
    assert np.array_equal(loaded, np.concatenate([items, attributes]))
    assert np.linalg.norm(items[1:], axis=1).mean() == pytest.approx(1, rel=1e-5) and not items[0].any()
    others = {kind: bench.build("unicorn", width=16, vectors=kind).module.node.weight.detach().numpy()
              for kind in ("random", "permuted")}  # fmt: skip
    lengths = np.linalg.norm(loaded, axis=1)
    np.testing.assert_allclose(np.linalg.norm(others["random"], axis=1), lengths, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.sort(np.linalg.norm(others["permuted"], axis=1)), np.sort(lengths), atol=1e-6)
    assert all(not np.allclose(table, loaded) for table in others.values())


def test_vectors_are_near_where_the_graph_links_them():
    bench = small_bench()
    matrix = bench.build("unicorn", learnt=False).worlds.attributes.matrix
    for kind, apart in (("graph", True), ("permuted", False), ("random", False)):
        items, attributes = node_vectors(matrix, bench.split.train, 16, kind=kind)
        products, linked = items[1:] @ attributes.T, matrix[1:].toarray() > 0
        gap = products[linked].mean() - products[~linked].mean()
        assert (gap > 0.3) == apart and (apart or abs(gap) < 0.15), kind


def test_the_last_events_of_train_are_not_in_the_graph():
    """They are what is wanted in episodes of train."""
    histories = make_histories([1, 2], [3, 4])
    same = node_vectors(HAS, histories.without_last(1), 2, seed=1)
    again = node_vectors(HAS, make_histories([1, 5], [3, 2]).without_last(1), 2, seed=1)
    assert np.array_equal(same[0], again[0]) and np.array_equal(same[1], again[1])


def view(**changes):
    vectors = np.arange(12, dtype=np.float32).reshape(6, 2)
    return GraphStates(Asking(HAS, walk=False), vectors, **{"questions": 2, "k": 2, "patience": 4} | changes)


def test_the_state_by_hand():
    states = view()
    states.start(observe([1, 2, 3, 5]))
    first = states.state(observe([1, 2, 3, 5]))
    assert first["user"].tolist() == [[8, 9]], "the item that is no candidate"
    assert first["attributes"].shape == (1, 2) and set(first["attributes"][0].tolist()) <= {6, 7, 8}
    assert first["items"].tolist() == [[5, 3]] and first["accepted"].tolist() == [[0, 0, 0, 0]]
    assert first["scores"][0].tolist() == score_weights(observe([1, 2, 3, 5]))[0, [5, 3]].tolist()
    second = states.state(observe([1, 2, 5], turn=2, known=(1, 0, 0), outcome=YES))
    assert second["accepted"].tolist() == [[6, 0, 0, 0]] and 6 not in second["attributes"]
    links = second["links"][0]
    for place, node in enumerate([*second["attributes"][0].tolist(), 6]):
        assert links[place].tolist() == [bool(HAS[item, node - 6]) for item in second["items"][0].tolist()]
    assert not links[3:].any(), "no attribute was accepted later"
    last = states.state(observe([1, 2, 5], turn=4, known=(1, 0, 0)))
    assert last["attributes"].tolist() == [[0, 0]], "at the last turn an answer comes too late"


def test_actions_are_questions_and_lists():
    states = view()
    states.start(observe([1, 2, 3, 5]))
    first = states.state(observe([1, 2, 3, 5]))
    assert states.actions(np.array([1])).tolist() == [[int(first["attributes"][0, 1]) - 5, 0, 0]]
    assert states.actions(np.array([2])).tolist() == [[0, 5, 3]]
    assert states.actions(np.array([3])).tolist() == [[0, 3, 5]]


def network():
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    vectors[0] = 0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GraphValues(vectors, width=8, numbers=NUMBERS)


def test_the_graph_by_hand():
    states, net = view(), network()
    states.vectors = np.ones((6, 4), np.float32)
    states.start(observe([1, 2, 5]))
    states.state(observe([1, 2, 5]))
    state = states.state(observe([1, 2, 5], turn=2, known=(1, 0, 0)))
    nodes, edges = net.graph(state)
    assert nodes.shape == (1, 9, 4) and torch.equal(edges, edges.transpose(1, 2))
    assert torch.equal(nodes[0, 1], net.node.weight[6]) and torch.equal(nodes[0, 0], torch.ones(4))
    assert edges[0, 0].tolist() == [0, 1, 0, 0, 0, 0, 0, *state["scores"][0].tolist()]
    assert edges[0, 1].tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 1], "both items have the accepted attribute"


def test_values_do_not_depend_on_padding_or_on_the_order_of_what_was_accepted():
    states, net = view(), network()
    states.vectors = np.ones((6, 4), np.float32)
    states.start(observe([1, 2, 3, 5]))
    states.state(observe([1, 2, 3, 5]))
    state = states.state(observe([1, 2, 5], turn=2, known=(1, 0, 0)))
    state["accepted"] = torch.tensor([[6, 7, 0, 0]])
    state["links"][0, 2:4] = torch.tensor([[True, False], [True, True]])
    with torch.no_grad():
        values = net(state)
        turned = dict(state, accepted=torch.tensor([[0, 7, 6, 0]]), links=state["links"][:, [0, 1, 4, 3, 2, 5]])
        torch.testing.assert_close(net(turned), values)
        less = dict(state, accepted=torch.tensor([[6, 0, 0, 0]]))
        assert not torch.allclose(net(less), values)
        assert (net(dict(state, attributes=torch.zeros(1, 2, dtype=torch.int64)))[:, :2] == -torch.inf).all()


def test_exploration_goes_on_after_the_first_step():
    """The release divides by a constant that ends it at once."""
    chances = [HOW.exploration(epoch, 60) for epoch in range(60)]
    assert chances[0] == 0.9 and chances[1] > 0.8 and chances[12] > 0.3 and chances[-1] < 0.1


def test_it_is_above_the_worse_of_the_rules_that_bracket_it():
    learnt, asks, shows = (measured("unicorn", epochs=6, width=16), measured("greatest_entropy"),
                           measured("always_recommend"))  # fmt: skip
    assert learnt["success@15"].mean() > shows["success@15"].mean() + 0.1
    assert learnt["return"].mean() > min(asks["return"].mean(), shows["return"].mean()) + 0.1
    assert learnt["turns"].mean() < asks["turns"].mean() + 1


@pytest.mark.parametrize("changes, message", [
    ({"vectors": "transe"}, "vectors of unicorn 'transe'"), ({"questions": 0}, "questions=0"),
    ({"width": 7}, "width=7"),
])  # fmt: skip
def test_bad_settings(changes, message):
    with pytest.raises(UserError, match=message):
        small_bench().build("unicorn", **changes)

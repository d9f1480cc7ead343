"""Generative recommenders: from beams to top-k lists, code groups, likelihoods, saved states."""
from copy import deepcopy

import numpy as np
import pytest
import torch
from toys import NETS, make_histories, random_histories, raw_ids, toy_codes, toy_net, toy_recommender

from workbench.decode import expand_groups
from workbench.errors import UserError
from workbench.interfaces import Likelihood, Recommender, Scorer
from workbench.recommenders.generative import Generative
from workbench.tokens import item_codes

HISTORIES = random_histories(12, 24, longest=7, seed=1)


def groups_of(model, recommendations):
    return model.codes.trie.group[recommendations.items]


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("collide", [False, True])
def test_a_full_beam_is_the_exact_list(kind, collide):
    model = toy_recommender(kind, collide=collide)
    assert isinstance(model, Recommender) and isinstance(model, Scorer) and isinstance(model, Likelihood)
    lists, exact = model.recommend(HISTORIES, 24), model.recommend_exact(HISTORIES, 24)
    assert np.array_equal(lists.items, exact.items) and np.allclose(lists.scores, exact.scores, atol=1e-5)
    score = model.score(HISTORIES)
    assert score.shape == (12, 25) and (score[:, 0] == -np.inf).all() and score.dtype == np.float32
    assert np.allclose(np.take_along_axis(score, lists.items, 1), lists.scores, atol=1e-5)
    if not collide:
        assert lists.group is lists.group_size is exact.group is None
        return
    for one in (lists, exact):
        assert np.array_equal(one.group, groups_of(model, one))
        assert np.array_equal(one.group_size, model.codes.trie.group_size[one.group])


def test_items_of_a_group_are_adjacent_and_sorted_by_id():
    model = toy_recommender()
    lists = model.recommend(HISTORIES, 24)
    for items, group in zip(lists.items.tolist(), lists.group.tolist()):
        starts = [at for at in range(24) if at == 0 or group[at] != group[at - 1]]
        assert len(starts) == len(set(group)), "no group appears twice"
        for start, end in zip(starts, starts[1:] + [24]):
            assert items[start:end] == model.codes.trie.items(3, group[start]).tolist()


def test_a_shorter_list_cuts_the_last_group():
    model = toy_recommender()
    longer = model.recommend(HISTORIES, 24)
    for k in range(1, 24):
        lists = model.recommend(HISTORIES, k)
        assert np.array_equal(lists.items, longer.items[:, :k])
        assert np.array_equal(lists.group_size, longer.group_size[:, :k]), "the size of the whole group"


@pytest.mark.parametrize("kind", NETS)
def test_only_the_last_events_are_read_and_an_empty_history_is_allowed(kind):
    model = toy_recommender(kind)
    long = make_histories([9, 9, 9, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [], [5, 4, 3, 2, 1])
    lists = model.recommend(long, 10)
    assert np.array_equal(lists.items[0], lists.items[1]) and np.allclose(lists.scores[0], lists.scores[1], atol=1e-6)
    assert not np.allclose(lists.scores[1], lists.scores[3], atol=1e-2)
    alone = model.recommend(make_histories([]), 10)
    assert np.array_equal(alone.items[0], lists.items[2]) and np.isfinite(alone.scores).all()
    assert np.allclose(model.score(long)[2], model.score(make_histories([]))[0], atol=1e-5)


def test_more_histories_than_one_decoding_batch():
    model = toy_recommender(beam=6)
    many = random_histories(150, 24, seed=5)
    lists = model.recommend(many, 5, many.last(2))
    for row in (0, 63, 64, 149):
        alone = model.recommend(many.take([row]), 5, many.take([row]).last(2))
        assert np.array_equal(alone.items[0], lists.items[row]) and np.allclose(alone.scores[0], lists.scores[row])


def test_invalid_requests_are_errors():
    model = toy_recommender(beam=10)
    with pytest.raises(UserError, match="k=11: a beam of 10 cannot fill a longer list; build with beam=11 or more"):
        model.recommend(HISTORIES, 11)
    with pytest.raises(UserError, match="k=0: the catalogue has 24 items"):
        model.recommend(HISTORIES, 0)
    with pytest.raises(UserError, match="k=30: the catalogue has 24 items"):
        toy_recommender(beam=60).recommend(HISTORIES, 30)
    with pytest.raises(UserError, match="k=30: the catalogue has 24 items"):
        toy_recommender(beam=60).recommend_exact(HISTORIES, 30)
    with pytest.raises(UserError, match="k=5: the beam and the excluded items leave fewer than k items"):
        model.recommend(make_histories([1]), 5, make_histories(list(range(1, 21))))
    for item in (0, 25):
        with pytest.raises(UserError, match="ids go from 1 to 24"):
            model.log_prob(make_histories([1]), np.array([[item]]))


@pytest.mark.parametrize("kind", NETS)
def test_an_empty_batch(kind):
    model, empty = toy_recommender(kind), HISTORIES.take([])
    assert model.recommend(empty, 5).items.shape == model.log_prob(empty, np.zeros((0, 5), int)).shape == (0, 5)
    assert model.score(empty).shape == (0, 25)


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("collide", [False, True])
def test_the_probability_of_a_group_is_shared_evenly(kind, collide):
    model = toy_recommender(kind, collide=collide)
    items = np.random.default_rng(0).integers(1, 25, (12, 9))
    size = model.codes.trie.group_size[model.codes.trie.group[items]]
    expected = np.take_along_axis(model.score(HISTORIES), items, 1) - np.log(size)
    assert np.allclose(model.log_prob(HISTORIES, items), expected, atol=1e-5) and (size > 1).any() == collide
    every = model.log_prob(HISTORIES, np.tile(np.arange(1, 25), (12, 1)))
    assert (np.exp(every).sum(1) < 1).all(), "the remaining probability is on codes that no item has"


def test_if_all_codes_are_items_probabilities_sum_to_one():
    codes = np.column_stack(np.unravel_index(np.arange(60), (3, 4, 5)))
    codes = np.concatenate([codes, codes[:20]])
    model = Generative(toy_net(), item_codes(codes, (3, 4, 5), raw_ids(80)), beam=5, max_length=5, all_positions=True)
    every = model.log_prob(HISTORIES, np.tile(np.arange(1, 81), (12, 1)))
    assert np.exp(every).sum(1) == pytest.approx(np.ones(12), abs=1e-5)


@pytest.mark.parametrize("method", ["recommend", "recommend_exact"])
def test_excluded_items_are_removed_from_their_groups(method):
    model = toy_recommender()
    rng = np.random.default_rng(0)
    banned = make_histories(*[rng.integers(1, 25, rng.integers(0, 9)).tolist() for _ in range(12)])
    lists = getattr(model, method)(HISTORIES, 14, banned)
    full = model.recommend(HISTORIES, 24)
    shrunk = 0
    for row in range(12):
        gone = set(banned.row(row).tolist())
        assert lists.items[row].tolist() == [item for item in full.items[row].tolist() if item not in gone][:14]
        for group, size in zip(lists.group[row], lists.group_size[row]):
            members = set(model.codes.trie.items(3, group).tolist())
            assert size == len(members - gone)
            shrunk += size < len(members)
    assert shrunk, "the test needs a group that lost a member"


def test_ties_are_in_the_order_of_ids():
    codes = item_codes(np.array([[2], [0], [1], [0]]), (3,), raw_ids(4))
    lists = expand_groups(codes, np.array([[2, 1, 0]]), np.array([[-1.0, -1.0, -1.0]]), 4)
    assert lists.items.tolist() == [[1, 2, 4, 3]] and lists.group_size.tolist() == [[1, 2, 2, 1]]
    empty = expand_groups(codes, np.array([[0, 1, -1]]), np.array([[-1.0, -2.0, -np.inf]]), 3)
    assert empty.items.tolist() == [[2, 4, 3]]


@pytest.mark.parametrize("length", [2, 3, 6])
def test_prefixes_equal_a_naive_loop(length):
    histories = random_histories(40, 24, longest=9, seed=3)
    expected, users = [], []
    for row in range(len(histories)):
        items = histories.row(row).tolist()
        for end in range(2, len(items) + 1):
            expected.append(items[:end][-length:])
            users.append(row)
    prefixes = histories.prefixes(length)
    assert [prefixes.row(at).tolist() for at in range(len(prefixes))] == expected
    assert prefixes.users.tolist() == users and {1, 2, 9} <= set(histories.lengths.tolist())


def test_a_saved_state_includes_the_codes():
    model = toy_recommender(seed=0)
    other = Generative(toy_net(seed=7), toy_codes(seed=1), beam=60, max_length=5, all_positions=True)
    assert not np.array_equal(model.codes.codes, other.codes.codes)
    other.load_state(model.state())
    assert np.array_equal(other.codes.codes, model.codes.codes) and other.codes.version == 1
    a, b = model.recommend(HISTORIES, 20), other.recommend(HISTORIES, 20)
    assert all(np.array_equal(x, y) for x, y in zip(a, b))
    same = toy_recommender(seed=0)
    same.load_state(model.state())
    assert same.codes.version == 0, "equal codes are not a new version"


def test_codes_are_read_from_the_network_and_kept_until_it_holds_others():
    model, other = toy_recommender(seed=0), toy_recommender(seed=1)
    first, rows = model.codes, model.code_buffer.read().item_rows
    model.module.item_codes.copy_(model.module.item_codes.clone())
    assert model.codes is first and model.codes.version == 0, "written to, but the same"
    model.module.load_state_dict(model.module.state_dict() | {"item_codes": other.module.item_codes})
    assert np.array_equal(model.codes.codes, other.codes.codes) and model.codes.version == 1
    assert model.codes is model.codes and not torch.equal(model.code_buffer.read().item_rows, rows)
    other.module.load_state_dict(model.module.state_dict())
    assert np.array_equal(model.recommend(HISTORIES, 10).items, other.recommend(HISTORIES, 10).items)
    twin = deepcopy(model)
    twin.code_buffer.write(first)
    assert np.array_equal(twin.codes.codes, first.codes) and not np.array_equal(model.codes.codes, first.codes)


def test_codes_that_the_network_cannot_embed_are_an_error_and_change_nothing():
    codes = toy_codes(collide=False)
    net = toy_net(prefixes=codes.prefix_counts)
    model = Generative(net, codes, beam=5, max_length=5, all_positions=True)
    for other in (toy_codes(seed=1), item_codes(codes.codes[1:], (3, 4, 6), codes.raw_ids)):
        with pytest.raises(UserError, match="prefixes=False if codes are to change"):
            model.code_buffer.write(other)
    with pytest.raises(UserError, match="codes of 20 items for 24"):
        toy_recommender().code_buffer.write(toy_codes(n=20))
    assert model.codes is codes and np.array_equal(net.item_codes.numpy(), codes.codes[1:])


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda codes: codes[:-1], r"codes of shape \(23, 3\).*\(24, 3\)"),
    (lambda codes: codes[:, :2], r"codes of shape \(24, 2\)"),
    (lambda codes: codes + [0, 0, 5], "at level 3, which has codes 0..4"),
])  # fmt: skip
def test_a_saved_state_of_another_shape_is_an_error_and_changes_nothing(change, complaint):
    model, other = toy_recommender(seed=0), toy_recommender(seed=1)
    before = other.recommend(HISTORIES, 20)
    state = model.state()
    with pytest.raises(UserError, match=complaint):
        other.load_state(state | {"item_codes": change(state["item_codes"])})
    assert np.array_equal(other.recommend(HISTORIES, 20).items, before.items)


def test_unconstrained_beams_at_every_level():
    model = toy_recommender(beam=8)
    beams = model.beams(HISTORIES)
    assert [nodes.shape for nodes in beams.nodes] == [(12, 3), (12, 8), (12, 8)]
    assert model.beams(HISTORIES, beam=4).nodes[-1].shape == (12, 4)
    free = model.beams(HISTORIES, constrained=False)
    assert (free.nodes[-1] == -1).any() and (free.scores[-1] >= beams.scores[-1] - 1e-5).all()

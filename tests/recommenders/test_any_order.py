"""Decoding in any order: paths by brute force, beams within the catalogue, pruning, and codebooks without an order."""
from itertools import permutations

import numpy as np
import pytest
import torch
from toys import SIZES, make_histories, random_histories, toy_codes

from workbench.errors import UserError
from workbench.interfaces import Recommender
from workbench.nets.any_order_decoder import AnyOrderDecoder
from workbench.recommenders.codes.any_order import ORDERS, AnyOrder, Beams, consistent
from workbench.tokens import item_codes

HISTORIES = random_histories(12, 24, longest=7, seed=1)
L = len(SIZES)
CHANCE = np.random.default_rng(5).random((1 + sum(SIZES), L)).astype(np.float32)


def network(codes, seed: int = 0) -> AnyOrderDecoder:
    """Untrained, with weights large enough for distributions far from uniform."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = AnyOrderDecoder(codes.codes, codes.sizes, width=16, layers=2, heads=2, max_length=5, dropout=0.5)
        with torch.no_grad():
            for table in (net.item.table, net.place.weight, net.query):
                table.mul_(25)
    return net.eval()


def model(order: str = "confidence", *, collide: bool = True, beam: int = 60, threshold: float = 0.0) -> AnyOrder:
    codes = toy_codes(collide=collide)
    return AnyOrder(network(codes), codes, beam=beam, max_length=5, order=order, threshold=threshold, chance=CHANCE)


def path_score(of: AnyOrder, history: list[int], item: int) -> tuple[float, tuple[int, ...]]:
    """The score of one item after one history and its order of codebooks, one code at a time."""
    module, codes = of.module, of.codes.codes[item]
    read = history[-5:]
    h = module(torch.tensor([read or [0]]))[0, -1]
    given, score, order = torch.zeros(L, dtype=torch.int64), 0.0, []
    starts = module.item.starts
    for _ in range(L):
        log_p = module.log_probs(h, given).tolist()
        priority = {}
        for level in set(range(L)) - set(order):
            rows = [starts[at] + of.codes.codes[read[-1], at] for at in range(L)] if read else [0] * L
            emitted = [starts[at] + codes[at] for at in order] + [0] * (L - len(order))
            chance = (CHANCE[rows, level].sum() + CHANCE[emitted, level].sum()) % 1
            priority[level] = {"confidence": max(log_p[level]), "fixed": -level, "random": chance}[of.order]
        level = max(priority, key=priority.get)
        score += log_p[level][codes[level]]
        given[level] = starts[level] + codes[level]
        order.append(level)
    return score, tuple(order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("collide", [False, True])
def test_a_full_beam_ranks_as_brute_force_over_paths(order, collide):
    of = model(order, collide=collide)
    assert isinstance(of, Recommender)
    paths = [[path_score(of, HISTORIES.row(row).tolist(), item) for item in range(1, 25)] for row in range(12)]
    by_hand = np.array([[score for score, _ in each] for each in paths])
    lists, scores = of.recommend(HISTORIES, 24), of.exact_scores(HISTORIES)
    assert np.allclose(scores[:, 1:], by_hand, atol=1e-4) and (scores[:, 0] == -np.inf).all()
    assert np.allclose(lists.scores, np.take_along_axis(by_hand, lists.items - 1, 1), atol=1e-4)
    assert np.allclose(lists.scores, -np.sort(-by_hand, axis=1), atol=1e-4)
    orders = {each for row in paths for _, each in row}
    assert len(orders) == 1 if order == "fixed" else len(orders) > 2, "paths to different items differ in their order"
    assert (lists.group is not None) == collide
    if collide:
        assert np.array_equal(lists.group, of.codes.trie.group[lists.items])
        assert np.array_equal(lists.group_size, of.codes.trie.group_size[lists.group])


def test_the_paths_to_all_codes_share_one_probability():
    """Where every combination of codes is an item, the scores of a history are a distribution."""
    every = np.column_stack(np.unravel_index(np.arange(60), SIZES))
    codes = item_codes(every, SIZES, np.array([f"item {i}" for i in range(60)], object))
    of = AnyOrder(network(codes), codes, beam=5, max_length=5)
    assert np.allclose(np.exp(of.exact_scores(random_histories(6, 60, seed=2))[:, 1:]).sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("relabelled", [(1, 2, 0), (2, 1, 0)])
def test_relabelling_the_codebooks_changes_no_score(relabelled):
    of = model()
    sizes = tuple(SIZES[level] for level in relabelled)
    codes = item_codes(of.codes.codes[1:, relabelled], sizes, of.codes.raw_ids)
    net, old, new = of.module, of.module.state_dict(), network(codes).state_dict()
    rows = [0, *(row for level in relabelled for row in range(net.item.starts[level], net.item.starts[level]
                                                              + SIZES[level]))]  # fmt: skip
    columns = [16 * level + at for level in relabelled for at in range(16)]
    moved = {"item.table": old["item.table"][rows], "query": old["query"][list(relabelled)],
             "read.0.weight": old["read.0.weight"][:, columns], "item.rows": new["item.rows"],
             "columns": new["columns"]}  # fmt: skip
    other = AnyOrder(network(codes, seed=3), codes, beam=60, max_length=5)
    other.module.load_state_dict(old | moved)
    assert np.allclose(other.exact_scores(HISTORIES)[:, 1:], of.exact_scores(HISTORIES)[:, 1:], atol=1e-4)
    assert np.allclose(other.recommend(HISTORIES, 24).scores, of.recommend(HISTORIES, 24).scores, atol=1e-4)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.99])
def test_lists_are_valid_at_any_width_and_threshold(order, threshold):
    of = model(order, beam=7, threshold=threshold)
    exact = of.exact_scores(HISTORIES)
    for exclude in (None, HISTORIES):
        lists = of.recommend(HISTORIES, 7, exclude)
        assert all(len(set(row)) == 7 for row in lists.items.tolist()) and lists.items.min() >= 1
        assert (np.diff(lists.scores, axis=1) <= 0).all() and np.isfinite(lists.scores).all()
        assert np.allclose(lists.scores, np.take_along_axis(exact, lists.items, 1), atol=1e-4)
        assert np.array_equal(of.recommend(HISTORIES, 3, exclude).items, lists.items[:, :3])
        if exclude is not None:
            assert not any(set(row) & set(HISTORIES.row(at).tolist()) for at, row in enumerate(lists.items.tolist()))
            sizes = [[sum(of.codes.trie.group[i] == group and i not in HISTORIES.row(at) for i in range(1, 25))
                      for group in row] for at, row in enumerate(lists.group.tolist())]  # fmt: skip
            assert np.array_equal(lists.group_size, sizes)


def test_threshold_zero_prunes_nothing_and_a_high_one_does():
    plain, tiny, high = (model(beam=5, threshold=threshold) for threshold in (0.0, 1e-30, 0.9))
    lists = plain.recommend(HISTORIES, 5)
    again = tiny.recommend(HISTORIES, 5)
    assert np.array_equal(lists.items, again.items) and np.array_equal(lists.scores, again.scores)
    assert not np.array_equal(lists.items, high.recommend(HISTORIES, 5).items)


def beams_of_two_codebooks() -> tuple[torch.Tensor, Beams, torch.Tensor]:
    """Three beams with two codes each, whose consistencies are .5, .4 and .01; they hold 3, 2 and 1 code groups."""
    agreement = torch.tensor([[0.5, 0.5], [0.8, 0.2], [0.01, 0.01]])
    log_p = torch.stack([agreement, 1 - agreement], -1).log()[None]
    given = torch.tensor([[[1, 3], [1, 3], [1, 3]]])
    owner = torch.tensor([0, 0, 0, 1, 1, 2])
    return log_p, Beams(given, torch.zeros(1, 3), owner, torch.arange(6)), torch.tensor([1, 3])


@pytest.mark.parametrize(
    ("threshold", "width", "stays"),
    [(0.0, 1, [1, 1, 1]), (0.5, 1, [1, 1, 0]), (0.9, 1, [1, 0, 0]), (0.9, 4, [1, 1, 0]), (0.9, 6, [1, 1, 1])],
)
def test_beams_that_contradict_themselves_are_dropped_while_enough_are_left(threshold, width, stays):
    log_p, beams, starts = beams_of_two_codebooks()
    assert consistent(log_p, beams, starts, threshold, width).int().tolist() == [stays]


def test_a_codebook_is_predicted_from_the_others_and_not_from_its_own_code():
    net, h = network(toy_codes()), torch.randn(16, generator=torch.Generator().manual_seed(1))
    given = torch.tensor([2, 5, 0])
    before, after = net.log_probs(h, given), net.log_probs(h, torch.tensor([3, 5, 0]))
    real = net.columns > 0
    assert torch.allclose(before[0][real[0]], after[0][real[0]], atol=1e-5)
    assert not torch.allclose(before[1][real[1]], after[1][real[1]], atol=1e-2)
    assert torch.allclose(before.exp().sum(-1), torch.ones(3)) and (before[~real] == -torch.inf).all()


def test_the_loss_is_the_mean_over_all_orders_of_the_negative_log_likelihood_per_code():
    net, h, target = network(toy_codes()), torch.randn(1, 16, generator=torch.Generator().manual_seed(1)), 9
    rows = net.item.rows[target]
    by_hand = []
    for order in permutations(range(L)):
        given = torch.zeros(L, dtype=torch.int64)
        for level in order:
            by_hand.append(-net.log_probs(h[0], given)[level, rows[level] - net.columns[level, 0]].item())
            given[level] = rows[level]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        loss = net.code_loss(h.expand(20_000, -1), torch.full((20_000,), target))
    assert loss.item() == pytest.approx(np.mean(by_hand), rel=0.02)


def test_a_history_alone_gives_what_it_gives_among_others():
    of, many = model("random", beam=6), random_histories(150, 24, seed=5)
    lists = of.recommend(many, 5, many.last(2))
    for row in (0, 63, 64, 149):
        alone = of.recommend(many.take([row]), 5, many.take([row]).last(2))
        assert np.array_equal(alone.items[0], lists.items[row]) and np.allclose(alone.scores[0], lists.scores[row])
    assert of.recommend(many.take([]), 5).items.shape == (0, 5) and of.exact_scores(many.take([])).shape == (0, 25)


def test_invalid_requests_are_errors():
    of = model(beam=10)
    with pytest.raises(UserError, match="k=11: a beam of 10 cannot fill a longer list"):
        of.recommend(HISTORIES, 11)
    with pytest.raises(UserError, match="k=0: the catalogue has 24 items"):
        of.recommend(HISTORIES, 0)
    with pytest.raises(UserError, match="leave fewer than k items"):
        of.recommend(make_histories([1]), 5, make_histories(list(range(1, 21))))
    with pytest.raises(UserError, match="unknown order of codebooks 'confidense'; did you mean 'confidence'"):
        model("confidense")
    with pytest.raises(UserError, match="threshold=1.0 is a share of the best consistency"):
        model(threshold=1.0)
    with pytest.raises(UserError, match="over other item codes"):
        of.load_state(model(collide=False).state())

"""Parallel codes: what a token sees, exact ranking by a sum over codes, and codes that follow from the text alone."""
import math

import numpy as np
import pytest
import torch
from toys import make_histories, random_histories

from workbench.errors import UserError
from workbench.nets.code_items import CodeItems
from workbench.nets.parallel_decoder import MASKS, ParallelDecoder, chunks
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import record_activations
from workbench.probing.interventions.steering import item_readout
from workbench.recommenders.sequential import sequential
from workbench.tokens.fsq import FSQ

SIZES, WIDTH, ITEMS = (3, 4, 5), 8, 24
CODES = np.concatenate([np.full((1, 3), -1), np.random.default_rng(0).integers(0, SIZES, (ITEMS, 3))])
CODES[7] = CODES[2]  # two items with all codes in common
VECTORS = np.random.default_rng(1).normal(size=(ITEMS + 1, 7)).astype(np.float32)


def network(mask: str = "block") -> ParallelDecoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ParallelDecoder(CODES, SIZES, VECTORS, width=WIDTH, layers=2, heads=2, max_length=6, dropout=0.5,
                              mask=mask)  # fmt: skip
        with torch.no_grad():
            net.item.table.mul_(25)
    return net.eval()


def recommender(mask: str = "block"):
    net = network(mask)
    return sequential(net, loss=lambda h, weight, targets, step: net.item.code_loss(h, targets), max_length=6)


@pytest.mark.parametrize("mask", MASKS)
def test_no_state_sees_a_later_item(mask):
    net, items = network(mask), torch.tensor([[3, 9, 4, 11, 5]])
    changed = items.clone()
    changed[0, 3] = 20
    before, after = net(items)[0], net(changed)[0]
    assert before.shape == (5, 3 * WIDTH)
    assert torch.equal(before[:3], after[:3]) and (before[3:] != after[3:]).any(1).all()


@pytest.mark.parametrize("mask", MASKS)
def test_one_code_moves_all_states_of_its_item_only_under_the_block_mask(mask):
    """The chunks stay, one code of the item at place 2 changes: with "item" only its own state, and later ones."""
    net, items = network(mask), torch.tensor([[3, 9, 4, 11]])
    before = net(items).view(4, 3, WIDTH)
    net.item.rows[4, 1] = net.item.starts[1] + (CODES[4, 1] + 1) % SIZES[1]
    moved = (net(items).view(4, 3, WIDTH) != before).any(2)
    at_place = [True, True, True] if mask == "block" else [False, True, False]
    assert moved.tolist() == [[False] * 3, [False] * 3, at_place, [True] * 3]


def test_the_exact_ranking_is_that_of_the_sum_of_log_softmax_over_codes():
    model, histories = recommender(), random_histories(12, ITEMS, longest=8, seed=3)
    logits = [each.log_softmax(1) for each in model.module.item.level_logits(model.states(histories))]
    by_hand = np.array([[sum(logits[level][row, CODES[item, level]].item() for level in range(3))
                         for item in range(1, ITEMS + 1)] for row in range(12)])  # fmt: skip
    lists = model.recommend(histories, ITEMS)
    for items, values in zip(lists.items, by_hand):
        assert np.allclose(values[items - 1], np.sort(values)[::-1], atol=1e-5)
    scores = model.score(histories)[:, 1:]
    assert np.ptp(scores - by_hand, axis=1).max() < 1e-4, "they differ by one number a history"


def test_items_of_equal_codes_tie_and_go_by_id():
    model, histories = recommender(), random_histories(12, ITEMS, seed=4)
    score, lists = model.score(histories), model.recommend(histories, ITEMS).items.tolist()
    assert np.array_equal(score[:, 2], score[:, 7])
    assert all(row.index(2) + 1 == row.index(7) for row in lists)


def test_the_loss_is_the_mean_cross_entropy_of_the_codes():
    item = network().item
    h = torch.randn(2, 3 * WIDTH, generator=torch.Generator().manual_seed(0))
    by_hand = []
    for row, target in enumerate((5, 9)):
        for level, (start, size) in enumerate(zip(item.starts, SIZES)):
            state = h[row, level * WIDTH : (level + 1) * WIDTH].tolist()
            dots = [sum(map(math.prod, zip(state, code))) for code in item.table[start : start + size].tolist()]
            by_hand.append(math.log(sum(map(math.exp, dots))) - dots[CODES[target, level]])
    loss = item.code_loss(h, torch.tensor([5, 9]))
    assert loss.item() == pytest.approx(np.mean(by_hand), rel=1e-5)
    loss.backward()
    assert not item.table.grad[0].any() and (item.table.grad[1:] != 0).any()


def test_the_embedding_of_an_item_is_those_of_its_codes_side_by_side():
    item = CodeItems(CODES, SIZES, 2)
    starts = [1, 4, 8]
    assert not item.weight[0].any() and item.weight.shape == (ITEMS + 1, 6)
    assert torch.equal(item.weight[5].view(3, 2), item.table[[start + code for start, code in zip(starts, CODES[5])]])


def test_codes_follow_from_the_text_of_an_item_alone():
    vectors = np.random.default_rng(2).normal(size=(40, 12)).astype(np.float32)
    tokenizer = FSQ(levels=4, size=16, steps=30).fit(vectors[:30])
    few, many = tokenizer.encode(vectors[:30]), tokenizer.encode(vectors)
    assert np.array_equal(few, many[:30]) and len(np.unique(few, axis=0)) > 5
    assert np.array_equal(tokenizer.encode(vectors[[35, 3]]), many[[35, 3]])


def test_other_items_in_the_place_of_those_of_training():
    """With the items in another order the same lists under other names; vectors of another encoder are refused."""
    model, histories = recommender(), make_histories([3, 9, 4], [1], [5, 6, 7, 8])
    before, order = model.score(histories), np.arange(ITEMS, -1, -1)
    order = np.concatenate([[0], order[:-1]])
    model.module.use_items(CODES[order], VECTORS[order])
    renamed = make_histories(*([int(order[item]) for item in row] for row in ([3, 9, 4], [1], [5, 6, 7, 8])))
    assert np.allclose(model.score(renamed)[:, 1:], before[:, order[1:]], atol=1e-5)
    with pytest.raises(UserError, match="chunks of 4 columns for a network that reads 3"):
        model.module.use_items(CODES, np.zeros((ITEMS + 1, 10)))


def test_it_is_probed_at_one_row_an_event_which_items_read():
    model, histories = recommender(), make_histories([3, 9, 4], [1], [5, 6, 7, 8])
    read = record_activations(model, Site("norm"), histories)
    assert read.x.shape == (8, 3 * WIDTH) and item_readout(model, Site("norm"), histories) is not None


def test_chunks_cut_the_vector_and_fill_the_last():
    cut = chunks(np.arange(7, dtype=np.float32)[None], 3)
    assert cut.tolist() == [[[0, 1, 2], [3, 4, 5], [6, 0, 0]]]

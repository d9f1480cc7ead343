"""Metrics where items share a code: what shuffling each group would give on average, counted instead of drawn."""
from types import SimpleNamespace as Made

import numpy as np
import pytest
from toys import random_rows, rows, toy

from workbench.data import Cases, Protocol
from workbench.evaluate import evaluate, per_case


def cases(model, n=60, seed=0, masked=False):
    """A split as far as `evaluate` reads it, and n cases of which many have a target in a group."""
    rng = np.random.default_rng(seed)
    histories = random_rows(n, model.codes.n_items, longest=4, seed=seed)
    part = Made(n_items=model.codes.n_items, protocol=Protocol(mask_history=masked))
    return Cases(histories, rng.integers(1, model.codes.n_items + 1, n).astype(np.int32)), part


@pytest.mark.parametrize("name", ["recall@3", "ndcg@5", "ndcg@10", "mrr@10"])
def test_collision_corrected_is_what_random_expansion_gives_on_average(name):
    """Lists by exact score, the items of each group shuffled, a target looked up, 800 times."""
    model = toy()
    asked, part = cases(model)
    found = evaluate(model, asked, part, quiet=True)
    assert (found.groups > 1).mean() > 0.2
    corrected = per_case(name, found.ranks, found.groups).mean()
    score, group, rng = model.score(asked.histories)[:, 1:], model.codes.trie.group[1:], np.random.default_rng(1)
    draws = []
    for _ in range(800):
        order = np.lexsort((rng.random(score.shape), np.broadcast_to(group, score.shape), -score))
        ranks = 1 + (order == asked.targets[:, None] - 1).argmax(axis=1)
        draws.append(per_case(name, ranks).mean())
    assert abs(np.mean(draws) - corrected) < 3 * np.std(draws) / np.sqrt(800)
    assert abs(np.mean(draws) - per_case(name, found.ranks).mean()) > 10 * np.std(draws) / np.sqrt(800), "uncorrected"


@pytest.mark.parametrize(("name", "value"), [
    ("recall@3", 0.25), ("ndcg@3", 0.125), ("recall@2", 0.0), ("recall@4", 0.5), ("recall@6", 1.0), ("mrr@3", 1 / 12),
])  # fmt: skip
def test_collision_corrected_by_hand(name, value):
    """One group of two before it, and the target anywhere among four: places 3 to 6."""
    assert per_case(name, np.array([3]), np.array([4])) == pytest.approx([value])


def test_a_target_whose_group_is_cut_still_has_its_credit():
    model = toy()
    trie = model.codes.trie
    big = int(trie.group_size.argmax())
    members = trie.items(3, big)
    histories = rows([4, 9])
    place = model.recommend(histories, 24).group[0].tolist().index(big) + 1  # where the group begins
    part = Made(n_items=24, protocol=Protocol())
    assert len(members) >= 3 and place + len(members) - 1 <= 24
    for target in members:
        found = evaluate(model, Cases(histories, np.array([target])), part, depth=place, quiet=True)
        assert (found.ranks.tolist(), found.groups.tolist()) == ([place], [len(members)])
        assert per_case(f"recall@{place}", found.ranks, found.groups) == pytest.approx([1 / len(members)])
    if place > 1:
        found = evaluate(model, Cases(histories, members[-1:]), part, depth=place - 1, quiet=True)
        assert found.ranks.tolist() == [0]


def test_masked_history_is_left_out_of_the_groups_and_has_no_credit():
    """A target that is masked cannot be found, though others of its group can."""
    model = toy()
    members = model.codes.trie.items(3, int(model.codes.trie.group_size.argmax()))
    part = Made(n_items=24, protocol=Protocol(mask_history=True))
    histories = rows([int(members[0]), 9 if 9 not in members else 10])
    found = evaluate(model, Cases(histories, members[1:2]), part, depth=22, quiet=True)
    assert found.ranks[0] > 0 and found.groups.tolist() == [len(members) - 1]
    repeated = evaluate(model, Cases(histories, members[:1]), part, depth=22, quiet=True)
    assert repeated.ranks.tolist() == [0]


def test_without_collisions_nothing_is_corrected():
    model = toy(collide=False)
    asked, part = cases(model)
    found = evaluate(model, asked, part, quiet=True)
    order = np.argsort(-model.score(asked.histories)[:, 1:], axis=1, kind="stable")
    ranks = 1 + (order == asked.targets[:, None] - 1).argmax(axis=1)
    assert found.groups is None and np.array_equal(found.ranks, np.where(ranks <= 20, ranks, 0))

"""Collision-corrected metrics: the expectation over random orders within each code group, in closed form."""
from types import SimpleNamespace

import numpy as np
import pytest
from toys import make_histories, random_histories, toy_recommender

from workbench.data import Cases, Protocol
from workbench.evaluate import evaluate, per_case


def make_cases(model, n=60, seed=0, masked=False):
    """n cases, many of which have a target in a code group, and the parts of a split that `evaluate` uses."""
    rng = np.random.default_rng(seed)
    histories = random_histories(n, model.codes.n_items, longest=4, seed=seed)
    split = SimpleNamespace(n_items=model.codes.n_items, protocol=Protocol(mask_history=masked))
    return Cases(histories, rng.integers(1, model.codes.n_items + 1, n).astype(np.int32)), split


@pytest.mark.parametrize("name", ["recall@3", "ndcg@5", "ndcg@10", "mrr@10"])
def test_collision_correction_equals_the_average_over_random_orders(name):
    """Rank by exact score with the items of each group shuffled, 800 times, and average the metric."""
    model = toy_recommender()
    cases, split = make_cases(model)
    evaluation = evaluate(model, cases, split, quiet=True)
    assert (evaluation.groups > 1).mean() > 0.2
    corrected = per_case(name, evaluation.ranks, evaluation.groups).mean()
    score, group, rng = model.score(cases.histories)[:, 1:], model.codes.trie.group[1:], np.random.default_rng(1)
    draws = []
    for _ in range(800):
        order = np.lexsort((rng.random(score.shape), np.broadcast_to(group, score.shape), -score))
        ranks = 1 + (order == cases.targets[:, None] - 1).argmax(axis=1)
        draws.append(per_case(name, ranks).mean())
    assert abs(np.mean(draws) - corrected) < 3 * np.std(draws) / np.sqrt(800)
    uncorrected = per_case(name, evaluation.ranks).mean()
    assert abs(np.mean(draws) - uncorrected) > 10 * np.std(draws) / np.sqrt(800)


@pytest.mark.parametrize(("name", "value"), [
    ("recall@3", 0.25), ("ndcg@3", 0.125), ("recall@2", 0.0), ("recall@4", 0.5), ("recall@6", 1.0), ("mrr@3", 1 / 12),
])  # fmt: skip
def test_collision_correction_by_hand(name, value):
    """The target is in a group of four after two other items: its rank is 3 to 6."""
    assert per_case(name, np.array([3]), np.array([4])) == pytest.approx([value])


def test_a_target_whose_group_is_cut_by_the_list_gets_partial_credit():
    model = toy_recommender()
    trie = model.codes.trie
    largest = int(trie.group_size.argmax())
    members = trie.items(3, largest)
    histories = make_histories([4, 9])
    rank = model.recommend(histories, 24).group[0].tolist().index(largest) + 1  # of the first item of the group
    split = SimpleNamespace(n_items=24, protocol=Protocol())
    assert len(members) >= 3 and rank + len(members) - 1 <= 24
    for target in members:
        evaluation = evaluate(model, Cases(histories, np.array([target])), split, depth=rank, quiet=True)
        assert (evaluation.ranks.tolist(), evaluation.groups.tolist()) == ([rank], [len(members)])
        assert per_case(f"recall@{rank}", evaluation.ranks, evaluation.groups) == pytest.approx([1 / len(members)])
    if rank > 1:
        evaluation = evaluate(model, Cases(histories, members[-1:]), split, depth=rank - 1, quiet=True)
        assert evaluation.ranks.tolist() == [0]


def test_masked_items_are_removed_from_groups_and_get_no_credit():
    """A masked target cannot be recommended, other items of its group can."""
    model = toy_recommender()
    members = model.codes.trie.items(3, int(model.codes.trie.group_size.argmax()))
    split = SimpleNamespace(n_items=24, protocol=Protocol(mask_history=True))
    histories = make_histories([int(members[0]), 9 if 9 not in members else 10])
    evaluation = evaluate(model, Cases(histories, members[1:2]), split, depth=22, quiet=True)
    assert evaluation.ranks[0] > 0 and evaluation.groups.tolist() == [len(members) - 1]
    repeated = evaluate(model, Cases(histories, members[:1]), split, depth=22, quiet=True)
    assert repeated.ranks.tolist() == [0]


def test_without_collisions_nothing_is_corrected():
    model = toy_recommender(collide=False)
    cases, split = make_cases(model)
    evaluation = evaluate(model, cases, split, quiet=True)
    order = np.argsort(-model.score(cases.histories)[:, 1:], axis=1, kind="stable")
    ranks = 1 + (order == cases.targets[:, None] - 1).argmax(axis=1)
    assert evaluation.groups is None and np.array_equal(evaluation.ranks, np.where(ranks <= 20, ranks, 0))

"""Metrics of sets of targets: by hand, against scikit-learn, and as expectations over the order within code groups."""
import numpy as np
import pytest
from sklearn import metrics as sklearn
from toys import random_histories, toy_recommender

from workbench.data import Cases, Protocol, Split
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.metrics import REPORTED_OF_SETS

LOG = np.log2


@pytest.mark.parametrize(("name", "first"), [
    ("recall@4", 2 / 3), ("precision@4", 2 / 4), ("hit@4", 1), ("mrr@4", 1 / 2), ("map@4", (1 / 2 + 2 / 4) / 3),
    ("ndcg@4", (1 / LOG(3) + 1 / LOG(5)) / (1 + 1 / LOG(3) + 1 / LOG(4))),
    ("recall@2", 1 / 3), ("precision@2", 1 / 2), ("map@2", 1 / 2 / 2), ("ndcg@2", (1 / LOG(3)) / (1 + 1 / LOG(3))),
    ("recall@1", 0), ("hit@1", 0), ("mrr@1", 0), ("map@1", 0), ("ndcg@1", 0), ("precision@1", 0),
])  # fmt: skip
def test_by_hand(name, first):
    """Three targets, at the ranks 2 and 4 and not in the list; then a case whose only target is missed."""
    values = per_case(name, np.array([4, 0, 2, 0]), offsets=np.array([0, 3, 4]))
    assert values == pytest.approx([first, 0])


def ranked(n_cases=60, n_items=40, seed=0):
    """Scores (C, I), relevance (C, I), and the ranks of the relevant items with their offsets."""
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(n_items) / n_items, (n_cases, 1)), axis=1)
    relevant = rng.random((n_cases, n_items)) < rng.uniform(0.02, 0.7, (n_cases, 1))
    relevant[:, 0] |= ~relevant.any(axis=1)
    place = (-scores).argsort(axis=1).argsort(axis=1) + 1
    return scores, relevant, place[relevant], np.concatenate([[0], np.cumsum(relevant.sum(axis=1))])


@pytest.mark.parametrize("k", [1, 3, 10, 40])
def test_against_scikit_learn(k):
    scores, relevant, ranks, offsets = ranked()
    listed = (-scores).argsort(axis=1).argsort(axis=1) < k
    pairs = list(zip(relevant, listed, scores, strict=True))
    own = {kind: per_case(f"{kind}@{k}", ranks, offsets=offsets) for kind in REPORTED_OF_SETS}
    recall = np.array([sklearn.recall_score(y, top) for y, top, _ in pairs])
    assert own["recall"] == pytest.approx(recall)
    assert own["hit"] == pytest.approx((recall > 0).astype(float))
    assert own["precision"] == pytest.approx([sklearn.precision_score(y, top) for y, top, _ in pairs])
    assert own["ndcg"] == pytest.approx([sklearn.ndcg_score([y], [s], k=k) for y, _, s in pairs])
    in_list = [(y & top, s, min(y.sum(), k)) for y, top, s in pairs]  # of the hits alone
    average = [sklearn.average_precision_score(y, s) * y.sum() / least if y.any() else 0 for y, s, least in in_list]
    assert own["map"] == pytest.approx(average)
    first = [y & (s == s[y].max(initial=-1)) for y, s, _ in in_list]
    reciprocal = [sklearn.label_ranking_average_precision_score([y], [s]) if y.any() else 0
                  for y, (_, s, _) in zip(first, in_list, strict=True)]  # fmt: skip
    assert own["mrr"] == pytest.approx(reciprocal)


@pytest.mark.parametrize("kind", REPORTED_OF_SETS)
def test_one_target_each_is_a_set_of_one(kind):
    rng = np.random.default_rng(1)
    ranks, groups = rng.integers(0, 25, 300), rng.integers(1, 6, 300)
    for name in (f"{kind}@1", f"{kind}@10"):
        assert per_case(name, ranks, groups, np.arange(301)) == pytest.approx(per_case(name, ranks, groups))


@pytest.mark.parametrize("name", [f"{kind}@{k}" for kind in REPORTED_OF_SETS for k in (3, 7, 12)])
def test_code_groups_give_the_mean_over_every_order(name):
    """Groups of 3, 1, 4 and 4 items at the ranks 1, 4, 5 and 9; the list is cut within a group at 3 of the cutoffs. The
    targets are two, one, three and one of them; all 3! 4! 4! orders are drawn often enough to tell 1 % apart."""
    sizes, targets = (3, 1, 4, 4), (2, 1, 3, 1)
    starts = 1 + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for held in ((2, 0, 0, 0), (0, 0, 3, 1), targets):
        ranks, groups = np.repeat(starts, held), np.repeat(sizes, held)
        rng, n = np.random.default_rng(2), 20_000
        draws = np.concatenate([start + np.argsort(rng.random((n, size)), axis=1)[:, :m]
                                for start, size, m in zip(starts, sizes, held, strict=True)], axis=1)  # fmt: skip
        offsets = np.arange(n + 1) * draws.shape[1]
        values = per_case(name, draws.ravel(), offsets=offsets)
        expected = per_case(name, ranks, groups, np.array([0, len(ranks)]))
        assert abs(values.mean() - expected[0]) <= 4 * values.std() / np.sqrt(n) + 1e-12


def set_cases(model, masked):
    """Sixty cases of one to five targets, and the split that evaluates them."""
    rng, n_items = np.random.default_rng(0), model.codes.n_items
    histories = random_histories(60, n_items, longest=4, seed=0)
    sets = [rng.choice(np.arange(1, n_items + 1, dtype=np.int32), rng.integers(1, 6), replace=False) for _ in range(60)]
    cases = Cases(histories, np.concatenate(sets), None, np.concatenate([[0], np.cumsum([len(s) for s in sets])]))
    return cases, Split(histories, cases, cases, 60, n_items, Protocol(mask_history=masked), "toy")


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("collide", [False, True])
def test_every_target_has_the_rank_that_it_has_alone(masked, collide):
    model = toy_recommender(collide=collide)
    cases, split = set_cases(model, masked)
    sets, alone = evaluate(model, cases, split, depth=10, batch=7, quiet=True), cases.one_each()
    single = evaluate(model, alone, split, depth=10, quiet=True)
    assert alone.offsets is None and len(alone.histories) == len(cases.targets) > 60
    assert np.array_equal(sets.ranks, single.ranks) and (sets.ranks > 0).mean() > 0.2
    assert (sets.groups is None) != collide and np.array_equal(sets.groups, single.groups)
    some = cases.take(np.array([5, 2]))
    first = cases.targets[cases.offsets[5] : cases.offsets[6]]
    assert some.targets[: some.offsets[1]].tolist() == first.tolist() and len(some.offsets) == 3


def test_popularity_groups_count_cases_and_rank_their_own_targets_alone():
    model = toy_recommender(collide=False)
    cases, split = set_cases(model, False)
    evaluation = evaluate(model, cases, split, depth=10, quiet=True)
    metrics = evaluation.metrics(cases, split)
    counts = split.train_counts()
    head = 1 + np.argsort(-counts[1:], kind="stable")[: split.n_items // 5]
    expected = []
    for row in range(60):
        own = slice(cases.offsets[row], cases.offsets[row + 1])
        wanted = np.isin(cases.targets[own], head)
        if wanted.any():
            ranks = evaluation.ranks[own][wanted]
            expected.append(((ranks > 0) & (ranks <= 10)).sum() / wanted.sum())
    assert metrics["cases/head"] == len(expected) and metrics["recall@10/head"] == pytest.approx(np.mean(expected))
    assert {"precision@10", "map@10", "hit@10"} <= metrics.keys()


def test_unknown_metrics_name_the_nearest():
    with pytest.raises(UserError, match="did you mean 'precision@k'"):
        per_case("precisio@5", np.array([1]))

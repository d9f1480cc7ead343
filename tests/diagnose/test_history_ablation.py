"""History ablation: perturbations change only what they should, masks and code groups stay, and ratios are paired."""
from dataclasses import replace

import numpy as np
import pytest
from toys import make_histories, random_histories, toy_recommender

from workbench.data import Cases, Protocol, Split, perturbations
from workbench.diagnose.shortcuts.history_ablation import (
    history_ablation,
    jaccard,
    recommend_with_histories,
    sample_cases,
)
from workbench.diagnose.shortcuts.solvability import solvability
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.bootstrap import ratio_of_means, ratio_of_means_over_seeds
from workbench.evaluate.top_k import top_k

DAY = 86_400
RNG = np.random.default_rng


class Newest:
    """Recommends the items just above the last item on a cycle of n items."""

    def __init__(self, n: int):
        self.n = n

    def recommend(self, histories, k, exclude=None):
        last = histories.items[histories.offsets[1:] - 1].astype(int)
        gap = (np.arange(1, self.n + 1) - last[:, None]) % self.n
        scores = np.column_stack([np.zeros(len(last)), -np.where(gap == 0, self.n, gap).astype(float)])
        return top_k(scores, k, exclude)


def ring(users: int = 400, n: int = 40, masked: bool = False) -> Split:
    """Walks of 2 to 9 events on a cycle, each item one above the previous one; the target is the next one."""
    rng = RNG(0)
    lengths, starts = rng.integers(2, 10, users), rng.integers(0, n, users)
    walks = [(np.arange(length) + start) % n + 1 for length, start in zip(lengths, starts)]
    histories = make_histories(*[walk.tolist() for walk in walks])
    test = Cases(histories, np.array([walk[-1] % n + 1 for walk in walks], np.int32))
    return Split(histories, test, test, users, n, Protocol(mask_history=masked), "ring")


def test_a_shuffle_moves_items_within_their_history_and_keeps_the_newest():
    histories = random_histories(200, 50, 8)
    for keep in (0, 1, 2):
        perturbed = perturbations.shuffled(histories, RNG(1), keep_last=keep)
        assert (perturbed.offsets == histories.offsets).all() and (perturbed.items != histories.items).any()
        for row in range(200):
            assert sorted(perturbed.row(row)) == sorted(histories.row(row))
            assert (perturbed.row(row)[::-1][:keep] == histories.row(row)[::-1][:keep]).all()
    assert [list(perturbations.reversed_order(make_histories([1, 2, 3], [], [4, 5])).row(n)) for n in range(3)] == [
        [3, 2, 1],
        [],
        [5, 4],
    ]


def test_days_are_shuffled_apart_and_times_stay():
    times = np.array([0, 1, 2, DAY, DAY, 3 * DAY])
    histories = replace(make_histories([1, 2, 3, 4], [5, 6]), columns={"timestamp": times})
    variants = [perturbations.shuffled_within_days(histories, RNG(seed)) for seed in range(20)]
    assert {tuple(sorted(perturbed.items[:3])) for perturbed in variants} == {(1, 2, 3)}
    assert len({tuple(perturbed.items) for perturbed in variants}) > 1
    assert all((perturbed.items[3:] == [4, 5, 6]).all() for perturbed in variants)
    assert all((perturbed.times == histories.times).all() for perturbed in variants)
    with pytest.raises(UserError, match="no times"):
        perturbations.shuffled_within_days(make_histories([1, 2]), RNG(0))
    apart = replace(make_histories([1, 2]), columns={"timestamp": np.array([0, DAY])})
    with pytest.raises(UserError, match="on one day"):
        perturbations.shuffled_within_days(apart, RNG(0))


def test_a_swap_keeps_the_last_item_and_takes_the_past_of_another():
    histories = make_histories([1, 2, 3], [4, 5, 6], [7, 8], [9, 10, 11, 12])
    perturbed = perturbations.swapped_prefixes(histories, RNG(0))
    past = [list(perturbed.row(n)[:-1]) for n in range(4)]
    assert [perturbed.row(n)[-1] for n in range(4)] == [3, 6, 8, 12]
    assert past[2] in ([2], [5]) and past[3] in ([1, 2], [4, 5]) and [10, 11] in past[:2] and past[0] != [1, 2]
    with pytest.raises(UserError, match="one history"):
        perturbations.swapped_prefixes(make_histories([1, 2]), RNG(0))


def test_a_walk_needs_its_last_item_only():
    card = history_ablation(Newest(40), ring(), shuffles=2)
    assert card["HD_1"].value == 1 and card["effective history length"].value == 1
    assert card["OS keep last 1"].value == card["OS prefix swap"].value == card["own-history gain"].value == 0
    assert card["OS full shuffle"].significant and card["recency share"].value == 1
    assert card["Jaccard@10 keep last 1"].value == 1 > card["Jaccard@10 reverse"].value
    assert set(card.unmeasured) == {"OS within a day"}
    assert card.tables["ablations"].loc["last 10", "unchanged"] == 1


def test_masked_items_do_not_depend_on_the_ablated_history():
    cut = ring(masked=True)
    result = recommend_with_histories(Newest(40), cut.test, cut, histories=cut.test.histories.last(1))
    seen = [np.isin(result.lists[n], cut.test.histories.row(n)).any() for n in range(400)]
    assert not any(seen) and result.values.min() == 1


@pytest.mark.parametrize("masked", [False, True])
def test_colliding_codes_are_scored_as_the_evaluation_scores_them(masked):
    model, histories = toy_recommender("encoder-decoder"), random_histories(60, 24)
    cases = Cases(histories, RNG(0).integers(1, 25, 60).astype(np.int32))
    cut = Split(histories, cases, cases, 60, 24, Protocol(mask_history=masked), "toy")
    full = recommend_with_histories(model, cases, cut)
    evaluation = evaluate(model, cases, cut, depth=10, quiet=True)
    assert evaluation.groups.max() > 1 and np.allclose(full.values,
                                                       per_case("ndcg@10", evaluation.ranks, evaluation.groups))
    recent = recommend_with_histories(model, cases, cut, histories=histories.last(2), reference=full)
    assert np.allclose(recent.values, recommend_with_histories(model, cases, cut, histories=histories.last(2)).values)


def test_cases_are_sampled_by_a_hash():
    cases = ring().test
    some = sample_cases(cases, 50, seed=1)
    assert len(some.targets) == 50 and (np.diff(some.histories.users) > 0).all()
    assert (some.targets == sample_cases(cases, 50, seed=1).targets).all()
    assert sample_cases(cases, 0) is cases and not np.array_equal(some.histories.users,
                                                                  sample_cases(cases, 50).histories.users)


def test_ratios_are_paired():
    x = RNG(0).random(500)
    value, low, high = ratio_of_means(0.75 * x, x)
    assert value == pytest.approx(0.75) and low == pytest.approx(0.75) and high == pytest.approx(0.75)
    value, low, high = ratio_of_means(RNG(1).permutation(x), x)
    assert low < 0.96 and high > 1.04, "unpaired cases make the interval wide"
    with pytest.raises(UserError, match="denominator is 0 in every case"):
        ratio_of_means(x, 0 * x)
    assert jaccard(np.array([[1, 2, 0]]), np.array([[2, 3, 0]])) == pytest.approx(1 / 3)


def test_a_ratio_over_seeds_resamples_cases_and_seeds():
    x = RNG(0).random(300)
    assert ratio_of_means_over_seeds(0.75 * x[None], x[None]) == ratio_of_means(0.75 * x, x), "one seed: cases alone"
    value, low, high = ratio_of_means_over_seeds(x, np.stack([x, 2 * x, 3 * x]))
    assert value == pytest.approx(0.5)
    wide = np.sqrt(3 / 2)  # three seeds resampled vary too little by this
    assert (low, high) == pytest.approx((1 / (2 + wide), 1 / (2 - wide))), "all draws of one seed, paired over cases"
    cases, seeds, base = RNG(1).random((3, 300)), RNG(2), RNG(3)  # by brute force
    denominator = base.random((2, 300)) + 0.5

    def over_seeds(means, rng):  # (S,) means of the seeds
        n, drawn = len(means), means[rng.integers(len(means), size=len(means))].mean()
        return means.mean() + np.sqrt(n / (n - 1)) * (drawn - means.mean())

    drawn = [over_seeds(cases[:, pick].mean(axis=1), seeds) / over_seeds(denominator[:, pick].mean(axis=1), seeds)
             for pick in RNG(4).integers(300, size=(4000, 300))]  # fmt: skip
    ends = ratio_of_means_over_seeds(cases, denominator)[1:]
    assert ends == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.006)
    with pytest.raises(UserError, match="cannot be paired"):
        ratio_of_means_over_seeds(cases, denominator[:, 1:])


def test_solvability_says_on_how_many_training_seeds_it_rests():
    rule, net = np.repeat(0.03, 200), np.stack([np.repeat(value, 200) for value in (0.02, 0.03, 0.04)])
    card = solvability({"walk": rule}, {"net": net}, seeds={"net": [0, 1, 4]})
    assert card["SSI"].value == pytest.approx(1.0) and card["SSI"].low < 0.8 and card["SSI"].high > 1.3
    assert "3 seeds, which give 1.50 (seed 0), 1.00 (seed 1), 0.75 (seed 4), standard deviation" in card["SSI"].note
    assert card.tables["by seed"]["share"].tolist() == pytest.approx([1.5, 1.0, 0.75])
    assert card.tables["solvability"]["seeds"].to_dict() == {"walk": 1, "net": 3}
    alone = solvability({"walk": rule}, {"net": net[:1]})
    assert "One seed: net was trained with seed 0 alone" in alone["SSI"].note and alone["SSI"].low == alone["SSI"].high
    dead = solvability({"walk": rule}, {"net": np.concatenate([net, 0 * net[:1]])})
    assert dead.tables["by seed"]["share"].isna().tolist() == [False] * 3 + [True], "a seed that scores 0 has no ratio"


def test_solvability_selects_on_validation_and_has_a_null():
    weak, good, best = (np.repeat(value, 200) for value in (0.01, 0.03, 0.04))
    card = solvability({"chain": good, "walk": weak}, {"net": best}, nulls={"popularity": weak})
    ssi = card["SSI"]
    assert ssi.value == pytest.approx(0.75) and ssi.null == pytest.approx(0.25) and ssi.significant
    assert card["SSI popularity"].value == pytest.approx(0.25)
    valid = {"chain": 0.1, "walk": 0.2, "net": 0.3}
    assert solvability({"chain": good, "walk": weak}, {"net": best}, valid=valid)["SSI"].value == pytest.approx(0.25)
    assert not solvability({"chain": good}, {"net": best})["SSI"].significant, "without a null nothing is significant"
    for wrong in ({"heuristics": {}}, {"models": {"net": best[1:]}}, {"nulls": {"other": weak}}, {"valid": {}}):
        with pytest.raises(UserError):
            solvability(**{"heuristics": {"chain": good}, "models": {"net": best}} | wrong)

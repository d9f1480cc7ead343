"""Sampling by strata: an exact budget, the quotas by hand, and what is left out."""
import numpy as np
import pytest

from workbench.recommenders.selection.strata import stratified
from workbench.recommenders.selection.whole_histories import fill

SCORES = np.concatenate([np.full(12, 0.1), np.full(6, 0.5), np.full(2, 0.9), [7.0]])  # strata of 12, 6 and 2; hardest


def choose(scores, budget, lengths=None, *, seed=0, hardest=0.1, strata=50):
    lengths = np.ones(len(scores), np.int64) if lengths is None else lengths
    return stratified(scores, lengths, budget, np.random.default_rng(seed), hardest=hardest, strata=strata)


@pytest.mark.parametrize("budget", [1, 49, 51, 200, 899, 900])
def test_samples_of_one_event_use_the_budget_exactly(budget):
    scores = np.random.default_rng(budget).gamma(2.0, size=1000)
    chosen = choose(scores, budget)
    assert len(chosen) == len(set(chosen)) == budget
    assert scores[chosen].max() <= np.sort(scores)[899], "the hardest tenth is left out"


def test_the_smallest_stratum_is_drawn_first_and_what_it_lacks_goes_to_the_others():
    """Of 12, with 3 strata of 2, 6 and 12: min(2, 12 / 3) = 2, then min(6, 10 / 2) = 5, then the other 5."""
    chosen = choose(SCORES, 12, hardest=0.05, strata=3)
    assert [int((SCORES[chosen] == score).sum()) for score in (0.9, 0.5, 0.1, 7.0)] == [2, 5, 5, 0]
    assert set(choose(SCORES, 12, hardest=0.05, strata=3, seed=1)) != set(chosen)


def test_an_even_choice_covers_what_a_random_one_misses():
    scores = np.concatenate([np.linspace(0, 0.1, 960), np.linspace(0.1, 1, 40)])  # 35 of them above .2
    top = scores > 0.2
    shares = {strata: np.mean([top[choose(scores, 50, strata=strata, hardest=0.0, seed=s)].mean() for s in range(5)])
              for strata in (0, 1, 50)}  # fmt: skip
    assert shares[1] < 0.1 < 0.3 < shares[50] and shares[0] == 0.7


def test_without_strata_the_highest_scores_are_taken():
    scores = np.random.default_rng(0).random(100)
    assert set(choose(scores, 10, strata=0)) == set(np.argsort(-scores)[10:20])


@pytest.mark.parametrize("strata", [0, 1, 7, 50])
@pytest.mark.parametrize("seed", range(3))
def test_whole_histories_fill_the_budget(strata, seed):
    rng = np.random.default_rng(seed)
    scores, lengths = rng.random(300), rng.integers(2, 20, 300)
    chosen = choose(scores, 400, lengths, strata=strata, seed=seed)
    assert lengths[chosen].sum() <= 400 and len(set(chosen)) == len(chosen)
    free = np.setdiff1d(np.argsort(-scores)[30:], chosen)
    assert lengths[chosen].sum() + lengths[free].min() > 400, "none of the others fits"


def test_equal_scores_are_one_stratum():
    assert len(choose(np.ones(40), 10)) == 10


def test_filling_by_hand():
    """Budget 7: the first two rows take 5, the third needs 3, the fourth 2."""
    assert fill(np.array([2, 0, 1, 3]), np.array([2, 3, 3, 2]), 7).tolist() == [2, 0, 3]
    assert fill(np.array([0]), np.array([9]), 7).tolist() == []

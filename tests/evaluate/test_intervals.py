"""Coverage of the intervals in simulated studies of a known truth, and their edge cases."""
import numpy as np
import pytest
from scipy import stats

from workbench.evaluate import per_case
from workbench.evaluate.intervals import decimals, estimate_difference, estimate_mean, mean_interval

REPEATS = 400


def study(rng, *, cases: int, seeds: int, rate: float, seed_sd: float) -> np.ndarray:
    """(S, C) NDCG@10 of S trainings of one system on the same cases; about `rate` of them are hits. Cases differ in
    how hard they are, and trainings in how good they are, by a factor with standard deviation seed_sd."""
    hard = rng.normal(size=cases)
    factor = np.exp(seed_sd * rng.normal(size=seeds) - seed_sd**2 / 2)
    score = 0.7 * hard + np.sqrt(1 - 0.7**2) * rng.normal(size=(seeds, cases))
    tail, hit = stats.norm.sf(score), np.minimum(0.9, rate * factor)[:, None]
    return per_case("ndcg@10", np.where(tail < hit, 1 + (tail / hit * 10).astype(int), 0))


DISCOUNT = per_case("ndcg@10", np.arange(1, 11)).mean()  # of a hit, whose rank is uniform in 1 to 10


@pytest.mark.parametrize("cases, rate", [(50, 0.05), (74, 0.2), (200, 0.05), (2_000, 0.05)])
@pytest.mark.parametrize("seeds, seed_sd", [(1, 0.0), (3, 0.1), (3, 0.3), (10, 0.3)])
def test_intervals_cover_the_truth_in_95_of_100_studies(cases, rate, seeds, seed_sd):
    """With 400 studies the standard error of a coverage of .95 is .011; above it an interval is only cautious."""
    rng, mean, difference = np.random.default_rng(cases + seeds), 0, 0
    for _ in range(REPEATS):
        ours = study(rng, cases=cases, seeds=seeds, rate=rate, seed_sd=seed_sd)
        rival = study(rng, cases=cases, seeds=1, rate=rate, seed_sd=0.0)
        low, high = estimate_mean(ours).interval()
        mean += low <= rate * DISCOUNT <= high
        low, high = estimate_difference(ours, rival).interval()
        difference += low <= 0 <= high
    assert mean / REPEATS > 0.92 and difference / REPEATS > 0.92


def test_leaving_training_noise_out_covers_too_little():
    """What the intervals were before: seeds averaged first, cases alone resampled."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(REPEATS):
        values = study(rng, cases=2_000, seeds=3, rate=0.05, seed_sd=0.3)
        low, high = mean_interval(values.mean(axis=0))
        covered += low <= 0.05 * DISCOUNT <= high
    assert covered / REPEATS < 0.7


def test_a_large_sample_has_the_interval_of_the_textbook():
    values = np.random.default_rng(1).random(20_000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert mean_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 100)
    assert estimate_difference(values, 0 * values).interval() == pytest.approx(mean_interval(values), abs=half / 10)


def test_no_hit_at_all_is_not_certainty():
    low, high = mean_interval(np.zeros(74))
    assert low == 0 and high == pytest.approx(3 / 74, rel=0.1), "the rule of three: no hit in n leaves up to 3 / n"
    low, high = estimate_difference(np.zeros(74), np.zeros(74)).interval()
    assert -high == pytest.approx(low) and 0.02 < high < 0.06
    assert estimate_mean(np.array([1.0])).interval()[0] >= 0, "one case"


def test_a_p_value_agrees_with_its_interval():
    rng = np.random.default_rng(2)
    for shift in np.linspace(0, 0.4, 30):
        estimate = estimate_difference(rng.normal(shift, 1, (2, 150)), rng.normal(0, 1, (3, 150)))
        low, high = estimate.interval(1 - 0.05 / 7)
        assert (estimate.p_value(7) < 0.05) == (low > 0 or high < 0)


def test_the_detectable_effect_is_detected_in_four_of_five_studies():
    rng = np.random.default_rng(3)
    effect = estimate_mean(rng.normal(0, 1, 400)).detectable()
    studies = [estimate_mean(rng.normal(effect, 1, 400)).interval() for _ in range(REPEATS)]
    assert np.mean([low > 0 for low, _ in studies]) == pytest.approx(0.8, abs=0.07)


def test_few_cases_bear_no_third_decimal():
    assert [decimals(cases) for cases in (74, 199, 200, 22_363)] == [2, 2, 4, 4]

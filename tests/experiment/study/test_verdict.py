"""The rule of a verdict, and that it is read off the intervals that are shown."""
import numpy as np
import pytest

from workbench.evaluate.intervals import estimate_difference
from workbench.experiment.study.verdict import (
    NO_CONCLUSION,
    NO_EFFECT,
    NO_PARENT,
    PLACEBO_TOO,
    VERDICTS,
    WORKS,
    WORSE,
    Difference,
    verdict,
)

ABOVE, AROUND, BELOW = (Difference(mean, mean - 0.01, mean + 0.01, 0.012, 1000) for mean in (0.02, 0.001, -0.02))


@pytest.mark.parametrize("off, placebo, expected", [
    (ABOVE, ABOVE, WORKS), (ABOVE, AROUND, PLACEBO_TOO), (ABOVE, BELOW, PLACEBO_TOO), (AROUND, ABOVE, NO_EFFECT),
    (AROUND, BELOW, NO_EFFECT), (BELOW, ABOVE, WORSE), (None, None, NO_PARENT), (ABOVE, None, WORKS),
])  # fmt: skip
def test_the_rule(off, placebo, expected):
    differences = {name: value for name, value in (("off", off), ("placebo", placebo)) if value}
    decided, sentence = verdict(differences)
    assert decided == expected and decided in VERDICTS and sentence.endswith(".")


def test_no_effect_says_what_it_could_have_seen():
    assert "an effect of 0.0120 would have been seen" in verdict({"off": AROUND})[1]


def test_a_reason_to_conclude_nothing_comes_first():
    decided = verdict({"off": ABOVE, "placebo": ABOVE}, why_not="off failed")
    assert decided == (NO_CONCLUSION, "Off failed.")


def test_without_a_parent_the_best_baseline_is_named():
    assert "best training-free baseline is +0.0200 [0.0100, 0.0300]" in verdict({"baseline": ABOVE})[1]


def test_few_cases_have_no_third_decimal():
    assert ABOVE._replace(cases=74).text() == "+0.02 [0.01, 0.03]"


def test_a_difference_is_the_interval_of_six_comparisons():
    rng = np.random.default_rng(0)
    a, b = (rng.random((3, 500)) < share for share in (0.3, 0.2))
    estimate = estimate_difference(a, b)
    difference = Difference.of(estimate)
    assert (difference.low, difference.high) == estimate.interval(1 - 0.05 / 6) and difference.mean == estimate.mean

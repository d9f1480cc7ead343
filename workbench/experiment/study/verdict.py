"""The verdict of a study: a fixed rule over the intervals that are shown."""
from collections.abc import Mapping
from typing import NamedTuple

from workbench.evaluate.intervals import Estimate, decimals

WORKS = "works"
NO_EFFECT = "no effect shown"
WORSE = "worse than its parent"
PLACEBO_TOO = "a placebo does as well"
NO_PARENT = "no parent to compare with"
NO_CONCLUSION = "no conclusion"
VERDICTS = {
    WORKS: "the intervals of on - off and on - placebo both lie above zero",
    NO_EFFECT: "the interval of on - off holds zero",
    WORSE: "the interval of on - off lies below zero",
    PLACEBO_TOO: "on - off lies above zero, but on - placebo does not",
    NO_PARENT: "the system declares no off switch; it is only compared with the training-free baselines",
    NO_CONCLUSION: "a fit failed, or validation still rose when training stopped",
}
ANSWERS = {  # to the question whether what a paper claims is seen
    WORKS: "It is seen here", NO_EFFECT: "It is not seen here", WORSE: "It is the reverse here",
    PLACEBO_TOO: "Not for the reason that is given", NO_PARENT: "It is not a question of on and off",
    NO_CONCLUSION: "It is open",
}
COMPARISONS = 6  # that the intervals cover together, as on every other page (evaluate.compare.USUAL)
LEVEL = 1 - 0.05 / COMPARISONS


class Difference(NamedTuple):
    """A paired difference with its simultaneous 95 % interval; detectable: the smallest true difference that it shows
    with 80 % power."""

    mean: float
    low: float
    high: float
    detectable: float
    cases: int

    @staticmethod
    def of(estimate: Estimate) -> "Difference":
        """The difference of an estimate (evaluate.intervals)."""
        return Difference(estimate.mean, *estimate.interval(LEVEL), estimate.detectable(LEVEL), estimate.cases)

    def text(self) -> str:
        """Such as "+.0031 [.0012, .0050]"."""
        places = decimals(self.cases)
        return f"{self.mean:+.{places}f} [{self.low:.{places}f}, {self.high:.{places}f}]"


def verdict(differences: Mapping[str, Difference], *, why_not: str = "") -> tuple[str, str]:
    """The verdict and one sentence with its figures.

    differences: "off", "placebo" and "baseline" as far as there are such, each on minus that. why_not: a reason to
    conclude nothing.
    """
    if why_not:
        return NO_CONCLUSION, f"{why_not[:1].upper()}{why_not[1:]}."
    off, placebo = differences.get("off"), differences.get("placebo")
    if off is None:
        return NO_PARENT, f"It has no off switch{_beside_baseline(differences)}."
    if off.high < 0:
        return WORSE, f"Switched on it loses: on - off is {off.text()}."
    if off.low <= 0:
        size = f"{off.detectable:.{decimals(off.cases)}f}"
        return NO_EFFECT, f"On - off is {off.text()}; an effect of {size} would have been seen four times out of five."
    if placebo is None:
        return WORKS, f"On - off is {off.text()}; it has no placebo."
    if placebo.low <= 0:
        return PLACEBO_TOO, f"On - off is {off.text()}, but on - placebo is {placebo.text()}."
    return WORKS, f"On - off is {off.text()}, on - placebo {placebo.text()}."


def answer(claim: str, decided: str, sentence: str) -> str:
    """What a verdict and its sentence say of the claim of a system's file; "" where it claims nothing.

    >>> answer("Codes help.", "works", "On - off is +.0031 [.0012, .0050]; it has no placebo.")
    'It is seen here. On - off is +.0031 [.0012, .0050]; it has no placebo.'
    """
    return f"{ANSWERS[decided]}. {sentence}" if claim else ""


def _beside_baseline(differences: Mapping[str, Difference]) -> str:
    if "baseline" not in differences:
        return ""
    return f"; on - best training-free baseline is {differences['baseline'].text()}"

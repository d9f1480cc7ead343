"""Verdict sentences about a benchmark, each with its source card, and access to the figures behind them."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from workbench.diagnose.verdict.card import Card, Figure
from workbench.evaluate import intervals
from workbench.evaluate.intervals import FEW_CASES

NO_CONCLUSION, CAN, CANNOT = "No conclusion", "It can show", "It cannot show"
CARE = "Read its numbers with care"
KINDS = (NO_CONCLUSION, CANNOT, CARE, CAN)
SAME, NEAR, SMALL = 1.0, 0.8, 0.05  # thresholds of a ratio of scores: all, most, negligible
LONGEST, HITS = 10, 30  # longest truncated history, in events; fewest cases that a sentence may rest on
HISTORY_ABLATION = "history ablation: "  # prefixes of card names
DECODING = "decoding: "
RETRAINED = "retrained: "


class Sentence(NamedTuple):
    """kind: one of KINDS. text: what it says, with its figures. card: the card that these come from. figures: their
    names. systems: the trained systems whose scores it rests on."""

    kind: str
    text: str
    card: str
    figures: tuple[str, ...]
    systems: tuple[str, ...] = ()


class Facts:
    """The measured figures of all cards."""

    def __init__(self, cards: dict[str, Card]):
        self.cards = cards

    def get(self, card: str, name: str) -> Figure | None:
        """A figure by card and name; None if it was not measured or is not finite."""
        for figure in self.cards[card].figures if card in self.cards else ():
            if figure.name == name and np.isfinite(figure.value):
                return figure
        return None


def percent(figure: Figure) -> str:
    """A ratio as a percentage with its interval, such as "39 % [31, 48]"; one decimal below 10 %, none for few cases.

    >>> percent(Figure("x", 0.391, 0.314, 0.482)), percent(Figure("x", 0.004, 0.0, 0.0081)), percent(Figure("x", 1.0))
    ('39 % [31, 48]', '0.4 % [0.0, 0.8]', '100 %')
    """
    digits = 0 if 100 * abs(figure.value) >= 9.95 or is_few(figure) else 1
    interval = _interval(figure, lambda value: f"{round(100 * value, digits) + 0.0:.{digits}f}")
    return interval.replace(" [", " % [") if "[" in interval else f"{interval} %"


def score(figure: Figure) -> str:
    """A score or a difference of scores with its interval: four decimals, two for few cases.

    >>> score(Figure("x", 0.0453, 0.04, 0.05, n=4905)), score(Figure("x", 0.0453, 0.0, 0.1, n=74))
    ('0.0453 [0.0400, 0.0500]', '0.05 [0.00, 0.10]')
    """
    return _interval(figure, lambda value: f"{value:.{decimals(figure)}f}")


def decimals(figure: Figure) -> int:
    """How many decimals a score with this many cases is written with."""
    return intervals.decimals(figure.n) if figure.n else 4


def is_clear(figure: Figure) -> bool:
    """Whether a figure is significant also at the decimals that it is written with: an interval that touches the null
    on the page is no finding.

    >>> leak = Figure("x", 0.021, 0.004, 0.04, null=0.001, direction="above", n=194)
    >>> score(leak), leak.significant, is_clear(leak), is_clear(leak._replace(n=2000))
    ('0.02 [0.00, 0.04]', True, False, True)
    """
    if np.isnan(figure.low):
        return figure.significant
    low, high, null = (round(value, decimals(figure)) for value in (figure.low, figure.high, figure.null))
    return figure.significant and figure._replace(low=low, high=high, null=null).significant


def is_few(figure: Figure) -> bool:
    """Whether a figure was measured on fewer than FEW_CASES cases."""
    return 0 < figure.n < FEW_CASES


def _interval(figure: Figure, text: Callable[[float], str]) -> str:
    """The value and its 95 % interval, each as text; a mean of few cases without one says so."""
    if np.isfinite(figure.low):
        return f"{text(figure.value)} [{text(figure.low)}, {text(figure.high)}]"
    return text(figure.value) + (" [interval unknown]" if is_few(figure) else "")


def count(figure: Figure, what: str = "test cases") -> str:
    """The number of cases behind a figure, with the noun: "4,905 test cases".

    >>> count(Figure("x", 0.5, n=4905)), count(Figure("x", 0.5, n=1), "items")
    ('4,905 test cases', '1 item')
    """
    return f"{figure.n:,} {what.removesuffix('s') if figure.n == 1 else what}"

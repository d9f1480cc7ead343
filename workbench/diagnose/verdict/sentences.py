"""Verdict sentences about a benchmark, each with its source card, and access to the figures behind them."""
from typing import NamedTuple

import numpy as np

from workbench.diagnose.verdict.card import Card, Figure

CAN, CANNOT, CARE = "It can show", "It cannot show", "Read its numbers with care"
KINDS = (CANNOT, CARE, CAN)
SAME, NEAR, SMALL = 1.0, 0.8, 0.05  # thresholds of a ratio of scores: all, most, negligible
LONGEST, HITS = 10, 30  # longest truncated history, in events; fewest cases that a sentence may rest on
HISTORY_ABLATION = "history ablation: "  # prefixes of card names
DECODING = "decoding: "
RETRAINED = "retrained: "


class Sentence(NamedTuple):
    """kind: one of KINDS. text: one sentence with its figures. card: the card that these come from. figures: their
    names."""

    kind: str
    text: str
    card: str
    figures: tuple[str, ...]


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
    """A ratio as a percentage with its interval, such as "39 % [31, 48]"; one decimal below 10 %."""
    digits = 0 if 100 * abs(figure.value) >= 9.95 else 1

    def text(value: float) -> str:
        return f"{round(100 * value, digits) + 0.0:.{digits}f}"

    interval = f" [{text(figure.low)}, {text(figure.high)}]" if np.isfinite(figure.low) else ""
    return f"{text(figure.value)} %{interval}"

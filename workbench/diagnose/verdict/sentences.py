"""Sentences about a benchmark, each with its source, and the figures that they are made from."""
from typing import NamedTuple

import numpy as np

from workbench.diagnose.verdict.card import Card, Figure

CAN, CANNOT, CARE = "It can show", "It cannot show", "Read its numbers with care"
KINDS = (CANNOT, CARE, CAN)
SAME, NEAR, SMALL = 1.0, 0.8, 0.05  # shares of a score: as much, most of it, hardly any
LONGEST, HITS = 10, 30  # events that histories are cut to at most; cases that a sentence about few needs
MEMORY = "memory of "
DECODING = "decoding of "
RETRAINED = "retrained "


class Sentence(NamedTuple):
    """kind: one of KINDS. text: a plain sentence with its figures in it. card: the name of the card that they are
    from. figures: their names."""

    kind: str
    text: str
    card: str
    figures: tuple[str, ...]


class Facts:
    """The figures of all cards, those that were measured."""

    def __init__(self, cards: dict[str, Card]):
        self.cards = cards

    def get(self, card: str, name: str) -> Figure | None:
        """A figure, None where it or its card is not there or has no value."""
        for figure in self.cards[card].figures if card in self.cards else ():
            if figure.name == name and np.isfinite(figure.value):
                return figure
        return None


def percent(figure: Figure) -> str:
    """A share with its interval: "39 % [31, 48]", with a decimal below 10 %."""
    digits = 0 if 100 * abs(figure.value) >= 9.95 else 1

    def text(value: float) -> str:
        return f"{round(100 * value, digits) + 0.0:.{digits}f}"

    ends = f" [{text(figure.low)}, {text(figure.high)}]" if np.isfinite(figure.low) else ""
    return f"{text(figure.value)} %{ends}"

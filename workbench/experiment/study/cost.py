"""What the idea of a system costs: its training's seconds and peak memory, as ratios to those with the idea off."""
from collections.abc import Mapping
from typing import Any

MEASURABLE = {"seconds": 1.0, "peak_memory_mb": 20.0}  # less is within what start-up, other loads and the heap do
WORDS = {"seconds": "the seconds", "peak_memory_mb": "the peak memory"}


def cost_ratios(on: Mapping[str, Any], off: Mapping[str, Any]) -> dict[str, float | None]:
    """Of two rows of a study, the figures of on over those of off; None where one is missing or below `MEASURABLE`.

    >>> cost_ratios({"seconds": 3.0, "peak_memory_mb": 68}, {"seconds": 2.0, "peak_memory_mb": 2.6})
    {'seconds': 1.5, 'peak_memory_mb': None}
    """
    return {name: on[name] / off[name] if _measured(on, name) and _measured(off, name) else None
            for name in MEASURABLE}  # fmt: skip


def cost_sentence(on: Mapping[str, Any], off: Mapping[str, Any]) -> str:
    """The ratios in words; "" where an arm is missing.

    >>> cost_sentence({"seconds": 3.0, "peak_memory_mb": 68}, {"seconds": 2.0, "peak_memory_mb": 2.6})
    'On costs 1.5 times the seconds of off; the peak memory is too small to measure.'
    >>> cost_sentence({"seconds": 0.2, "peak_memory_mb": None}, {"seconds": 0.1, "peak_memory_mb": None})
    'The training is too short to measure what on costs beside off.'
    """
    if "seconds" not in on or "seconds" not in off:
        return ""
    ratios = cost_ratios(on, off)
    known = " and ".join(f"{ratio:.2g} times {WORDS[name]}" for name, ratio in ratios.items() if ratio is not None)
    if not known:
        return "The training is too short to measure what on costs beside off."
    small = {
        "seconds": "the training is too short for a ratio of seconds",
        "peak_memory_mb": "the peak memory is too small to measure",
    }
    short = [text for name, text in small.items() if ratios[name] is None and on.get(name) and off.get(name)]
    return "; ".join([f"On costs {known} of off", *short]) + "."


def _measured(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) is not None and row[name] >= MEASURABLE[name]

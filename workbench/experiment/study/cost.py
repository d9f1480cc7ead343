"""What the idea of a system costs: its training's seconds, those of one epoch, and peak memory, as ratios to those with
the idea off. Both arms may have been trained at different times; the ratios of a machine that did other work in one of
them say little."""
from collections.abc import Mapping
from statistics import median
from typing import Any

MEASURABLE = {"seconds": 1.0, "peak_memory_mb": 20.0}  # less is within what start-up, other loads and the heap do
WORDS = {"seconds": "the seconds", "epoch": "the seconds of an epoch", "peak_memory_mb": "the peak memory"}


def cost_ratios(on: Mapping[str, Any], off: Mapping[str, Any]) -> dict[str, float | None]:
    """Of two rows of a study, the figures of on over those of off; None where one is missing or below `MEASURABLE`.

    >>> cost_ratios({"seconds": 3.0, "epochs": [2], "peak_memory_mb": 68}, {"seconds": 2.0, "epochs": [4]})
    {'seconds': 1.5, 'epoch': 3.0, 'peak_memory_mb': None}
    """
    ratios = {name: on[name] / off[name] if _measured(on, name) and _measured(off, name) else None
              for name in MEASURABLE}  # fmt: skip
    counts = [median(row.get("epochs") or [0]) for row in (on, off)]
    epoch = ratios["seconds"] * counts[1] / counts[0] if ratios["seconds"] and all(counts) else None
    return {"seconds": ratios["seconds"], "epoch": epoch, "peak_memory_mb": ratios["peak_memory_mb"]}


def cost_sentence(on: Mapping[str, Any], off: Mapping[str, Any]) -> str:
    """The ratios in words; "" where an arm is missing.

    >>> cost_sentence({"seconds": 3.0, "epochs": [2], "peak_memory_mb": 68}, {"seconds": 2.0, "epochs": [4]})
    'On costs 1.5 times the seconds and 3 times the seconds of an epoch of off.'
    >>> cost_sentence({"seconds": 0.2, "peak_memory_mb": None}, {"seconds": 0.1, "peak_memory_mb": None})
    'The training is too short to measure what on costs beside off.'
    """
    if "seconds" not in on or "seconds" not in off:
        return ""
    ratios = cost_ratios(on, off)
    known = [f"{ratio:.2g} times {WORDS[name]}" for name, ratio in ratios.items() if ratio is not None]
    if not known:
        return "The training is too short to measure what on costs beside off."
    words = " and ".join(filter(None, [", ".join(known[:-1]), known[-1]]))
    small = {
        "seconds": "the training is too short for a ratio of seconds",
        "peak_memory_mb": "the peak memory is too small to measure",
    }
    short = [text for name, text in small.items() if ratios[name] is None and on.get(name) and off.get(name)]
    return "; ".join([f"On costs {words} of off", *short]) + "."


def _measured(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) is not None and row[name] >= MEASURABLE[name]

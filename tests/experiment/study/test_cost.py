"""Ratios of cost stand only where both arms are long and large enough to be measured."""
import json
from pathlib import Path

import pytest

from workbench.experiment.study.cost import MEASURABLE, cost_ratios, cost_sentence

LONG, SHORT = {"seconds": 6.0, "peak_memory_mb": 80.0}, {"seconds": 0.9, "peak_memory_mb": 19.9}


@pytest.mark.parametrize("on, off, seconds, memory", [
    (LONG, {"seconds": 2.0, "peak_memory_mb": 20.0}, 3.0, 4.0), (LONG, SHORT, None, None), (SHORT, LONG, None, None),
    (LONG, LONG | {"peak_memory_mb": None}, 1.0, None), (LONG, {}, None, None), ({"error": "x"}, LONG, None, None),
])  # fmt: skip
def test_a_ratio_needs_two_measured_figures(on, off, seconds, memory):
    assert cost_ratios(on, off) == {"seconds": seconds, "epoch": None, "peak_memory_mb": memory}


def test_an_epoch_costs_what_training_costs_by_epoch():
    ratio = cost_ratios(LONG | {"epochs": [2, 4, 3]}, LONG | {"epochs": [9, 6]})["epoch"]
    assert ratio == 7.5 / 3
    assert cost_ratios(LONG | {"epochs": [0]}, LONG | {"epochs": [6]})["epoch"] is None, "a system without epochs"


def test_the_sentence_says_what_is_too_small():
    assert cost_sentence(SHORT, SHORT) == "The training is too short to measure what on costs beside off."
    assert cost_sentence(LONG, LONG) == "On costs 1 times the seconds and 1 times the peak memory of off."
    half = cost_sentence(LONG, LONG | {"seconds": 0.1})
    assert half == "On costs 1 times the peak memory of off; the training is too short for a ratio of seconds."
    assert cost_sentence(LONG, LONG | {"peak_memory_mb": None}) == "On costs 1 times the seconds of off."
    three = cost_sentence(LONG | {"epochs": [2]}, LONG | {"epochs": [3]})
    assert three.startswith("On costs 1 times the seconds, 1.5 times the seconds of an epoch and 1 times the peak")
    assert cost_sentence(LONG, {}) == "" == cost_sentence({"error": "failed"}, LONG)


def test_stored_evidence_claims_no_ratio_of_noise():
    files = sorted((Path(__file__).parents[3] / "reports" / "results" / "systems").glob("*.json"))
    assert files and set(MEASURABLE) < set(cost_ratios(LONG, LONG))
    for path in files:
        study = json.loads(path.read_text())
        expected = cost_ratios(study["rows"]["on"], study["rows"].get("off", {}))
        assert study["cost"] == pytest.approx(expected, abs=1e-6), path.name

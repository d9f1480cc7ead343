"""Position bias of re-rankers: what looks at letters alone, at items alone, and a tiny random language model."""
from dataclasses import replace

import numpy as np
import pytest
from tiny_lm import save_tiny_model

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.study.position_bias import _shuffled, chosen_positions
from workbench.train import PROFILES

CANDIDATES = np.array([[3, 7, 5, 2], [9, 1, 4, 8], [6, 2, 9, 1]])


def test_what_chooses_a_letter_and_what_chooses_an_item():
    letters = _shuffled(lambda histories, offered: np.tile([0.0, 2, 1, 0], (3, 1)), None, CANDIDATES, 8, 0)
    assert letters["chosen"] == [0, 1, 0, 0] and letters["most"] == 1 and letters["bias"] > 0.5
    assert letters["answers"] == 24 and letters["by chance"] == 0.25 and letters["same"] < 1
    items = _shuffled(lambda histories, offered: offered.astype(float), None, CANDIDATES, 8, 0)
    assert items["same"] == 1 and items["bias"] == pytest.approx(0) and items["most"] < 0.8
    assert sum(items["chosen"]) == pytest.approx(1)


def test_of_both_systems_by_network_and_by_model(tmp_path):
    model = str(save_tiny_model(tmp_path / "model", layers=1, width=16))
    bench = wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 120})
    table = chosen_positions(bench, model, users=5, n=6, shuffles=3, epochs=2)
    assert table[["system", "positions"]].to_numpy().tolist() == [
        ["ulmrec", "letters"], ["ulmrec", "letters"], ["mllm_msr", "candidates"], ["mllm_msr", "candidates"],
        ["mllm_msr", "words yes and no"]]  # fmt: skip
    assert table["chosen"].map(len).tolist() == [6, 6, 6, 6, 2] and table["answers"].tolist() == [15] * 4 + [60]
    assert table["chosen"].map(sum).to_numpy() == pytest.approx(1) and table["bias"].between(0, 1).all()
    judged = table[table["positions"] == "candidates"]
    assert (judged["same"] == 1).all() and (judged["bias"] < 1e-6).all(), "each candidate is judged by itself"
    own = wb.open_bench("synthetic", profile=bench.profile, options={"users": 120})
    assert chosen_positions(own, users=5, n=6, shuffles=3, epochs=2).equals(
        table[table["reader"] == "small network"].reset_index(drop=True))  # fmt: skip


@pytest.mark.parametrize("changes", [{"users": 1}, {"shuffles": 1}, {"n": 1}, {"n": 27}])
def test_what_cannot_be_counted(changes):
    bench = wb.open_bench("synthetic", profile="smoke", options={"users": 120})
    with pytest.raises(UserError, match=next(iter(changes))):
        chosen_positions(bench, **changes)

"""Pruning in rounds: a training that is resumed within or between rounds ends with the bits of one that was not."""
import shutil

import numpy as np
import pytest

import workbench as wb
from workbench.train.fit import TrainingSession


@pytest.fixture(scope="module")
def bench():
    options = {"users": 60, "items": 40}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def trained(bench, folder, epochs: int = 12):
    settings, recipe = bench.plan("lightgnn", by="magnitude", rounds=2, width=8, layers=1, distillation=0.0,
                                  contrast=0.0, epochs=epochs)  # fmt: skip
    recommender = bench.build("lightgnn", **settings)
    curve = recommender.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None, folder))
    return recommender.state(), curve


def test_a_resumed_training_is_the_same(bench, tmp_path):
    state, curve = trained(bench, tmp_path / "whole")
    assert [row["epoch"] for row in curve] == list(range(1, 15)), "rounds of a tenth of the epochs, then all"
    assert {each.name for each in (tmp_path / "whole").glob("phase-*")} == {"phase-round-1", "phase-round-2"}
    for kept in (["phase-round-1"], ["phase-round-1", "phase-round-2"]):
        folder = tmp_path / str(len(kept))
        for name in kept:
            shutil.copytree(tmp_path / "whole" / name, folder / name)
        again, _ = trained(bench, folder)
        assert all(np.array_equal(state[name], again[name]) for name in state), kept
    finished, _ = trained(bench, tmp_path / "whole")
    assert all(np.array_equal(state[name], finished[name]) for name in state), "nothing is trained twice"

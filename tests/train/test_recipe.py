"""recipe < profile < changes, and every wrong word is an error."""
import os

import pytest
import torch

from workbench.errors import UserError
from workbench.train import Recipe, derive, profile, resolve, stream
from workbench.train.runtime import runtime


def test_precedence():
    recipe = Recipe(epochs=100, lr=1e-3)
    assert resolve(recipe, profile("smoke"), {}).epochs == profile("smoke").epochs
    assert resolve(recipe, profile("smoke"), {"epochs": 50, "lr": 1}).epochs == 50
    assert resolve(recipe, profile("paper"), {}) == recipe


@pytest.mark.parametrize("changes, words", [
    ({"epoch": 3}, "did you mean 'epochs'"), ({"epochs": "3"}, "must be int"), ({"lr": -1.0}, "lr positive"),
    ({"sizes": {}}, "unknown recipe field"), ({"beta2": 2.0}, "beta2 must be"), ({"schedule": "cosine"}, "linear"),
])
def test_bad_changes(changes, words):
    with pytest.raises(UserError, match=words):
        resolve(Recipe(), profile("paper"), changes)


def test_unknown_profile_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'smoke'"):
        profile("smokes")


def test_smoke_lets_in_fewer_events_where_each_is_scored_against_more_items():
    assert [profile("smoke").room(items) for items in (1, 10_000, 50_000, 250_000)] == [22_000, 22_000, 5_000, 2_000]
    assert profile("paper").room(50_000) is None


def test_streams_are_apart_and_repeatable():
    assert derive(0, "a", 1) != derive(0, "a", 2) and derive(0, "a") != derive(1, "a")
    assert stream(3, "x").random() == stream(3, "x").random() != stream(3, "y").random()


def test_smoke_takes_one_thread_unless_told_otherwise(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        runtime("cpu", threads=profile("smoke").threads)
        assert torch.get_num_threads() == 1
        runtime("cpu", threads=profile("paper").threads)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        assert torch.get_num_threads() == cores
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        torch.set_num_threads(2)
        runtime("cpu", threads=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

"""Precedence recipe < profile < changes; unknown names and bad values are errors."""
import os

import pytest
import torch

from workbench.errors import UserError
from workbench.train import Recipe, derive_seed, get_profile, named_rng, resolve_recipe
from workbench.train.runtime import configure_runtime


def test_precedence():
    recipe = Recipe(epochs=100, lr=1e-3)
    assert resolve_recipe(recipe, get_profile("smoke"), {}).epochs == get_profile("smoke").epochs
    assert resolve_recipe(recipe, get_profile("smoke"), {"epochs": 50, "lr": 1}).epochs == 50
    assert resolve_recipe(recipe, get_profile("paper"), {}) == recipe


@pytest.mark.parametrize("changes, message", [
    ({"lr": float("inf")}, "lr must be a finite number"), ({"clip": float("nan")}, "clip must be a finite number"),
    ({"epoch": 3}, "did you mean 'epochs'"), ({"epochs": "3"}, "must be int"), ({"lr": -1.0}, "lr positive"),
    ({"sizes": {}}, "unknown recipe field"), ({"beta2": 2.0}, "beta2 must be"), ({"schedule": "cosine"}, "linear"),
])
def test_bad_changes(changes, message):
    with pytest.raises(UserError, match=message):
        resolve_recipe(Recipe(), get_profile("paper"), changes)


def test_an_unknown_profile_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'smoke'"):
        get_profile("smokes")


def test_smoke_uses_fewer_events_for_larger_catalogues():
    assert [get_profile("smoke").event_limit(items) for items in (1, 10_000, 50_000, 250_000)] == [
        22_000,
        22_000,
        5_000,
        2_000,
    ]
    assert get_profile("paper").event_limit(50_000) is None


def test_random_streams_are_distinct_and_reproducible():
    assert derive_seed(0, "a", 1) != derive_seed(0, "a", 2) and derive_seed(0, "a") != derive_seed(1, "a")
    assert named_rng(3, "x").random() == named_rng(3, "x").random() != named_rng(3, "y").random()


def test_smoke_uses_one_thread_unless_omp_num_threads_is_set(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        configure_runtime("cpu", threads=get_profile("smoke").threads)
        assert torch.get_num_threads() == 1
        configure_runtime("cpu", threads=get_profile("paper").threads)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        assert torch.get_num_threads() == cores
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        torch.set_num_threads(2)
        configure_runtime("cpu", threads=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

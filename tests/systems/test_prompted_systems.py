"""The systems that read prompts, with a local language model behind the door: a tiny one, made on the spot."""
from dataclasses import replace

import numpy as np
import pytest
from tiny_lm import save_tiny_model

from workbench import experiment
from workbench.errors import UserError
from workbench.interfaces import Retrieves
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.prompts import local_model
from workbench.train import PROFILES

NAMES = ("arag", "mllm_msr", "ulmrec")


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 120})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    yield str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))
    local_model._loaded.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_a_local_model_orders_the_candidates_and_its_answers_are_kept(bench, folder, name, monkeypatch):
    model, histories = bench.build(name, n=4, model=folder), bench.split.test.histories.take(np.arange(3))
    first = bench.teacher("item_transitions").recommender().recommend(histories, 6).items
    lists = model.recommend(histories, 6).items
    assert isinstance(model, Retrieves) and np.array_equal(np.sort(lists[:, :4]), np.sort(first[:, :4]))
    assert np.array_equal(lists[:, 4:], first[:, 4:]), "below n the order of the first stage stands"
    scores = model.second.rescore(histories, first[:, :4])
    assert scores.shape == (3, 4) and np.isfinite(scores).all()
    monkeypatch.setattr(CausalLM, "logits_after", None)
    monkeypatch.setattr(CausalLM, "_continued", None)
    assert np.array_equal(bench.build(name, n=4, model=folder).recommend(histories, 6).items, lists)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_no_model_is_one_error(bench, tmp_path, name):
    with pytest.raises(UserError, match="holds no model: there is no config.json"):
        bench.build(name, model=str(tmp_path))


def test_another_model_is_another_run(bench, folder, tmp_path):
    from workbench.experiment.run_plan import plan_system

    one, same, other = (plan_system(bench, "arag", {"model": model, "n": 4}).inputs for model in (
        folder, folder, str(save_tiny_model(tmp_path / "other", seed=3))))  # fmt: skip
    assert one["drawn"]["model"] == same["drawn"]["model"] != other["drawn"]["model"]

"""Text vectors in the place of an id table: items not in train are ranked, and tuning follows who buys what."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment, systems
from workbench.embed.kinds.collaborative import ppmi_svd
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.train import PROFILES, Recipe
from workbench.train.fit import TrainingSession

llm2rec = systems.load("llm2rec")
PROFILE = replace(PROFILES["smoke"], users=None)
RECIPE = Recipe(epochs=4, batch_size=32, lr=3e-3)


@pytest.fixture(scope="module")
def bench():
    """The built-in world, of which a sixth of the items never occur in train."""
    whole = experiment.open_bench("synthetic", profile=PROFILE, options={"users": 1000})
    return whole.variant(train=whole.split.train.items % 6 != 0, label="cold items")


def fitted(bench, name: str, **changes):
    recommender = bench.build(name, **{"width": 32, "layers": 1, "dropout": 0.1} | changes)
    recommender.fit(bench.split, TrainingSession(RECIPE, bench.seed, "cpu", None))
    return recommender


def cold_recall(bench, recommender) -> float:
    """Recall@10 of the test cases whose target is not in train."""
    test = bench.split.test
    cold = test.take(np.flatnonzero(test.targets % 6 == 0))
    assert len(cold.targets) > 40 and not np.isin(cold.targets, bench.split.train.items).any()
    return evaluate(recommender, cold, bench.split, quiet=True).metrics(cold, bench.split)["recall@10"]


@pytest.mark.slow
def test_cold_items_are_recommended_where_an_id_table_has_chance(bench):
    chance = 10 / bench.split.n_items
    text, ids, permuted = (cold_recall(bench, fitted(bench, "llm2rec", **changes)) for changes in (
        {}, {"adapter": "none"}, {"vectors": "permuted"}))  # fmt: skip
    assert ids <= chance and text > 3 * chance and text > 1.5 * permuted, (text, ids, permuted, chance)


@pytest.mark.parametrize("adapter", ["linear", "bottleneck"])
def test_no_parameter_belongs_to_an_item_and_equal_texts_have_equal_scores(bench, adapter):
    recommender = bench.build("llm2rec", width=32, adapter=adapter)
    module, n = recommender.module, bench.split.n_items
    assert not [name for name, p in module.named_parameters() if n <= len(p) <= n + 1]
    module.item.vectors[7] = module.item.vectors[3]
    scores = recommender.score(bench.split.test.histories)
    assert np.array_equal(scores[:, 7], scores[:, 3]) and (scores[:, 7] != scores[:, 4]).all()
    state = module(torch.tensor([[3, 5, 7]]))
    assert torch.equal(state, module(torch.tensor([[7, 5, 3]]))), "nor does a history tell them apart"


def test_frozen_vectors_stay_and_the_adapter_learns(bench):
    before, after = (bench.build("llm2rec", width=32, layers=1) for _ in range(2))
    after.fit(bench.split, TrainingSession(replace(RECIPE, epochs=1), 0, "cpu", None))
    assert torch.equal(before.module.item.vectors, after.module.item.vectors)
    assert not torch.equal(before.module.item.linear.weight, after.module.item.linear.weight)
    assert not after.module.item.weight[0].any() and after.module.item.weight[1:].any(1).all()


def test_tuned_vectors_agree_more_with_what_is_bought_together(bench):
    """Spearman correlation of the cosines of pairs of items with those of their co-occurrence, of items in train."""
    from scipy.stats import spearmanr

    known = np.unique(bench.split.train.items)
    i, j = np.triu_indices(len(known), 1)
    together = ppmi_svd(bench.split, 32)[known]

    def agreement(vectors: np.ndarray) -> float:
        e = vectors[known]
        return spearmanr((e[i] * e[j]).sum(1), (together[i] * together[j]).sum(1))[0]

    plain, tuned = (llm2rec.item_texts(bench, "text", how, 0.2) for how in (False, True))
    assert agreement(tuned) > agreement(plain) + 0.05, (agreement(plain), agreement(tuned))
    assert np.allclose(np.linalg.norm(tuned[1:], axis=1), 1, atol=1e-5) and not tuned[0].any()


def test_the_tuning_reads_train_alone(bench):
    other = bench.variant(train=np.arange(len(bench.split.train.items)) % 7 > 0, label="fewer")
    same = bench.variant(train=np.ones(len(bench.split.train.items), bool), label="the same")
    one, two, three = (llm2rec.item_texts(each, "text", True, 0.2) for each in (bench, same, other))
    assert np.array_equal(one, two) and not np.array_equal(one, three)


@pytest.mark.parametrize("wrong", [{"adapter": "quadratic"}, {"tau": 0.0}, {"width": 33}, {"vectors": "txt"}])
def test_a_bad_setting_is_said_before_any_work(bench, wrong):
    with pytest.raises(UserError):
        bench.build("llm2rec", **wrong)

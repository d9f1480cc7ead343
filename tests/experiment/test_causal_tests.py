"""Causal tests of latents: a planted category changes its items, and tables report ablation and steering."""
import numpy as np
import pandas as pd
import pytest

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.probing import causal_tests, concept_hierarchy, faithfulness_by_group, train_sae
from workbench.experiment.probing.feature_table import feature_table, item_concepts_of
from workbench.probing.activations.hooks import Site


@pytest.fixture(scope="module")
def run():
    return open_bench("synthetic", profile="smoke").fit("sasrec")


@pytest.fixture(scope="module")
def activations(run):
    return train_sae.read_activations(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def dictionary(run, activations):
    return train_sae.train_dictionary(run, activations, k=8, latents=256, epochs=30, batch=512)


@pytest.fixture(scope="module")
def table(run, activations, dictionary):
    return feature_table(run, activations, dictionary, draws=199)


def test_ablations(run, activations, dictionary, table):
    effects = causal_tests.ablation_table(run, activations, dictionary, table, latents=4, controls=24)
    assert 1 <= len(effects) <= 4 and set(effects.index) <= set(table.index[table["significant"]])
    measured = effects[effects["users"] >= causal_tests.MIN_USERS]
    assert measured["change"].mean() < 0 and (measured["p"] >= 1 / 25).all()
    assert effects.loc[effects["users"] < causal_tests.MIN_USERS, "p"].isna().all()
    again = causal_tests.ablation_table(run, activations, dictionary, table, latents=4, controls=24)
    pd.testing.assert_frame_equal(effects, again)


def test_dose_response_and_the_cost_of_steering(run, activations, dictionary, table):
    latent = int(table[table["significant"]]["effect"].idxmax())
    concept = table["concept"][latent]
    curves = causal_tests.dose_response_table(run, activations, dictionary, latent, concept, users=100, controls=4)
    base = curves[curves["amount"] == 0]
    assert base["share"].nunique() == 1 and base["ndcg@10"].nunique() == 1, "an amount of 0 changes nothing"
    costs = causal_tests.steering_costs(curves)
    expected = {"latent", "difference of means", "probe", "item centroid", "score boost", "matched latents"}
    assert set(costs.index) == expected
    assert costs["mean gain"]["latent"] > costs["mean gain"]["matched latents"]
    boost = costs.loc["score boost"]
    assert boost["highest share"] == pytest.approx(1) or np.isfinite(boost["ndcg@10 lost"])


def test_without_a_concept_the_top_items_of_the_latent_are_steered(run, activations, dictionary, table):
    latent = int(table["activation_share"].idxmax())
    curves = causal_tests.dose_response_table(run, activations, dictionary, latent, "", users=50, controls=2)
    share = curves[curves["intervention"] == "latent"].set_index("amount")["share"]
    assert share[4.0] > share[0.0]


def test_tables_and_dictionaries_of_another_site_are_rejected(run, activations, dictionary, table):
    other = train_sae.train_dictionary(
        run, train_sae.read_activations(run, Site("norm")), k=6, latents=64, epochs=2, batch=512
    )
    for stage in (causal_tests.ablation_table, faithfulness_by_group.metric_by_latent_set):
        with pytest.raises(UserError, match="256 rows, the dictionary 64 latents"):
            stage(run, activations, other, table)
    with pytest.raises(UserError, match="trained at norm"):
        causal_tests.dose_response_table(run, activations, other, 1, "category 1: Makeup")
    with pytest.raises(UserError, match="trained at norm"):
        faithfulness_by_group.faithfulness_by_group(run, activations, other)
    with pytest.raises(UserError, match="latents 0 to 255"):
        causal_tests.dose_response_table(run, activations, dictionary, 9999, "category 1: Makeup")


def test_runs_with_equal_weights_and_different_settings_have_different_fingerprints(run):
    """The number of heads changes what an untrained network computes but none of its weights."""
    bench = run.bench()
    by_heads = [
        train_sae.read_activations(bench.fit("sasrec", epochs=1, heads=heads), Site("norm"), trained=False)
        for heads in (1, 2)
    ]
    assert by_heads[0].fingerprint != by_heads[1].fingerprint
    assert not np.array_equal(by_heads[0].x, by_heads[1].x)


def test_held_out_cases_and_unknown_concepts(run, activations):
    cases = causal_tests.held_out_cases(run, activations, users=50)
    train_users = set(activations.split_users(train_sae.SHARES)[0].user.tolist())
    assert len(cases.targets) == 50 and not train_users & set(cases.histories.users.tolist())
    with pytest.raises(UserError, match="category 1"):
        item_concepts_of(run).members_of("category 1: Makup")


def test_k_sparse_probing_and_absorption(run, activations, dictionary):
    kinds = {"topk": dictionary, "pca": train_sae.train_dictionary(run, activations, k=8, kind="pca")}
    probing = concept_hierarchy.k_sparse_probing(run, activations, kinds, most=3)
    assert list(probing.index) == ["topk", "pca"] and (probing["k=1"] < probing["k=5"]).all()
    assert probing["dense AUROC"].nunique() == 1 and probing["dense AUROC"].iloc[0] > 0.8
    gaps = concept_hierarchy.absorption_table(run, activations, dictionary, draws=99)
    assert np.allclose(gaps["gap"], gaps["parent_rate"] - gaps["child_rate"]) and gaps["gap"].is_monotonic_decreasing
    assert (gaps["q"] >= gaps["p"]).all() and gaps["absorbed"].between(0, 1).all()
    assert set(gaps["category"]) <= set(concept_hierarchy.parent_categories(run, activations))
    assert not set(gaps["child"]) & set(gaps["category"])

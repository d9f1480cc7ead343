"""Stages that ask what latents do: a planted category moves its items, and the tables say what was done."""
import numpy as np
import pandas as pd
import pytest

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.probing import causal_tests, concept_hierarchy, faithfulness_by_group, train_sae
from workbench.experiment.probing.feature_table import latents
from workbench.probing.activations.hooks import Site


@pytest.fixture(scope="module")
def run():
    return open_bench("synthetic", profile="smoke").fit("sasrec")


@pytest.fixture(scope="module")
def read(run):
    return train_sae.read(run, Site("blocks.0.out"))


@pytest.fixture(scope="module")
def found(run, read):
    return train_sae.dictionary(run, read, k=8, latents=256, epochs=30, batch=512)


@pytest.fixture(scope="module")
def table(run, read, found):
    return latents(run, read, found, draws=199)


def test_ablations(run, read, found, table):
    told = causal_tests.ablations(run, read, found, table, latents=4, controls=24)
    assert 1 <= len(told) <= 4 and set(told.index) <= set(table.index[table["certified"]])
    measured = told[told["users"] >= causal_tests.FEW]
    assert measured["change"].mean() < 0 and (measured["p"] >= 1 / 25).all()
    assert told.loc[told["users"] < causal_tests.FEW, "p"].isna().all()
    pd.testing.assert_frame_equal(told, causal_tests.ablations(run, read, found, table, latents=4, controls=24))


def test_steering_and_what_it_costs(run, read, found, table):
    latent = int(table[table["certified"]]["effect"].idxmax())
    concept = table["concept"][latent]
    curves = causal_tests.steering(run, read, found, latent, concept, users=100, controls=4)
    base = curves[curves["amount"] == 0]
    assert base["share"].nunique() == 1 and base["ndcg@10"].nunique() == 1, "an amount of 0 is the same in every arm"
    told = causal_tests.costs(curves)
    assert {"the latent", "difference of means", "probe", "item centroid", "score boost", "latents like it"} == set(
        told.index)  # fmt: skip
    assert told["area"]["the latent"] > told["area"]["latents like it"]
    assert told["highest share"]["score boost"] == pytest.approx(1) or np.isfinite(told["cost"]["score boost"])


def test_where_nothing_is_known_the_items_of_a_latent_are_pushed(run, read, found, table):
    latent = int(table["mass"].idxmax())
    curves = causal_tests.steering(run, read, found, latent, "", users=50, controls=2)
    mine = curves[curves["arm"] == "the latent"].set_index("amount")["share"]
    assert mine[4.0] > mine[0.0]


def test_what_is_of_another_dictionary_is_refused(run, read, found, table):
    other = train_sae.dictionary(run, train_sae.read(run, Site("norm")), k=6, latents=64, epochs=2, batch=512)
    for stage in (causal_tests.ablations, faithfulness_by_group.carried):
        with pytest.raises(UserError, match="256 rows, the dictionary 64 latents"):
            stage(run, read, other, table)
    with pytest.raises(UserError, match="learned at norm"):
        causal_tests.steering(run, read, other, 1, "category 1: Makeup")
    with pytest.raises(UserError, match="learned at norm"):
        faithfulness_by_group.by_group(run, read, other)
    with pytest.raises(UserError, match="latents 0 to 255"):
        causal_tests.steering(run, read, found, 9999, "category 1: Makeup")


def test_runs_that_differ_in_what_no_weight_shows_are_other_sites(run):
    """Heads change what an untrained network computes and none of its weights."""
    bench = run.bench()
    reads = [
        train_sae.read(bench.fit("sasrec", epochs=1, heads=heads), Site("norm"), trained=False) for heads in (1, 2)
    ]
    assert reads[0].fingerprint != reads[1].fingerprint and not np.array_equal(reads[0].x, reads[1].x)


def test_who_is_asked_and_of_what(run, read):
    cases = causal_tests.held_out(run, read, users=50)
    learned = set(read.users(train_sae.SHARES)[0].user.tolist())
    assert len(cases.targets) == 50 and not learned & set(cases.histories.users.tolist())
    with pytest.raises(UserError, match="category 1"):
        causal_tests.member_of(run, "category 1: Makup")


def test_categories_told_by_few_latents_and_children_left_out(run, read, found):
    kinds = {"topk": found, "pca": train_sae.dictionary(run, read, k=8, kind="pca")}
    told = concept_hierarchy.told_by_few(run, read, kinds, most=3)
    assert list(told.index) == ["topk", "pca"] and (told["best 1"] < told["best 5"]).all()
    assert told["dense AUC"].nunique() == 1 and told["dense AUC"].iloc[0] > 0.8
    gaps = concept_hierarchy.left_out(run, read, found, draws=99)
    assert np.allclose(gaps["gap"], gaps["rest"] - gaps["inside"]) and gaps["gap"].is_monotonic_decreasing
    assert (gaps["q"] >= gaps["p"]).all() and gaps["taken over"].between(0, 1).all()
    assert set(gaps["category"]) <= set(concept_hierarchy.parents(run, read)) and not set(gaps["child"]) & set(
        gaps["category"]
    )

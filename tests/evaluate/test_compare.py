"""Bootstrap intervals, corrections, per-case metrics and error messages."""
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.data.leakage_measures import gini
from workbench.errors import UserError
from workbench.evaluate import compare, contrast, per_case
from workbench.evaluate.compare import bootstrap_interval, bootstrap_p_value, minimum_detectable_effect
from workbench.evaluate.metrics import popularity_groups

PROTOCOL = {"split": "leave-one-out", "mask_history": False}


def run(label, ranks, *, seed=0, family="sequential", **protocol):
    info = {"protocol": PROTOCOL | protocol, "dataset": "d", "data_hash": "h", "users": 9, "family": family}
    info["seed"] = seed
    return SimpleNamespace(label=label, system=label, ranks=np.asarray(ranks), groups=None, info=info)


def test_interval_agrees_with_a_plain_bootstrap_and_has_coverage():
    rng = np.random.default_rng(0)
    values = per_case("ndcg@10", rng.integers(0, 15, 400))
    plain = np.quantile([rng.choice(values, 400).mean() for _ in range(4000)], [0.025, 0.975])
    assert np.allclose(bootstrap_interval(values), plain, atol=0.004)
    covered = [low <= 0.2 <= high for low, high in (bootstrap_interval(rng.binomial(1, 0.2, 200)) for _ in range(200))]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_p_value_is_small_for_an_effect_and_not_for_noise():
    rng = np.random.default_rng(1)
    assert bootstrap_p_value(rng.normal(0.3, 1, 500)) < 0.001
    assert np.mean([bootstrap_p_value(rng.normal(0, 1, 100)) < 0.05 for _ in range(50)]) < 0.2
    assert bootstrap_p_value(np.zeros(5)) == 1.0


def test_mde_shrinks_with_the_root_of_n():
    values = np.random.default_rng(0).normal(size=10_000)
    assert minimum_detectable_effect(values) == pytest.approx(2.802 / 100, rel=0.05)


def test_compare_ranks_pairs_and_averages_seeds():
    rng = np.random.default_rng(0)
    baseline = rng.choice([0, 1, 5], 300)
    better = np.where(rng.random(300) < 0.3, 1, baseline)
    table = compare([run("rule", baseline, family="baselines"), run("model", better), run("model", better, seed=1)])
    assert list(table.index) == ["model", "rule"] and table.loc["model", "seeds"] == 2
    assert table.loc["model", "baseline"] == "rule" and table.loc["model", "diff_low"] > 0
    assert np.isnan(table.loc["rule", "p"]) and table.loc["model", "p"] < 0.01
    assert table.loc["model", "seed_sd"] == 0


def test_different_protocols_cannot_be_compared_but_contrasted():
    runs = [run("a", [1, 0]), run("a", [1, 1], mask_history=True)]
    with pytest.raises(UserError, match="mask_history"):
        compare(runs)
    table = contrast(runs, by="mask_history")
    assert table.loc["a", "False"] == 0.5 and table.loc["a", "True"] == 1.0
    with pytest.raises(UserError, match="also differs in mask_history"):
        contrast(runs, by="split")
    with pytest.raises(UserError, match="did you mean 'split'"):
        contrast(runs, by="splits")


def test_incomparable_runs_raise():
    other = run("a", [1, 0], seed=1)
    other.info["recipe"] = {"lr": 0.5}
    with pytest.raises(UserError, match="not seeds of one system"):
        compare([run("a", [1, 0]), other])
    assert compare([run("a", [1, 0]), run("a", [1, 0])]).loc["a", "seeds"] == 1, "a duplicate seed counts once"
    with pytest.raises(UserError, match="evaluated to depth 20 only"):
        compare([run("a", [1, 0])], metric="recall@50")
    larger = run("a", [1, 0], mask_history=True)
    larger.info["users"] = 99
    with pytest.raises(UserError, match="also differs in users"):
        contrast([run("a", [1, 0]), larger], by="mask_history")


def test_values_by_hand():
    assert gini(np.array([0, 0, 1, 3])) == 0.625
    groups = popularity_groups(np.array([1, 2, 3]), np.array([0, 9, 5, 0, 1, 1]))
    assert {name: mask.tolist() for name, mask in groups.items()} == {
        "head": [True, False, False], "tail": [False, True, False], "cold": [False, False, True]}
    assert per_case("mrr@5", np.array([2, 6])).tolist() == [0.5, 0.0]
    with pytest.raises(UserError, match="unknown metric"):
        per_case("ndgc@10", np.array([1]))


def test_collision_correction_agrees_with_random_expansion():
    """A group of 4 at rank 3 of a top 5: shuffle it many times and average."""
    rng = np.random.default_rng(0)
    ranks = 3 + rng.integers(0, 4, 200_000)
    for metric in ("ndcg@5", "recall@5", "mrr@5"):
        drawn = per_case(metric, ranks)
        corrected = per_case(metric, np.array([3]), np.array([4]))[0]
        assert abs(drawn.mean() - corrected) < 4 * drawn.std() / np.sqrt(len(drawn))

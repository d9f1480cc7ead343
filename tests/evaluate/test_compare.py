"""Comparisons of runs, per-case metrics and error messages."""
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.data.leakage_measures import gini
from workbench.errors import UserError
from workbench.evaluate import compare, contrast, per_case
from workbench.evaluate.compare import ONE_SEED, RISING
from workbench.evaluate.metrics import check_depth, popularity_groups

PROTOCOL = {"split": "leave-one-out", "mask_history": False}


def run(label, ranks, *, seed=0, family="sequential", rising=False, **protocol):
    info = {"protocol": PROTOCOL | protocol, "dataset": "d", "data_hash": "h", "users": 9, "family": family}
    info["seed"] = seed
    info["curve"] = [] if family == "baselines" else [{"epoch": 1}]
    def values(metric="ndcg@10"):
        check_depth(metric, info.get("depth"), label)
        return per_case(metric, np.asarray(ranks))

    return SimpleNamespace(label=label, system=label, info=info, still_rising=rising, per_case=values)


def test_compare_ranks_pairs_and_averages_seeds():
    rng = np.random.default_rng(0)
    baseline = rng.choice([0, 1, 5], 300)
    better = np.where(rng.random(300) < 0.3, 1, baseline)
    table = compare([run("rule", baseline, family="baselines"), run("model", better), run("model", better, seed=1)])
    assert list(table.index) == ["model", "rule"] and table.loc["model", "seeds"] == 2
    assert table.loc["model", "baseline"] == "rule" and table.loc["model", "diff_low"] > 0
    assert np.isnan(table.loc["rule", "p"]) and table.loc["model", "p"] < 0.01
    assert table.loc["model", "seed_sd"] == 0 and table.loc["model", "cases"] == 300
    assert table["verdict"].tolist() == ["above the baseline", "baseline"]


def test_seeds_that_differ_widen_the_interval():
    """Three trainings around the baseline: averaged they look better, but a fourth might not be."""
    rng = np.random.default_rng(1)
    base = np.where(rng.random(4_000) < 0.1, 1, 0)
    seeds = [np.where(rng.random(4_000) < share, 1, base) for share in (0.001, 0.012, 0.05)]
    runs = [run("rule", base, family="baselines")] + [run("model", r, seed=n) for n, r in enumerate(seeds)]
    three, one = compare(runs, metric="recall@10"), compare(runs[:1] + runs[2:3], metric="recall@10")
    assert three.loc["model", "verdict"] == "no difference shown" and three.loc["model", "note"] == ""
    assert one.loc["model", "verdict"] == "above the baseline" and one.loc["model", "note"] == ONE_SEED
    assert one.loc["rule", "note"] == "", "a rule is not trained"


def test_a_verdict_is_read_off_the_interval_that_is_shown():
    rng = np.random.default_rng(4)
    for shift in np.linspace(-0.1, 0.1, 15):
        base = rng.choice([0, 1, 5], 300)
        ours = np.where(rng.random(300) < abs(shift), 1 if shift > 0 else 0, base)
        row = compare([run("rule", base, family="baselines"), run("m", ours)], comparisons=9).loc["m"]
        low, high = row["diff_low"], row["diff_high"]
        expected = "above the baseline" if low > 0 else "below the baseline" if high < 0 else "no difference shown"
        assert row["verdict"] == expected and (row["p"] < 0.05) == (expected != "no difference shown")


def test_a_part_of_a_comparison_keeps_its_intervals():
    runs = [run("rule", [1, 0, 5] * 40, family="baselines"), run("a", [1, 2, 0] * 40), run("b", [0, 0, 9] * 40)]
    whole, part = compare(runs), compare(runs[:2])
    assert whole.loc["a"].equals(part.loc["a"]) and not whole.loc["a"].equals(compare(runs, comparisons=9).loc["a"])


def test_a_training_that_stopped_too_early_is_no_evidence():
    runs = [run("rule", [1, 0, 5] * 40, family="baselines"), run("m", [0, 0, 0] * 40, rising=True)]
    row = compare(runs).loc["m"]
    assert row["verdict"] == "no conclusion" and row["note"] == RISING and row["diff_high"] < 0
    assert compare(runs, baseline="m").loc["rule", "verdict"] == "no conclusion", "nor is it one to compare with"


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

"""Shortcut diagnostics on synthetic worlds with known dynamics: a first-order chain, a lag of five, a walk in texts."""
import numpy as np
import pytest

from workbench.errors import UserError
from workbench.experiment import open_bench, stored_runs
from workbench.experiment.audit import retraining, shortcuts
from workbench.experiment.bench import Bench

LAG = {"epochs": 15, "dropout": 0.0}


def world(name: str, **options) -> Bench:
    return open_bench(f"synthetic-{name}", profile="smoke", options=options)


@pytest.fixture(scope="module")
def chain():
    return world("chain", users=400, items=60)


def test_a_chain_is_solved_by_what_followed_the_last_item(chain):
    run = chain.fit("gru4rec", epochs=25, lr=5e-3)
    card = shortcuts.history_ablation_card(chain, run)
    assert card["HD_1"].value > 0.9 and abs(card["OS keep last 1"].value) < 0.05
    assert card["effective history length"].value == 1
    assert card["OS full shuffle"].value > 0.3 and card["recency share"].value > 0.9
    assert abs(card["own-history gain"].value) < 0.05
    solvability = shortcuts.solvability_card(chain, [run])
    assert 0.85 < solvability["SSI"].value < 1.3 and solvability["SSI"].significant
    assert solvability["SSI permuted graph"].value < 0.5


def test_a_lag_of_five_is_not():
    bench = world("lag5", users=1000, items=40)
    run = bench.fit("gru4rec", **LAG)
    card = shortcuts.history_ablation_card(bench, run, shuffles=1)
    assert card["HD_5"].low > card["HD_1"].high + 0.2 and card["effective history length"].low >= 5
    assert card["OS keep last 1"].value > 0.3 and card["recency share"].value < 0.2
    solvability = shortcuts.solvability_card(bench, [run])
    assert solvability["SSI"].value < 0.6 and not solvability["SSI"].low > solvability["SSI"].null + 0.1


def test_a_walk_is_solved_by_features_and_not_by_transitions_alone():
    bench, graph = world("walk", users=1500, items=1500), "graph_heuristic"
    run = bench.fit("gru4rec", epochs=8, lr=1e-2)
    forms = ((graph, {}), (graph, {"features": "none"}), (graph, {"features": "permuted"}))
    card = shortcuts.solvability_card(bench, [run], heuristics=forms)
    assert card["SSI"].low > 0.9 and f"ndcg@10 of {graph} divided by" in card["SSI"].note
    gain = card.tables["solvability"]["ndcg@10"] / card.tables["solvability"]["ndcg@10"][graph]
    assert gain[f"{graph}(features=none)"] < 0.8 and gain[f"{graph}(features=permuted)"] < 0.8
    assert gain["popularity"] < 0.3 and gain["permuted graph"] < 0.3


def test_a_stage_is_measured_once_and_read_back(chain, monkeypatch):
    run = chain.fit("gru4rec", epochs=25, lr=5e-3)
    first = shortcuts.history_ablation_card(chain, run)
    monkeypatch.setattr(shortcuts.history_ablation, "history_ablation", None)
    again = shortcuts.history_ablation_card(chain, run)
    assert again.table().equals(first.table()) and again.unmeasured == first.unmeasured
    assert again.tables["ablations"].equals(first.tables["ablations"])
    other = open_bench("synthetic-chain", profile="smoke", options=chain.options, protocol={"mask_history": True})
    with pytest.raises(UserError, match="another protocol"):
        shortcuts.history_ablation_card(other, run)


def test_retraining_on_less(chain, caplog):
    settings = {"epochs": 12, "lr": 5e-3}
    chain.fit("gru4rec", **settings)
    caplog.set_level("INFO", "workbench")
    before = len(stored_runs())
    card = retraining.retraining_card(chain, "gru4rec", lengths=(1,), **settings)
    assert "trained up to 2 times: about 0 minutes at most" in caplog.text
    assert card["HD_1 retrained"].value > 0.85, "a chain needs no more than its last item"
    assert card["OS retrained"].value > 0.3, "and cannot be learned from events in random order"
    assert not any("shuffled" in run.info["data_hash"] for run in stored_runs()) and len(stored_runs()) <= before + 2
    with pytest.raises(UserError, match="no setting max_length"):
        retraining.retraining_card(chain, "item_transitions")
    with pytest.raises(UserError, match="below the 50"):
        retraining.retraining_card(chain, "gru4rec", lengths=(50,))


@pytest.mark.slow
def test_retraining_on_less_finds_the_lag():
    card = retraining.retraining_card(world("lag5", users=1000, items=40), "gru4rec", lengths=(1, 4, 8), **LAG)
    assert card["HD_8 retrained"].value > 0.8 > 0.6 > card["HD_4 retrained"].high
    assert card["OS retrained"].low > 0.3


def test_items_are_permuted_within_popularity_bins():
    counts = np.append(0, np.arange(100) ** 2)
    permutation = shortcuts.permute_within_popularity_bins(counts, np.random.default_rng(0))
    assert permutation[0] == 0 and sorted(permutation[1:]) == list(range(1, 101))
    assert (permutation[1:] - 1).tolist() != list(range(100))
    assert ((permutation[1:] - 1) // 20 == np.arange(100) // 20).all()

"""The tool told on worlds whose truth is known: it must tell a chain, a lag of five and a walk apart."""
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
    run = chain.fit("gru4rec", epochs=12, lr=5e-3)
    card = shortcuts.memory(chain, run)
    assert card["HD_1"].value > 0.9 and abs(card["OS keep last 1"].value) < 0.05 and card["effective memory"].value == 1
    assert card["OS full shuffle"].value > 0.3 and card["recency share"].value > 0.9
    assert abs(card["user content"].value) < 0.05
    solved = shortcuts.solvability(chain, [run])
    assert 0.85 < solved["SSI"].value < 1.3 and solved["SSI"].found
    assert solved["SSI permuted graph"].value < 0.5


def test_a_lag_of_five_is_not():
    bench = world("lag5", users=1000, items=40)
    run = bench.fit("gru4rec", **LAG)
    card = shortcuts.memory(bench, run, shuffles=1)
    assert card["HD_5"].low > card["HD_1"].high + 0.2 and card["effective memory"].low >= 5
    assert card["OS keep last 1"].value > 0.3 and card["recency share"].value < 0.2
    solved = shortcuts.solvability(bench, [run])
    assert solved["SSI"].value < 0.6 and not solved["SSI"].low > solved["SSI"].null + 0.1


def test_a_walk_is_solved_by_features_and_not_by_transitions_alone():
    bench, graph = world("walk", users=1500, items=1500), "graph_heuristic"
    run = bench.fit("gru4rec", epochs=8, lr=1e-2)
    forms = ((graph, {}), (graph, {"features": "none"}), (graph, {"features": "permuted"}))
    card = shortcuts.solvability(bench, [run], heuristics=forms)
    assert card["SSI"].low > 0.9 and card["SSI"].note.startswith(f"The ndcg@10 of {graph} over")
    gain = card.tables["solvability"]["ndcg@10"] / card.tables["solvability"]["ndcg@10"][graph]
    assert gain[f"{graph}(features=none)"] < 0.8 and gain[f"{graph}(features=permuted)"] < 0.8
    assert gain["popularity"] < 0.3 and gain["permuted graph"] < 0.3


def test_a_stage_is_measured_once_and_read_back(chain, monkeypatch):
    run = chain.fit("gru4rec", epochs=12, lr=5e-3)
    first = shortcuts.memory(chain, run)
    monkeypatch.setattr(shortcuts.history_ablation, "memory", None)
    again = shortcuts.memory(chain, run)
    assert again.table().equals(first.table()) and again.unmeasured == first.unmeasured
    assert again.tables["readings"].equals(first.tables["readings"])
    with pytest.raises(UserError, match="another protocol"):
        shortcuts.memory(open_bench("synthetic-chain", profile="smoke", options=chain.options,
                                    protocol={"mask_history": True}), run)  # fmt: skip


def test_training_on_less(chain, caplog):
    settings = {"epochs": 12, "lr": 5e-3}
    chain.fit("gru4rec", **settings)
    caplog.set_level("INFO", "workbench")
    before = len(stored_runs())
    card = retraining.retrained(chain, "gru4rec", lengths=(1,), **settings)
    assert "trained up to 2 times: about 0 minutes at most" in caplog.text
    assert card["HD_1 retrained"].value > 0.85, "a chain needs no more than its last item"
    assert card["OS retrained"].value > 0.3, "and cannot be learned from events in random order"
    assert not any("shuffled" in run.info["data_hash"] for run in stored_runs()) and len(stored_runs()) <= before + 2
    with pytest.raises(UserError, match="no setting max_length"):
        retraining.retrained(chain, "item_transitions")
    with pytest.raises(UserError, match="below the 50"):
        retraining.retrained(chain, "gru4rec", lengths=(50,))


@pytest.mark.slow
def test_training_on_less_finds_the_lag():
    card = retraining.retrained(world("lag5", users=1000, items=40), "gru4rec", lengths=(1, 4, 8), **LAG)
    assert card["HD_8 retrained"].value > 0.8 > 0.6 > card["HD_4 retrained"].high
    assert card["OS retrained"].low > 0.3


def test_names_are_exchanged_among_items_of_like_popularity():
    counts = np.append(0, np.arange(100) ** 2)
    names = shortcuts.exchanged(counts, np.random.default_rng(0))
    assert names[0] == 0 and sorted(names[1:]) == list(range(1, 101))
    assert (names[1:] - 1).tolist() != list(range(100)) and ((names[1:] - 1) // 20 == np.arange(100) // 20).all()

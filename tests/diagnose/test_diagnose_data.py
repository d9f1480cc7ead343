"""The data card: values by hand, planted problems are significant, and nothing is where nothing was planted."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.data import Histories, assemble, datasets, protocol_for, split, synthetic
from workbench.data.synthetic import world as worlds
from workbench.diagnose.data import drift, event_order, leakage, near_duplicates, repeat_consumption, sensitivity
from workbench.diagnose.data.data_card import data_card, dataset_size, time_spans
from workbench.embed.text import tfidf_svd
from workbench.errors import UserError


def log(*users, order="time", timed=True):
    """A dataset from one {time: item} a user."""
    rows = [(user, item, time) for user, events in enumerate(users) for time, item in events.items()]
    events = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    return assemble("hand", events if timed else events.drop(columns="timestamp"), order=order)


def cut(dataset, **changes):
    return split(dataset, protocol_for(dataset, **changes))


def world(name, **options):
    dataset = synthetic.load(name, **options)
    return dataset, cut(dataset)


def test_leakage_by_hand_and_none_under_global_time():
    """Train events at 1, 2 and 9: a third of them is later than the test at 5, none later than the test at 20."""
    card = leakage.future_leakage(cut(log({1: "a", 4: "b", 5: "c"}, {2: "a", 9: "c", 10: "b", 20: "a"})))
    assert card["future leakage"].value == pytest.approx(1 / 6)
    assert card["train events after the median test event"].value == 0
    assert card["targets first seen after the test event"].value == 0.5, "c is bought at 9, after the test at 5"
    dataset = synthetic.load("synthetic")
    card = leakage.future_leakage(cut(dataset, split="global-time"))
    assert not card.table()["significant"].any() and card["future leakage"].value == 0


def test_a_memorized_transition_is_from_the_future_only_if_all_occurrences_are():
    query, later = {1: "x", 2: "y", 5: "z"}, {6: "y", 7: "z", 30: "p", 31: "q"}
    card = leakage.future_transitions(cut(log(query, later)))
    assert (card["memorized test cases"].value, card["memorized from future events"].value) == (0.5, 1.0)
    earlier = {3: "y", 4: "z", 32: "p", 33: "r"}
    assert leakage.future_transitions(cut(log(query, later, earlier)))["memorized from future events"].value == 0
    known, future = leakage.memorized(cut(log(query, later)))
    assert leakage.future_transitions(cut(log(query, later)), hits=known)["memorized hits from future events"].n == 1
    with pytest.raises(UserError, match="no case"):
        leakage.future_transitions(cut(log(query, later)), hits=~known)
    dataset = synthetic.load("synthetic")
    figure = leakage.future_transitions(cut(dataset, split="global-time"))["memorized from future events"]
    assert figure.value == 0 and figure.n > 50


def test_future_items_in_lists():
    dataset = log({1: "x", 2: "y", 5: "z"}, {6: "new", 7: "y", 8: "x", 9: "z"})
    ids = {raw: item for item, raw in dataset.items["raw_id"].items()}
    test = cut(dataset).test
    lists = np.array([[ids["new"], ids["z"]], [ids["new"], ids["z"]]])
    card = leakage.future_items(lists, test, dataset)
    assert card["future items in lists"].value == 0.25, "new first occurs at 6, after the test at 5"
    assert card["gain from masking future items"].value == pytest.approx((1 - 1 / np.log2(3)) / 2)


def test_ties_change_the_metric_and_a_world_without_them_is_certain():
    dataset, parts = world("synthetic")
    card = event_order.tie_sensitivity(dataset, parts, orders=5)
    values = card.tables["tie_orders"]["ndcg@10"]
    assert card["tie range"].value == pytest.approx(values.max() - values.min()) and len(values) == 5
    assert card["targets changed by another tie order"].value > 0.05 and card["tie range"].significant
    dataset, parts = world("synthetic-chain")
    assert event_order.tie_sensitivity(dataset, parts)["tie range"].value == 0


def test_sequential_rules_exist_where_order_matters_and_nowhere_else():
    chain = event_order.sequential_rules(world("synthetic-chain")[1])
    assert chain["rules remaining after shuffling"].value < 0.5 and chain["p-value of the sequential rules"].significant
    rng = np.random.default_rng(0)
    few = event_order.sequential_rules(cut(log(*(dict(enumerate(rng.integers(9,
                                                                             size=12).tolist())) for _ in range(60)))))
    assert few["sequential rules"].value > 5 and not few["p-value of the sequential rules"].significant
    with pytest.raises(UserError, match="no transition in train has support 5"):
        event_order.sequential_rules(world("synthetic-null")[1])
    rows = Histories(np.array([0, 6, 12]), np.array([1, 2, 1, 2, 1, 2] * 2), np.arange(2))
    assert event_order.count_rules(rows, 2) == 1, "1, 2 comes six times; 2, 1 only four"
    mixed = event_order.shuffled(Histories(np.array([0, 5, 8]), np.arange(8), np.arange(2)), np.random.default_rng(0))
    assert set(mixed.items[:5]) == set(range(5)) and mixed.items.tolist() != list(range(8))


def test_ids_that_reveal_the_order_are_significant():
    card = event_order.next_id_probe(*world("synthetic", leak=True))
    assert card["next-id probe: source_id"].significant and not card["next-id probe: our permuted ids"].significant


def test_drift_is_significant_where_it_was_planted(monkeypatch):
    """Steps within a shelf follow no fashion, so the drift is looked for in the world without them."""
    monkeypatch.setitem(worlds.WORLDS, "synthetic", replace(worlds.WORLDS["synthetic"], similar_rate=0.0))
    dataset = synthetic.load("synthetic")
    card = drift.popularity_drift(dataset)
    assert card["popularity drift"].significant and card["rank correlation of windows"].significant
    assert drift.cold_targets(cut(dataset, split="global-time"))["cold test targets"].significant
    assert not drift.popularity_drift(world("synthetic-null")[0])["popularity drift"].significant
    assert drift.popularity_drift(dataset, seed=0).tables["drift"].equals(card.tables["drift"]), "seeded"


def test_recent_popularity_by_hand():
    """a was popular long ago; b is popular in the last tenth of train and is the target."""
    old = [{t + 100 * u: item for t, item in enumerate(["a"] * 9 + ["b", "c", "a"])} for u in range(3)]
    new = {400 + t: item for t, item in enumerate(["b"] * 4 + ["c", "b"])}
    card = drift.recent_popularity(cut(log(*old, new)))
    assert card.tables["recency"]["ndcg@10"]["all"] == pytest.approx((3 + 1 / np.log2(3)) / 4)
    assert card["recent minus all-time popularity"].n == 4


def test_masked_popularity_skips_the_history():
    dataset = log({1: "a", 2: "b", 3: "c"}, {1: "a", 2: "b", 3: "a"}, {1: "a", 2: "b", 3: "c"})
    counts = np.zeros(4)
    counts[[dataset.items.index[dataset.items["raw_id"] == raw][0] for raw in "abc"]] = [3, 2, 1]
    ranks = {mask: drift.popularity_ranks(cut(dataset, mask_history=mask), counts) for mask in (False, True)}
    assert sorted(ranks[False]) == [1, 3, 3] and sorted(ranks[True]) == [0, 1, 1]


def test_repeats_and_the_ceiling_by_hand():
    rows = Histories(np.array([0, 4, 5]), np.array([3, 1, 2, 1, 4]), np.arange(2))
    assert repeat_consumption.repeat_ranks(rows, np.array([3, 1])).tolist() == [3, 0]
    dataset = log(*({1: "a", 2: "b", 3: "l", 4: after} for after in "xxy"), {1: "a", 2: "b", 3: "m", 4: "a"})
    card = repeat_consumption.last_item_ceiling(cut(dataset))
    assert card["label noise ceiling"].value == pytest.approx((3 + 1 / np.log2(3)) / 4)
    assert card["cases with a unique last item"].value == 0.25
    card = repeat_consumption.repeat_consumption(cut(dataset))
    assert card["repeated test targets"].value == 0.25 and card["repeat last"].value == pytest.approx(0.125)


def test_near_duplicates_by_hand_and_as_planted():
    vectors = np.array([[0, 0], [1, 0], [0.99, 0.1], [0, 1], [0, 0]], np.float32)
    dataset = log({1: "a", 2: "b", 3: "c", 4: "d"}, {1: "a", 2: "b", 3: "c", 4: "d"})
    assert near_duplicates.near_duplicate_vectors(vectors,
                                                  cut(dataset))["items with near-duplicate vectors"].value == 0.5
    dataset, parts = world("synthetic")
    copies = dataset.items["title"].str.endswith(", twin pack").to_numpy()
    duplicate = near_duplicates.has_near_duplicate(tfidf_svd(dataset)[1:])
    assert duplicate[copies].mean() > 0.6 > 0.1 > duplicate[~copies].mean()
    texts = [("one red shoe", "two green hats")[n % 2] for n in range(len(dataset.items))]
    same = assemble("same", dataset.interactions[["user", "item", "timestamp"]],
                    items=pd.DataFrame({"raw_id": dataset.items.index, "text": texts}))  # fmt: skip
    assert near_duplicates.near_duplicate_texts(same, cut(same))["items with near-duplicate texts"].value == 1


def test_the_core_filter_by_hand():
    users, items = np.repeat(np.arange(5), 2)[1:], np.repeat(np.arange(5), 2)[:-1]  # each round removes the ends
    card = sensitivity.k_core_sensitivity(assemble("chain", pd.DataFrame({"user": users, "item": items})), ks=(1, 2))
    assert card["users kept by the 2-core"].value == 0 and card["users kept by the 2-core"].significant
    assert card.tables["core"].loc[1, "interactions"] == 1 and card.tables["core"].loc[1, "rounds"] == 0
    assert card.tables["core"].loc[2, "rounds"] > 1 and 0 < card.tables["core"].loc[2, "first_round"] < 1


def test_split_sensitivity_by_hand():
    scores = {"loo": {"a": 0.3, "b": 0.1}, "gts": {"b": 0.12, "a": 0.05}}
    card = sensitivity.split_sensitivity(scores)
    best = card["gts over loo"]
    assert best.value == pytest.approx(0.4) and "(b, 1 test cases)" in best.note and "(a, 1 test cases)" in best.note
    assert card.tables["splits"]["gts over loo"].tolist() == pytest.approx([1 / 6, 1.2])
    chosen = sensitivity.split_sensitivity(scores, valid={"loo": {"a": 1.0, "b": 2.0}, "gts": {"a": 2.0, "b": 1.0}})
    assert chosen["gts over loo"].value == pytest.approx(0.5), "b chose 0.1, a chose 0.05"
    three = {"loo": scores["loo"] | {"c": 0.2}, "gts": scores["gts"] | {"c": 0.1}}
    assert sensitivity.split_sensitivity(three)["gts over loo"].value == pytest.approx(0.4), "of the best, not a mean"
    assert card["rank correlation of systems, gts and loo"].value == -1
    rng = np.random.default_rng(0)
    cases = {name: rng.random(400) * scale for name, scale in (("a", 1.0), ("b", 0.5))}
    card = sensitivity.split_sensitivity({"loo": cases, "gts": {name: row[:50] / 2 for name, row in cases.items()}})
    ratio = card["gts over loo"]
    assert ratio.low < 0.5 < ratio.high < 1 and ratio.significant
    assert not card["rank correlation of systems, gts and loo"].significant
    with pytest.raises(UserError, match="same systems"):
        sensitivity.split_sensitivity({"loo": {"a": 0.3}, "gts": {"b": 0.1}})


def test_missing_columns_are_unmeasured_and_the_rest_is_measured():
    plain = log({1: "a", 2: "b", 3: "c", 4: "d"}, {1: "b", 2: "c", 3: "a"}, order="none", timed=False)
    card = data_card(plain, cut(plain))
    unmeasured = {"spans", "ties", "titles", "near-duplicate texts", "future leakage", "popularity drift"}
    assert unmeasured <= set(card.unmeasured)
    assert "no timestamps" in card.unmeasured["future leakage"] and card["users"].value == 2
    single = log({1: "a", 2: "b", 3: "c", 4: "a"})
    card = data_card(single, cut(single), vectors=np.eye(4, 3, dtype=np.float32))
    assert card["future leakage"].value == 0 and card["items with near-duplicate vectors"].value == 0


def test_every_figure_has_a_note_and_the_card_is_seeded():
    dataset, parts = world("synthetic")
    card = data_card(dataset, parts)
    assert not card.unmeasured and card.table().index.is_unique
    assert card.table()["note"].str.endswith(".").all() and card["item gini"].significant
    assert card.table().equals(data_card(dataset, parts).table()), "seeded"


def test_known_values_of_beauty(real):
    dataset = datasets.load("beauty")
    parts = cut(dataset)
    card, days, leak = dataset_size(dataset), time_spans(dataset), leakage.future_leakage(parts)
    assert [card[name].value for name in ("users", "items", "interactions", "median length")] == [
        22_363, 12_101, 198_502, 6,
    ]  # fmt: skip
    assert card["mean length"].value == pytest.approx(8.876, abs=1e-3) and days["days in the log"].value == 4_424
    assert days["median days of a user"].value == 365 and days["median days between events"].value == 4
    after = leak["train and validation events after the median test event"].value
    assert after == pytest.approx(0.195, abs=5e-4)
    ties = event_order.tie_sensitivity(dataset, parts, orders=2)
    assert ties["test targets tied with the previous item"].value == pytest.approx(0.435, abs=5e-4)
    assert leakage.future_transitions(parts)["memorized from future events"].low > 0.2
    assert repeat_consumption.repeat_consumption(parts)["repeated test targets"].value == 0

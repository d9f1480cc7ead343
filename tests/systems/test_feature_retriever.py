"""Feature retriever: codes and actions by hand, causality, what FiLM is at the start; and on a toy log of promoted and
clicked items what features and knowing the action are for; many negatives beside one."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import torch
from toys import make_histories

from workbench import systems
from workbench.data import Histories, assemble, protocol_for, split
from workbench.data.tables import attach_tables
from workbench.embed.column_codes import column_codes
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.experiment import open_bench
from workbench.nets.sequences.feature_tokens import FeatureEncoder, FusedItems, Profiles, plain_items
from workbench.train.fit import TrainingSession

retriever = systems.load("feature_retriever")
GROUPS, ITEMS, PROMOTED = 6, 96, 12
SMALL = {"width": 32, "layers": 1, "dropout": 0.0}
FIRST_COLD = ITEMS - 24  # raw ids from here on are clicked last or never


def test_codes_of_columns_by_hand():
    """Rows 0 to 3 are known. Value b is of one known row alone, d of none; a cell may hold several."""
    table = pd.DataFrame({"kind": ["a", "a | c", "b", "c|a", "d", None], "alone": list("uvwxyz"),
                          "flag": [1, 0, 1, 0, 1, 7]})  # fmt: skip
    found = column_codes(table, ["kind", "alone", "flag"], np.array([1, 1, 1, 1, 0, 0], bool))
    assert found.size == 4 and found.codes.shape == (6, 2, 6), "a column without a known value is left out"
    assert found.codes[:, 0, :2].tolist() == [[1, 0], [1, 2], [0, 0], [2, 1], [0, 0], [0, 0]]
    assert found.codes[:, 1, 0].tolist() == [4, 3, 4, 3, 4, 0]


def histories(*rows):
    """Histories of items 1, 2, ... with these actions."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    actions = np.array(sum(rows, []), np.int8)
    users = np.arange(5, 5 + len(rows), dtype=np.int32)
    return Histories(offsets, np.arange(1, len(actions) + 1, dtype=np.int32), users, {"action": actions})


def test_the_next_action_is_told_and_after_the_last_the_most_valued():
    users, done, wanted = retriever.event_inputs("action", 3)(histories([0, 2, 1], [], [1, 0, 0, 2]), 3)
    assert users.tolist() == [[5] * 3, [6] * 3, [7] * 3]
    assert done.tolist() == [[1, 3, 2], [0, 0, 0], [1, 1, 3]], "of long histories the last are read"
    assert wanted.tolist() == [[3, 2, 3], [3, 0, 0], [1, 3, 3]]
    (alone,) = retriever.event_inputs("", 0)(histories([0]), 2)
    assert alone.tolist() == [[5, 5]]
    given = histories([0, 1, 2, 2, 1, 0, 2, 1, 0], [2, 2, 2])
    _, shuffled, _ = retriever.event_inputs("action", 3, 4)(given, 9)
    _, real, _ = retriever.event_inputs("action", 3)(given, 9)
    assert (np.sort(shuffled, 1) == np.sort(real, 1)).all() and (shuffled != real).any()


def encoder(actions=2, profiles=True):
    torch.manual_seed(0)
    users = Profiles(torch.tensor([[[1]], [[2]]]), 2, 8) if profiles else None
    item = FusedItems(torch.arange(7), torch.randint(0, 5, (7, 2, 3)), 4, torch.randn(7, 3), 8)
    return FeatureEncoder(item, width=8, layers=2, heads=2, feedforward=16, max_length=6, dropout=0.0,
                          profiles=users, actions=actions).eval()  # fmt: skip


@torch.no_grad()
def test_states_are_causal_and_know_user_action_and_the_wanted_one():
    net = encoder()
    items, users = torch.tensor([[1, 2, 3, 4]]), torch.zeros(1, 4, dtype=torch.long)
    done, wanted = torch.tensor([[1, 2, 1, 2]]), torch.tensor([[2, 1, 2, 2]])
    h = net(items, users, done, wanted)
    assert h.shape == (1, 4, 8)
    later = net(torch.tensor([[1, 2, 5, 6]]), users, torch.tensor([[1, 2, 2, 1]]), torch.tensor([[2, 1, 1, 1]]))
    assert torch.allclose(h[:, :2], later[:, :2], atol=1e-6) and not torch.allclose(h[:, 2:], later[:, 2:], atol=1e-3)
    assert not torch.allclose(h, net(items, users + 1, done, wanted), atol=1e-3), "the profile"
    assert not torch.allclose(h, net(items, users, 3 - done, wanted), atol=1e-3), "what was done"
    assert torch.equal(h, net(items, users, done, 3 - wanted)), "FiLM is the identity before training"
    net.gain.weight[2], net.shift.weight[2] = 1.0, 0.5
    told = net(items, users, done, wanted)
    assert torch.allclose(told[0, [0, 2, 3]], 2 * h[0, [0, 2, 3]] + 0.5) and torch.equal(told[0, 1], h[0, 1])


@torch.no_grad()
def test_fused_items_have_zero_padding_rows_equal_to_the_table_and_unknown_ids_share_nothing():
    item = encoder().item
    ids = torch.tensor([[0, 3], [6, 3]])
    assert not item.weight[0].any() and torch.allclose(item(ids), item.weight[ids], atol=1e-6)
    cold = FusedItems(torch.tensor([0, 1, 0, 0]), torch.zeros(4, 0, 6, dtype=torch.long), 0, torch.zeros(4, 0), 8)
    assert torch.equal(cold.weight[2], cold.weight[3]) and not torch.equal(cold.weight[1], cold.weight[2])
    assert plain_items(4, 8).weight.shape == (5, 8) and not plain_items(4, 8).weight[0].any()


@lru_cache
def toy():
    """A bench whose users click items of one group, which only the vectors tell, while the server shows them promoted
    items three times of four. One click of three at the end is of an item that nobody clicked before."""
    rng = np.random.default_rng(0)
    group, events = np.arange(ITEMS) % GROUPS, []
    warm = [np.flatnonzero((group == g) & (np.arange(ITEMS) < FIRST_COLD) & (np.arange(ITEMS) >= PROMOTED))
            for g in range(GROUPS)]  # fmt: skip
    cold = [np.flatnonzero((group == g) & (np.arange(ITEMS) >= FIRST_COLD)) for g in range(GROUPS)]
    for user in range(300):
        taste = user % GROUPS
        action = (rng.random(12) < 0.3).astype(int)
        action[-2:] = 1
        items = np.where(action, rng.choice(warm[taste], 12), rng.integers(0, PROMOTED, 12))
        if user // GROUPS % 3 == 0:
            items[-1] = rng.choice(cold[taste])
        events += zip([user] * 12, items, range(12), action)
    table = pd.DataFrame(events, columns=["user", "item", "timestamp", "action"])
    vectors = np.eye(GROUPS)[group] + 0.05 * rng.standard_normal((ITEMS, GROUPS))
    dataset = attach_tables(assemble("toy", table), {"emb": pd.DataFrame({"item": np.arange(ITEMS), **{
        str(n): vectors[:, n].astype(np.float32) for n in range(GROUPS)}})})  # fmt: skip
    cut = split(dataset, protocol_for(dataset))
    return replace(open_bench("synthetic", profile="smoke", device="cpu"), given={"dataset": dataset, "split": cut})


@lru_cache
def fitted(**changes):
    """A retriever fitted on the toy."""
    bench = toy()
    settings, recipe = bench.plan("feature_retriever", **SMALL, **changes)
    recommender = bench.build("feature_retriever", **settings)
    recipe = replace(recipe, epochs=12, batch_size=64, lr=3e-3, patience=12)
    recommender.fit(bench.split, TrainingSession(recipe, 0, "cpu", None))
    return recommender


def values(recommender):
    """NDCG@20 of each test case, and whether its target is cold. A group has 10 warm items, and 12 are promoted: a list
    of ten could be full before an item of interest."""
    cases, cut = toy().split.test, toy().split
    return evaluate(recommender, cases, cut, quiet=True).per_case("ndcg@20"), cut.train_counts()[cases.targets] == 0


def test_zeroing_the_content_vectors_hurts_cold_items_most():
    model = fitted()
    whole, cold = values(model)
    vectors = model.module.item.vectors.clone()
    try:
        model.module.item.vectors.zero_()
        without, _ = values(model)
    finally:
        model.module.item.vectors.copy_(vectors)
    lost = [1 - without[rows].mean() / whole[rows].mean() for rows in (cold, ~cold)]
    assert cold.sum() > 80 and whole[cold].mean() > 0.05
    assert lost[0] > lost[1] + 0.1, f"of NDCG@20 is lost {lost[0]:.2f} on cold items, {lost[1]:.2f} on others"


def test_knowing_the_action_keeps_it_from_recommending_what_the_server_shows():
    warm = ~values(fitted())[1]
    told, blind, placebo = (values(fitted(**changes))[0][warm].mean()
                            for changes in ({}, {"actions": False}, {"shuffled": "actions"}))  # fmt: skip
    assert told > 1.3 * blind and told > 1.3 * placebo


@pytest.mark.slow
def test_many_negatives_beat_one_at_equal_steps():
    """Where every event is a target like those of the test; on the toy, whose test has clicks alone, they do not."""
    bench = open_bench("synthetic", profile="smoke", device="cpu")
    same = {"width": 32, "layers": 1, "epochs": 6}
    many = bench.fit("feature_retriever", features=False, actions=False, negatives=256, **same)
    one = bench.fit("sasrec", loss="bce", **same)
    assert many.metrics["ndcg@10"] > one.metrics["ndcg@10"] + 0.01


def test_readout_positions_of_a_profile_in_front():
    dataset = toy().dataset
    kinds = pd.Series(np.arange(dataset.n_users) % 3, dataset.users.index).astype(str)
    with_users = replace(dataset, users=dataset.users.assign(kind=kinds))
    bench = replace(toy(), given=toy().given | {"dataset": with_users})
    model = bench.build("feature_retriever", **systems.settings("feature_retriever", **SMALL))
    seen = []
    model.module.blocks[0].out.register_forward_hook(lambda _, __, out: seen.append(out))
    found = model.trace(bench.split.test.histories.take(np.arange(4)))
    assert found.mask.shape == seen[0].shape[:2] and not found.mask[:, 0].any()
    assert found.mask.sum() == len(found.event) == bench.split.test.histories.lengths[:4].sum()


@pytest.mark.parametrize("changes, said", [
    ({"shuffled": "users"}, "shuffled"), ({"negatives": -1}, "negatives"), ({"width": 7}, "width"),
    ({"vectors": "pictures"}, "pictures"),
])  # fmt: skip
def test_bad_settings(changes, said):
    with pytest.raises(UserError, match=said):
        toy().build("feature_retriever", **systems.settings("feature_retriever", **SMALL | changes))


def test_of_a_user_who_is_not_there_nothing_is_known():
    """As of one whose columns are empty; and a history that was typed in has no actions."""
    profiles = Profiles(torch.tensor([[[1]], [[0]]]), 2, 8)
    with torch.no_grad():
        known, empty, later, before = profiles(torch.tensor([0, 1, 7, -1]))
    assert torch.equal(later, empty) and torch.equal(before, empty) and not torch.equal(known, empty)
    typed = make_histories([3, 4])
    _, done, wanted = retriever.event_inputs("click", 2)(typed, 2)
    assert not done.any() and wanted.tolist() == [[0, 2]]

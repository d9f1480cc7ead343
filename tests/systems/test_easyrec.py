"""EasyRec: profiles by hand, pairs that do not hold what they are to find, and users who were held out whole."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toys import make_histories

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.unseen.held_out_users import held_out_table, without_users
from workbench.recommenders.text import profiles
from workbench.recommenders.text.next_title import Tower
from workbench.systems.text import easyrec

VECTORS = np.pad(np.random.default_rng(0).normal(size=(30, 6)), ((1, 0), (0, 0))).astype(np.float32)
VECTORS[1:] /= np.linalg.norm(VECTORS[1:], axis=1, keepdims=True)


@pytest.fixture(scope="module")
def bench():
    options = {"users": 600, "items": 200}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def test_before_the_tuning_a_profile_is_the_mean_of_the_texts():
    histories = make_histories([1, 2, 2], [], [5])
    found = profiles.user_profiles(Tower(6), VECTORS, histories)
    mean = VECTORS[1] + 2 * VECTORS[2]
    assert np.allclose(found, [mean / np.linalg.norm(mean), np.zeros(6), VECTORS[5]], atol=1e-6)
    assert np.allclose(profiles.item_profiles(Tower(6), VECTORS), VECTORS, atol=1e-6)


def test_a_pair_is_an_item_and_the_other_items_of_its_user(monkeypatch):
    train, seen = make_histories([1, 2, 3], [4], [5, 5]), []

    def loss(tower, others, own, item, tau):
        seen.extend(zip(others, own, item.tolist()))
        return tower.contract.weight.sum() * 0

    monkeypatch.setattr(profiles, "profile_loss", loss)
    profiles.tuned_tower(VECTORS, train, steps=1, tau=1.0, seed=0)
    others = {1: VECTORS[2] + VECTORS[3], 2: VECTORS[1] + VECTORS[3], 3: VECTORS[1] + VECTORS[2], 5: VECTORS[5]}
    assert {item for _, _, item in seen} == {1, 2, 3, 5}, "user 1 has no other item"
    for user, own, item in seen:
        assert np.allclose(user, others[item], atol=1e-6) and np.allclose(own, VECTORS[item])


def test_the_ranker_tunes_on_train_and_its_state_is_the_whole_of_it(bench):
    vectors, split = bench.vectors("text", dim=16), bench.split
    rankers = [profiles.profile_ranker(vectors, steps=steps, tau=0.2, seed=0) for steps in (0, 5, 5)]
    for ranker in rankers[:2]:
        ranker.fit(split)
    histories = split.test.histories
    plain, tuned = (ranker.score(histories) for ranker in rankers[:2])
    mean = np.stack([vectors[histories.row(row)].mean(0) for row in range(len(histories))])
    assert np.allclose(plain, F.normalize(torch.from_numpy(mean), dim=1).numpy() @ vectors.T, atol=1e-5)
    assert not np.allclose(plain, tuned, atol=1e-3)
    rankers[2].load_state(rankers[1].state())
    assert np.array_equal(rankers[2].score(histories), tuned)


def test_users_held_out_whole_are_in_no_train_event(bench):
    variant, cases = without_users(bench, 0.4)
    test, train = bench.split.test, variant.split.train
    theirs = np.unique(test.histories.users[cases])
    assert not train.lengths[theirs].any() and 0.3 < cases.mean() < 0.5
    others = np.setdiff1d(np.arange(bench.split.n_users), theirs)
    assert set(others[train.lengths[others] > 0]) >= set(test.histories.users[~cases])
    with pytest.raises(UserError, match="above 0 and below 1"):
        without_users(bench, 1.0)


def test_their_text_ranks_better_tuned_than_as_it_is_than_of_others_and_than_by_chance(bench):
    table = held_out_table(bench, metrics=("recall@20",))
    assert set(table.index) == {"tuned profiles", "text as it is", "tuned, text of other items", "random", "popularity"}
    tuned = table.loc["tuned profiles"]
    assert np.isnan(tuned["behind"]) and (table["cases"] == without_users(bench)[1].sum()).all()
    for name in ("text as it is", "tuned, text of other items", "random"):
        row = table.loc[name]
        assert row["behind"] == pytest.approx(tuned["recall@20"] - row["recall@20"]) and row["low"] < row["behind"]
    assert (table.loc[["tuned, text of other items", "random"], "low"] > 0).all(), table
    assert tuned["recall@20"] > table.loc["text as it is", "recall@20"], table


def test_the_contrast_reaches_the_graph_and_its_profiles_are_frozen(bench):
    module = bench.build("easyrec", width=8).module
    plain = easyrec.texts(bench, "text", False)
    e = module.propagation.e
    assert e.shape == (bench.split.n_users + bench.split.n_items + 2, plain.shape[1]) and not e.requires_grad
    assert torch.allclose(e[0].norm(), torch.tensor(plain.shape[1] ** 0.5), atol=1e-4)
    assert not e[bench.split.n_users].any() and not e[bench.split.n_users + 1].any(), "the unknown user, padding"


def test_untuned_profiles_are_those_of_the_text(bench):
    first = bench.split.n_users + 1
    plain, tuned = (bench.build("easyrec", width=8, tuned=how).module.propagation.e[first:] for how in (False, True))
    texts = torch.from_numpy(bench.vectors("text", dim=easyrec.FEATURES))
    assert torch.allclose(plain, texts * easyrec.FEATURES**0.5, atol=1e-4) and not torch.allclose(plain, tuned)


@pytest.mark.parametrize("changes, message", [
    ({"tau": 0.0}, "tau=0.0 must be positive"), ({"weight": -0.1}, "weight=-0.1 at least 0"),
    ({"layers": 0}, "layers at least 1"), ({"vectors": "txt"}, "did you mean 'text'"),
])  # fmt: skip
def test_bad_settings(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("easyrec", **changes)

"""LLMRec: which pairs texts, popularity and chance choose, in blocks and by a plain sort, and which losses are kept."""
import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import UserError
from workbench.recommenders.graphs.over_lightgcn import train_pairs
from workbench.systems.graph import llmrec
from workbench.systems.graph.llmrec import KINDS, extra_pairs, lowest, scores_by


@pytest.fixture(scope="module")
def bench():
    options = {"users": 150, "items": 80}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.mark.parametrize("by", KINDS)
def test_pairs_are_the_ends_of_a_sort_of_what_a_user_does_not_have(bench, by, monkeypatch):
    split = bench.split
    monkeypatch.setattr(llmrec, "USERS", 40)  # several blocks, the last one smaller
    score = scores_by(bench, by)
    liked, disliked = extra_pairs(split, score, 3)
    assert liked.shape == disliked.shape == (split.n_users, 3)
    users, items = train_pairs(split)
    for first in range(0, split.n_users, 40):
        block = np.arange(first, min(first + 40, split.n_users))
        for user, row in zip(block, score(block)):
            others = np.setdiff1d(np.arange(1, split.n_items + 1), items[users == user])
            ordered = np.sort(row[others])
            assert not set(liked[user]) - set(others) and not set(disliked[user]) - set(others)
            assert np.allclose(np.sort(row[liked[user]]), ordered[-3:])
            assert np.allclose(np.sort(row[disliked[user]]), ordered[:3])


def test_texts_are_compared_with_the_mean_of_what_a_user_has(bench):
    split, vectors = bench.split, bench.vectors("text")
    users, items = split.train.users[split.train.rows()], split.train.items
    found = scores_by(bench, "text")(np.array([7, 9]))
    for user, row in zip((7, 9), found):
        mean = vectors[items[users == user]].mean(0)
        cosine = vectors[1:] @ mean / np.linalg.norm(vectors[1:], axis=1) / np.linalg.norm(mean)
        assert np.allclose(row[1:], cosine, atol=1e-5)


def test_pairs_by_text_are_liked_by_their_users(bench):
    """Categories are planted: what a user does not have but would like is of the categories that they have."""
    category = np.concatenate([[""], bench.dataset.items["category"].to_numpy(object)])
    users, items = train_pairs(bench.split)
    shares = {}
    for by in ("text", "random"):
        for name, side in zip(("liked", "disliked"), extra_pairs(bench.split, scores_by(bench, by), 3)):
            own = [np.isin(category[side[user]], category[items[users == user]]).mean() for user in np.unique(users)]
            shares[by, name] = np.mean(own)
    assert shares["text", "liked"] > shares["random", "liked"] + 0.1
    assert shares["text", "disliked"] < shares["random", "disliked"] - 0.1


def test_the_lowest_losses_are_kept_and_the_others_have_no_gradient():
    losses = torch.tensor([3.0, 0.5, 2.0, 1.0, 4.0, 0.1, 9.0], requires_grad=True)
    kept = lowest(losses, 1 - 0.71)
    assert sorted(kept.tolist()) == pytest.approx([0.1, 0.5]), "0.29 of 7"
    kept.sum().backward()
    assert losses.grad.tolist() == [0, 1, 0, 0, 0, 1, 0]
    assert len(lowest(losses, 0.01)) == 1 and len(lowest(losses, 1.0)) == 7


def test_drop_and_weight_change_what_is_learnt(bench):
    def table(**changes):
        return bench.fit("llmrec", epochs=1, width=8, layers=1, **changes).recommender().state()["ego.user.weight"]

    tables = [table(), table(drop=0.0), table(weight=1.0), table(weight=0.0)]
    assert not any(np.array_equal(tables[0], other) for other in tables[1:])
    plain = bench.fit("lightgcn", epochs=1, width=8, layers=1).recommender().state()["ego.user.weight"]
    assert np.array_equal(tables[3], plain), "with weight 0 pairs are drawn and not learnt"


@pytest.mark.parametrize("changes, message", [
    ({"rate": 1.1}, "llmrec: rate=1.1"), ({"drop": 1.0}, "drop=1.0"), ({"n": 41}, "n=41"), ({"by": "texts"}, "text"),
    ({"weight": -1.0}, "weight=-1.0"),
])  # fmt: skip
def test_bad_settings(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("llmrec", **changes)

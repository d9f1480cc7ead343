"""LLMRec: which pairs texts, popularity and chance choose, in blocks and by a plain sort, and which losses are kept."""
import numpy as np
import pytest
import torch
from tiny_lm import save_tiny_model

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.run_plan import plan_system
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.graphs import extra_pairs as pairs
from workbench.recommenders.graphs.extra_pairs import candidates, chosen_pairs, extra_pairs, scores_by
from workbench.recommenders.graphs.over_lightgcn import train_pairs
from workbench.recommenders.prompts import local_model
from workbench.systems.graph.llmrec import KINDS, lowest, pairs_of


@pytest.fixture(scope="module")
def bench():
    options = {"users": 150, "items": 80}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.mark.parametrize("by", KINDS)
def test_pairs_are_the_ends_of_a_sort_of_what_a_user_does_not_have(bench, by, monkeypatch):
    split = bench.split
    monkeypatch.setattr(pairs, "USERS", 40)  # several blocks, the last one smaller
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


def cosines(bench, user, vectors):
    mean = vectors[bench.split.train.row(user)].mean(0)
    return vectors @ mean / np.maximum(np.linalg.norm(vectors, axis=1) * np.linalg.norm(mean), 1e-12)


def test_texts_are_compared_with_the_mean_of_what_a_user_has(bench):
    found = scores_by(bench, "text")(np.array([7, 9]))
    for user, row in zip((7, 9), found):
        assert np.allclose(row, cosines(bench, user, bench.vectors("text")), atol=1e-5)


def test_vectors_of_another_kind_choose_other_pairs(bench):
    def found(**changes):
        return pairs_of(bench, "text", changes.get("vectors", "text"), "", 3)()

    assert np.array_equal(found()[0], found()[0]) and not np.array_equal(found()[0], found(vectors="permuted")[0])
    items = bench.vectors("permuted")
    assert np.allclose(scores_by(bench, "text", "permuted")(np.array([7]))[0], cosines(bench, 7, items), atol=1e-5)


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    yield str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))
    local_model._loaded.cache_clear()


def test_a_model_chooses_among_what_the_texts_propose(bench, folder, monkeypatch):
    def letters(lm, prompts, answers):  # likes what comes first by its title
        titles = [[line[3:] for line in prompt.splitlines() if line[1:3] == ": "] for prompt in prompts]
        return np.array([[-float(sorted(row).index(title)) for title in row] for row in titles])

    monkeypatch.setattr(CausalLM, "answer_logits", letters)
    split, titles = bench.split, bench.dataset.titles()
    offered = candidates(split, scores_by(bench, "text"), 2)
    liked, disliked = chosen_pairs(local_model.local_model(folder), titles, split.train, offered, 2, bench.seed)
    assert offered.shape == (split.n_users, 8) and liked.shape == disliked.shape == (split.n_users, 2)
    for best, worst, row in zip(titles[liked], titles[disliked], titles[offered]):
        assert sorted(best) == sorted(row)[:2] and sorted(worst) == sorted(row)[-2:]


def test_a_model_is_asked_when_training_starts_and_is_part_of_the_key(bench, folder, tmp_path, monkeypatch):
    asked = CausalLM.answer_logits
    monkeypatch.setattr(CausalLM, "answer_logits", None)
    one, other = (plan_system(bench, "llmrec", {"model": model}).inputs["drawn"]["model"] for model in (
        folder, str(save_tiny_model(tmp_path / "other", seed=3))))  # fmt: skip
    assert one != other
    choose = pairs_of(bench, "text", "text", folder, 1)
    plain, placebo = (pairs_of(bench, by, "text", folder, 1)() for by in ("popularity", "random"))
    monkeypatch.setattr(CausalLM, "answer_logits", asked)
    liked = choose()[0]
    assert choose()[0] is liked, "it is asked once"
    assert not any(np.array_equal(liked, found[0]) for found in (plain, placebo))


@pytest.mark.parametrize("changes, message", [({"n": 7}, "n=7 is at most 6"), ({"model": "here"}, "here")])
def test_bad_settings_of_a_model(bench, folder, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("llmrec", **{"model": folder} | changes)


def test_vectors_of_an_unknown_kind_are_one_error(bench):
    with pytest.raises(UserError, match="sentence"):
        bench.build("llmrec", vectors="sentences")

"""Users' codes in a lettered prompt: the letters' order does not matter, the user's code does; letters are learned."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from workbench import experiment, systems
from workbench.data import Histories
from workbench.errors import UserError
from workbench.nets.sequences.lettered_choice import LetteredChoice
from workbench.recommenders.prompts.letter_training import next_letter
from workbench.train import PROFILES, Recipe
from workbench.train.fit import TrainingSession

ulmrec = systems.load("ulmrec")


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 250})


@lru_cache
def fitted(**changes):
    model = bench().build("ulmrec", **changes)
    session = TrainingSession(Recipe(epochs=8, batch_size=32, lr=5e-3), 0, "cpu", None)
    return model, model.fit(bench().split, session)


def test_permuted_candidates_have_permuted_scores_in_any_company():
    model, histories = fitted()[0], bench().split.test.histories.take(np.arange(40))
    candidates = model.candidates(histories)
    scores, order = model.rescore(histories, candidates), np.random.default_rng(0).permutation(20)
    assert np.array_equal(model.rescore(histories, candidates[:, order]), scores[:, order])
    np.testing.assert_allclose(model.rescore(histories.take([7]), candidates[[7]])[0], scores[7], atol=1e-5)


def test_the_codes_of_a_user_are_read():
    model, histories = fitted()[0], bench().split.test.histories.take(np.arange(40))
    candidates = model.candidates(histories)
    other = Histories(histories.offsets, histories.items, histories.users[::-1].copy())
    assert np.abs(model.rescore(other, candidates) - model.rescore(histories, candidates)).max() > 1e-3
    nobody = Histories(histories.offsets, histories.items, np.full(40, 10**6, np.int32))
    assert np.isfinite(model.rescore(nobody, candidates)).all()
    none = bench().build("ulmrec", users="none")
    assert np.array_equal(none.rescore(other, candidates), none.rescore(histories, candidates))
    assert not [name for name, _ in none.module.named_parameters() if name.startswith("codes")]


def test_letters_are_learned():
    model, curve = fitted()
    split = bench().split
    first, then = model.stages.first, split.test.targets
    candidates = first.recommend(split.test.histories, 20).items
    found = (candidates == then[:, None]).any(1)
    at = (candidates[found] == then[found, None]).argmax(1)
    scores = model.rescore(split.test.histories, candidates)[found]
    better = (scores < np.take_along_axis(scores, at[:, None], 1)).mean()
    assert found.sum() > 50 and better > 0.55, better
    assert curve[-1]["loss"] < curve[0]["loss"] - 0.02 and curve[0]["loss"] < np.log(20) + 0.1


def test_a_candidate_s_logit_moves_with_its_letter_and_no_line_reads_ahead():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LetteredChoice(np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32), (4, 4), events=3,
                             letters=5, width=8, layers=1, dropout=0.0).eval()  # fmt: skip
    codes, events, offered = torch.tensor([[1, 2]]), torch.tensor([[0, 3, 4]]), torch.tensor([[5, 6, 7, 8, 1]])
    logits = net(codes, events, offered)
    assert logits.shape == (1, 5)
    order = torch.tensor([4, 3, 2, 1, 0])
    moved = net(codes, events, offered[:, order])[:, order]
    assert not torch.allclose(moved, logits, atol=1e-3), "letters have a bias of their own, so they are shuffled"
    assert torch.equal(net(torch.zeros(1, 2, dtype=torch.int64), events, offered) == logits, torch.zeros(1, 5).bool())
    torch.testing.assert_close(net.letter.weight @ net.letter.weight.T, torch.eye(5), atol=1e-5, rtol=0)


def test_only_retrieved_next_items_are_learned_from_behind_shuffled_letters():
    seen = []

    def logits(module, histories, offered):
        seen.append((histories, offered))
        return torch.zeros(len(offered), 20)

    first, split = bench().teacher("item_transitions").recommender(), bench().split
    session = TrainingSession(Recipe(batch_size=64), 0, "cpu", None)
    objective = next_letter(first, logits, n=20, max_length=10)(torch.nn.Linear(1, 1), split, session)
    batches = objective.batches(0)
    assert sum(map(len, batches)) == 4 * split.n_users and not np.array_equal(batches[0], objective.batches(1)[0])
    prefixes = split.train.prefixes(11)
    for step, batch in enumerate(batches[:3]):
        assert float(objective.loss(batch, step)) == pytest.approx(np.log(20))
        histories, offered = seen[-1]
        then = prefixes.items[prefixes.offsets[1:] - 1][batch]
        assert (offered == then[:, None]).any(1).all()
        assert np.array_equal(histories.lengths, prefixes.lengths[batch] - 1)
        retrieved = first.recommend(histories, 20).items
        assert np.array_equal(np.sort(retrieved, 1), np.sort(offered, 1)) and not np.array_equal(retrieved, offered)


def test_the_newest_event_stands_last():
    histories = Histories(np.array([0, 2, 2, 6]), np.array([1, 2, 3, 4, 5, 6], np.int32), np.arange(3, dtype=np.int32))
    assert ulmrec.newest_last(histories, 3).tolist() == [[0, 1, 2], [0, 0, 0], [4, 5, 6]]


@pytest.mark.parametrize("wrong", [{"n": -1}, {"n": 27}, {"users": "other"}, {"shuffles": 0}, {"layers": 0},
                                   {"width": 33}, {"dropout": 1.0}, {"model": "./nowhere"}])  # fmt: skip
def test_a_bad_setting_is_one_error(wrong):
    with pytest.raises(UserError):
        bench().build("ulmrec", **wrong)

"""Users' codes in a lettered prompt: the letters' order does not matter, the user's code does; letters are learned."""
from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toys import make_histories

from workbench import experiment, systems
from workbench.data import Histories
from workbench.errors import UserError
from workbench.interfaces import Recommendations
from workbench.nets.sequences.lettered_choice import LetteredChoice
from workbench.recommenders.prompts.user_codes import UserCodes
from workbench.recommenders.rerank.first_stages import FirstStages
from workbench.recommenders.rerank.trained import Phase, TrainedReranker
from workbench.train import PROFILES, Recipe
from workbench.train.fit import TrainingSession

ulmrec = systems.load("ulmrec")


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 250})


@lru_cache
def fitted():
    model = bench().build("ulmrec")
    model.fit(bench().split, TrainingSession(Recipe(epochs=2, batch_size=32, lr=5e-3), 0, "cpu", None))
    return model


def test_permuted_candidates_have_permuted_scores_in_any_company():
    model, histories = fitted(), bench().split.test.histories.take(np.arange(40))
    candidates = model.candidates(histories)
    scores, order = model.rescore(histories, candidates), np.random.default_rng(0).permutation(20)
    assert np.array_equal(model.rescore(histories, candidates[:, order]), scores[:, order])
    np.testing.assert_allclose(model.rescore(histories.take([7]), candidates[[7]])[0], scores[7], atol=1e-5)


def test_the_codes_of_a_user_are_read():
    model, histories = fitted(), bench().split.test.histories.take(np.arange(40))
    candidates = model.candidates(histories)
    other = Histories(histories.offsets, histories.items, histories.users[::-1].copy())
    assert np.abs(model.rescore(other, candidates) - model.rescore(histories, candidates)).max() > 1e-3
    nobody = Histories(histories.offsets, histories.items, np.full(40, 10**6, np.int32))
    assert np.isfinite(model.rescore(nobody, candidates)).all()
    none = bench().build("ulmrec", users="none")
    assert np.array_equal(none.rescore(other, candidates), none.rescore(histories, candidates))
    assert not [name for name, _ in none.module.named_parameters() if name.startswith("chooser.codes")]


class Everything:
    """Retrieves all 20 items, in the order of their ids, for everybody."""

    def recommend(self, histories, k, exclude=None):
        items = np.tile(np.arange(1, k + 1), (len(histories), 1))
        return Recommendations(items, -items.astype(float))


KIND = np.arange(20) % 4  # of items 1 .. 20


def trained(train: Histories, events: int, users: str) -> tuple:
    """(model, curve) of a small network over 20 items of four kinds, which has learned from train."""
    vectors = np.eye(4, 8)[KIND] + np.random.default_rng(1).normal(size=(20, 8)) * 0.1
    vectors = np.concatenate([np.zeros((1, 8)), vectors]).astype(np.float32)
    shuffle = np.random.default_rng(2) if users == "shuffled" else None
    codes = UserCodes(train, vectors, seed=0, shuffle=shuffle) if users != "none" else None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LetteredChoice(vectors, (codes.size,) * 3 if codes else (), events=events, letters=20, width=16, layers=1,
                             dropout=0.0)  # fmt: skip

    module = ulmrec.ByLetter(net, codes, shuffles=2, seed=0)
    stages = FirstStages(Everything(), [Everything()], np.zeros(len(train), np.int64))
    model = TrainedReranker(stages, module, [Phase(module.loss)], n=20, n_items=20, seed=0)
    session = TrainingSession(Recipe(epochs=10, batch_size=32, lr=5e-3), 0, "cpu", None)
    split = SimpleNamespace(train=train, n_users=len(train), protocol=SimpleNamespace(mask_history=False))
    return model, model.fit(split, session)


def items_of(kinds: np.ndarray) -> Histories:
    """Histories (U, T) of random items of these kinds."""
    five = np.random.default_rng(0).integers(0, 5, kinds.shape)
    return make_histories(*(1 + kinds + 4 * five).tolist())


def test_letters_are_learned():
    """Who chose one kind of items goes on with it: after training its five stand on top."""
    of_user = np.random.default_rng(0).integers(0, 4, 240)
    train = items_of(np.tile(of_user[:, None], 7))
    model, curve = trained(train, 5, "none")
    share = (KIND[model.recommend(train, 5).items - 1] == of_user[:, None]).mean()
    assert share > 0.7 and curve[-1]["loss"] < np.log(20) - 0.5 < np.log(20) < curve[0]["loss"] + 0.5, (share, curve)


@pytest.mark.slow
def test_the_code_of_a_user_says_what_the_prompt_does_not():
    """Everybody has a kind of their own, but only the last event is read, which is of any kind."""
    rng = np.random.default_rng(0)
    own, kinds = rng.integers(0, 4, 240), rng.integers(0, 4, (240, 9))
    train = items_of(np.where(np.arange(9) % 4 == 0, kinds, own[:, None]))
    share = {}
    for users in ("own", "shuffled", "none"):
        lists = trained(train, 1, users)[0].recommend(train, 5).items
        share[users] = (KIND[lists - 1] == own[:, None]).mean()
    assert share["own"] > 0.6 and max(share["shuffled"], share["none"]) < 0.45, share


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


def test_the_newest_event_stands_last():
    histories = Histories(np.array([0, 2, 2, 6]), np.array([1, 2, 3, 4, 5, 6], np.int32), np.arange(3, dtype=np.int32))
    assert ulmrec.newest_last(histories, 3).tolist() == [[0, 1, 2], [0, 0, 0], [4, 5, 6]]


@pytest.mark.parametrize("wrong", [{"n": -1}, {"n": 27}, {"users": "other"}, {"shuffles": 0}, {"layers": 0},
                                   {"width": 33}, {"dropout": 1.0}, {"model": "./nowhere"}])  # fmt: skip
def test_a_bad_setting_is_one_error(wrong):
    with pytest.raises(UserError):
        bench().build("ulmrec", **wrong)

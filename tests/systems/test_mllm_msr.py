"""A preference renewed chunk by chunk: what is kept equals what is computed anew, and a judge of yes or no."""
from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench import experiment, systems
from workbench.errors import UserError
from workbench.nets.sequences.chunked_preference import (
    NO,
    YES,
    ChunkedPreference,
    MeanPreference,
    YesNoJudge,
    log_odds,
)
from workbench.recommenders.rerank.first_stages import training_lists
from workbench.train import PROFILES, Recipe
from workbench.train.fit import TrainingSession

mllm_msr = systems.load("mllm_msr")
PROFILE = replace(PROFILES["smoke"], users=None)


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=PROFILE, options={"users": 500})


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()


def test_a_state_kept_after_a_chunk_gives_what_a_new_reading_of_the_history_gives():
    net = seeded(lambda: ChunkedPreference(5, 8, 3))
    x = torch.randn(4, 11, 5, generator=torch.Generator().manual_seed(1))
    states = net(x)
    kept = states[:, 5]  # after two whole chunks
    for event in (6, 7, 8):
        torch.testing.assert_close(net.renew(kept, x[:, 6 : event + 1].mean(1)), states[:, event])
    by_hand = torch.zeros(4, 8)
    for start in (0, 3, 6, 9):
        by_hand = net.cell(x[:, start : start + 3].mean(1), by_hand)
    torch.testing.assert_close(by_hand, states[:, -1])
    assert not torch.allclose(net.renew(torch.zeros(4, 8), x[:, 6:9].mean(1)), states[:, 8]), "the kept state is read"


@pytest.mark.parametrize("make", [lambda: ChunkedPreference(5, 8, 3), lambda: MeanPreference(5, 8)])
def test_what_comes_later_is_not_read(make):
    net, x = seeded(make), torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(1))
    longer = torch.cat([x, torch.randn(2, 5, 5)], 1)
    torch.testing.assert_close(net(longer)[:, :8], net(x))


def test_the_mean_forgets_the_order_and_chunks_do_not():
    x = torch.randn(1, 9, 5, generator=torch.Generator().manual_seed(1))
    mean, chunks = seeded(lambda: MeanPreference(5, 8)), seeded(lambda: ChunkedPreference(5, 8, 3))
    torch.testing.assert_close(mean(x.flip(1))[:, -1], mean(x)[:, -1])
    assert not torch.allclose(chunks(x.flip(1))[:, -1], chunks(x)[:, -1], atol=1e-3)
    inside = x[:, [1, 2, 0, 3, 4, 5, 6, 7, 8]]
    torch.testing.assert_close(chunks(inside)[:, -1], chunks(x)[:, -1], msg="the order inside a chunk is lost")


def test_the_order_of_yes_and_no_does_not_change_a_score():
    judge = seeded(lambda: YesNoJudge(5, 8))
    preference, items = torch.randn(3, 1, 8), torch.randn(3, 4, 5)
    answers = judge(preference, items)
    odds = log_odds(answers)
    share = answers.softmax(-1)
    torch.testing.assert_close(odds, (share[..., YES] / share[..., NO]).log(), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        for part in (judge.answer.weight, judge.answer.bias):
            part.copy_(part.flip(0))
    assert torch.equal(log_odds(judge(preference, items), yes=NO), odds) and not torch.equal(odds, -odds)


def test_the_right_item_is_a_yes_and_every_other_candidate_a_no():
    model = bench().build("mllm_msr", width=32)
    lists = training_lists(bench().split.train, model.stages, 20, masked=True, rng=np.random.default_rng(0))
    batch = model.batch(lists, np.arange(8), np.random.default_rng(0))
    odds, loss = model.module(*batch[:3]).detach().double(), model.module.loss(batch, 0).detach()
    yes = torch.arange(20)[None] == batch.places[:, None]
    by_hand = -torch.where(yes, odds.sigmoid(), 1 - odds.sigmoid()).log().mean()
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)


def fitted(**changes):
    model = bench().build("mllm_msr", width=32, **changes)
    model.fit(bench().split, TrainingSession(Recipe(epochs=6, batch_size=32, lr=5e-3), 0, "cpu", None))
    return model


def area(model) -> float:
    """The area under the ROC curve of the next item against 20 drawn ones."""
    test = bench().split.test
    drawn = np.random.default_rng(0).integers(1, bench().split.n_items + 1, (len(test.targets), 20))
    scores = model.rescore(test.histories, np.column_stack([test.targets, drawn]))
    return float((scores[:, :1] > scores[:, 1:]).mean())


def test_the_judge_knows_what_comes_next_by_its_title():
    own, others = area(fitted()), area(fitted(permuted=True))
    assert own > 0.6 and own > others, (own, others)


def test_a_history_is_judged_the_same_in_any_company():
    model, histories = fitted(), bench().split.test.histories
    candidates = model.candidates(histories)
    together = model.rescore(histories, candidates)
    order = np.arange(20)[::-1]
    np.testing.assert_allclose(model.rescore(histories, candidates[:, order]), together[:, order], atol=1e-5)
    alone = model.rescore(histories.take([3]), candidates[[3]])
    np.testing.assert_allclose(alone[0], together[3], atol=1e-5)


def test_titles_are_read_where_there_are_no_pictures_and_that_is_said(caplog):
    with caplog.at_level("INFO", "workbench"):
        bench().build("mllm_msr")
    assert "has no image features; titles are read in their place" in caplog.text
    assert mllm_msr.kind_of(SimpleNamespace(name="shop", tables={"image": None})) == "image"


@pytest.mark.parametrize("wrong", [{"n": -1}, {"chunk": 0}, {"pooling": "max"}, {"width": 0}, {"vectors": "txt"},
                                   {"model": "./nowhere"}])  # fmt: skip
def test_a_bad_setting_is_one_error(wrong):
    with pytest.raises(UserError):
        bench().build("mllm_msr", **wrong)

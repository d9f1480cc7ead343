"""SCASRec: candidates in another order are the same list, lists end or do not, and what it refuses."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate.rerank.list_length import list_similarity
from workbench.recommenders.rerank.stopped_lists import learnt_stop
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

TINY = replace(PROFILES["smoke"], epochs=3, users=None)
N = 20
SMALL = {"n": N, "width": 16}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic", profile=TINY, options={"users": 120, "items": 120})


def fitted(bench, **changes):
    settings, recipe = bench.plan("scasrec", **SMALL | changes)
    model = bench.build("scasrec", **settings)
    model.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))
    return model


@pytest.fixture(scope="module")
def model(bench):
    return fitted(bench)


def test_permuted_candidates_are_the_same_answer_exactly(bench, model):
    histories = bench.split.test.histories
    candidates = model.candidates(histories)
    ranks = np.broadcast_to(np.arange(N), candidates.shape)
    order = np.argsort(np.random.default_rng(0).random(candidates.shape), axis=1)
    moved = [np.take_along_axis(array, order, axis=1) for array in (candidates, ranks)]
    answer = np.take_along_axis(moved[0], (-model.rescore(histories, *moved)).argsort(1), 1)
    assert np.array_equal(answer, np.take_along_axis(candidates, (-model.rescore(histories, candidates)).argsort(1), 1))
    assert not np.array_equal(answer, candidates)


def test_the_network_itself_knows_no_places(bench, model):
    """Without the fixed order in which the assembly shows candidates: the network's choices, up to ties."""
    histories = bench.split.test.histories
    items = torch.from_numpy(model.candidates(histories).astype(np.int64))
    ranks = torch.arange(N).expand_as(items)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    model.module.eval()
    with torch.no_grad():
        before = model.module(histories, items, ranks)[:, order]
        after = model.module(histories, items[:, order], ranks[:, order].contiguous())
    assert (before == after).all(1).float().mean() > 0.95


def test_below_the_end_of_a_list_the_order_of_the_first_stage_stands(bench, model):
    histories = bench.split.test.histories
    with torch.no_grad():
        items = torch.from_numpy(model.candidates(histories).astype(np.int64))
        walk = model.module.eval().walk(histories, items, torch.arange(N).expand_as(items), N)
    model.module.stop = float(walk.logits.softmax(-1)[:, :5, -1].amax(1).median()) + 1e-4  # about half end
    curve, lists, lengths = learnt_stop(model, bench.split.test, masked=False)
    first, ranked = model.candidates(histories), model.recommend(histories, N).items
    assert 0 < lengths.mean() < N and len(np.unique(lengths)) > 1
    for row, length in enumerate(lengths):
        assert ranked[row, :length].tolist() == lists[row, :length].tolist()
        assert ranked[row, length:].tolist() == [item for item in first[row] if item not in lists[row, :length]]
    hit = [target in row[:length] for target, row, length in zip(bench.split.test.targets, lists, lengths)]
    assert curve.hit == pytest.approx(np.mean(hit)) and curve.length == lengths.mean()
    assert curve.hits[-1] == pytest.approx((first == bench.split.test.targets[:, None]).any(1).mean())
    vectors = bench.vectors("text")
    assert np.isfinite([list_similarity(lists, each, vectors) for each in (lengths, np.full(len(lengths), N))]).all()


def test_a_list_that_never_stops_orders_all_candidates(bench, model):
    unending = bench.build("scasrec", **bench.plan("scasrec", **SMALL, stop=1.0)[0])
    unending.load_state(model.state())
    _, lists, lengths = learnt_stop(unending, bench.split.test, masked=False)
    assert (lengths == N).all()
    assert np.array_equal(unending.recommend(bench.split.test.histories, N).items, lists)
    assert np.array_equal(lists, learnt_stop(model, bench.split.test, masked=False)[1])


def test_plain_cross_entropy_learns_something_else(bench, model):
    plain = fitted(bench, weighted=False)
    assert not np.array_equal(plain.state()["pointer.stop"], model.state()["pointer.stop"])


def test_what_cannot_be_is_refused_before_the_first_stage_is_trained(bench, monkeypatch):
    monkeypatch.setattr(experiment.Bench, "teacher", lambda *_, **__: pytest.fail("trained first"))
    for changes, message in [
        ({"n": 121}, "scasrec: n=121 candidates of .* items"), ({"width": 15}, "width=15 is a multiple of 2"),
        ({"dropout": 1.0}, "dropout=1.0 < 1"), ({"layers": -1}, "layers=-1"),
        ({"stop": 0.0}, "0 < stop=0.0 <= 1"), ({"vectors": "txt"}, "'txt'"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=message):
            bench.build("scasrec", **SMALL | changes)

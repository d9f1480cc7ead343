"""A trained second stage: what it learns from, that places say nothing, its phases, and what is an error."""
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toys import make_histories

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.interfaces import Recommendations, Retrieves
from workbench.recommenders.rerank.first_stages import (
    FirstStages,
    before,
    check_candidates,
    first_stages,
    training_lists,
)
from workbench.recommenders.rerank.trained import Phase, TrainedReranker
from workbench.train import PROFILES, seeded_torch
from workbench.train.fit import TrainingSession
from workbench.train.recipe import change_recipe
from workbench.verb_interfaces import Reranker

TINY = replace(PROFILES["smoke"], epochs=2, users=None)
N = 20


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic", profile=TINY, options={"users": 100, "items": 120})


@pytest.fixture(scope="module")
def stages(bench):
    return first_stages(bench, "item_transitions")


class Pairwise(nn.Module):
    """The product of vectors of a candidate and of the last item, plus a weight times the rank; or the place alone."""

    def __init__(self, n_items: int, *, by_place: bool = False):
        super().__init__()
        self.item, self.rank, self.by_place = nn.Embedding(n_items + 1, 8), nn.Linear(1, 1), by_place

    def forward(self, histories, candidates, ranks):
        if self.by_place:
            return -torch.arange(candidates.shape[1]).float().expand(candidates.shape) + 0 * self.rank.bias
        last = torch.from_numpy(histories.last(1).padded(1))
        products = (self.item(candidates) * self.item(last)).sum(2)
        return products + self.rank(ranks[:, :, None].float())[:, :, 0] / candidates.shape[1]


def model(bench, stages, *, phases=None, **more):
    with seeded_torch(0, "pairwise"):
        module = Pairwise(bench.split.n_items)
    phases = [Phase(loss_of(module))] if phases is None else phases(module)
    return TrainedReranker(stages, module, phases, n=N, n_items=bench.split.n_items, seed=0, **more)


def loss_of(module):
    return lambda batch, step: F.cross_entropy(module(*batch[:3]), batch.places)


def session(bench, *, folder=None, validated=False, epochs=2):
    recipe = change_recipe(bench.plan("scasrec")[1], {"epochs": epochs})

    def validate(current):
        return evaluate(current, bench.split.valid, bench.split, quiet=True).metrics(bench.split.valid, bench.split)

    return TrainingSession(recipe, 0, "cpu", validate if validated else None, folder)


class Fixed:
    """The same list for every history, without what is excluded."""

    def __init__(self, items):
        self.items = np.array(items)

    def recommend(self, histories, k, exclude=None):
        out = [set() if exclude is None else set(exclude.row(b).tolist()) for b in range(len(histories))]
        rows = [[item for item in self.items if item not in row][:k] for row in out]
        return Recommendations(np.array(rows), np.zeros((len(rows), k)))


def test_the_events_before_an_event():
    train = make_histories([1, 2, 3], [], [4, 5])
    found = before(train, np.array([2, 4, 1]))
    assert [found.row(b).tolist() for b in range(3)] == [[1, 2], [4], [1]] and found.users.tolist() == [0, 2, 0]


def test_lists_by_hand():
    """A fold's candidates come from its own first stage; first events and items that are not retrieved are no case."""
    train = make_histories([1, 2, 3], [7], [4, 5, 5])
    stages = FirstStages(None, [Fixed([9, 3, 2, 10]), Fixed([5, 8, 4, 6, 7])], np.array([0, 1, 1]))
    lists = training_lists(train, stages, 3, masked=False, rng=np.random.default_rng(0))
    assert lists.events.tolist() == [1, 2, 5, 6] and lists.places.tolist() == [2, 1, 0, 0]
    assert lists.candidates.tolist() == [[9, 3, 2], [9, 3, 2], [5, 8, 4], [5, 8, 4]]
    masked = training_lists(train, stages, 3, masked=True, rng=np.random.default_rng(0))
    assert masked.events.tolist() == [1, 2, 5] and masked.candidates.tolist() == [[9, 3, 2], [9, 3, 10], [5, 8, 6]]
    with pytest.raises(UserError, match="none of 4 events of train is among the 1 items"):
        training_lists(train, stages._replace(others=[Fixed([9])] * 2), 1, masked=False, rng=None)


def test_no_first_stage_has_seen_what_it_is_asked(bench, stages):
    """The first stage of everybody retrieves nearly all of train, having counted it; those of the folds retrieve about
    as much of it as that of everybody does of validation."""
    split, rng = bench.split, np.random.default_rng(0)
    folds = training_lists(split.train, stages, N, masked=False, rng=rng)
    seen = FirstStages(stages.whole, [stages.whole], np.zeros(split.n_users, np.int64))
    everybody = training_lists(split.train, seen, N, masked=False, rng=rng)
    valid = stages.whole.recommend(split.valid.histories, N).items == split.valid.targets[:, None]
    events = len(split.train.items) - (split.train.lengths > 0).sum()
    shares = len(folds.events) / events, len(everybody.events) / events, valid.any(1).mean()
    assert shares[1] > 0.9 and abs(shares[0] - shares[2]) < (shares[1] - shares[2]) / 2, shares
    assert (folds.train.items[folds.events] == folds.candidates[np.arange(len(folds.events)), folds.places]).all()


def test_a_batch_is_shuffled_with_its_ranks(bench, stages):
    reranker = model(bench, stages)
    lists = training_lists(bench.split.train, stages, N, masked=False, rng=np.random.default_rng(0))
    index = np.arange(30)
    batch = reranker.batch(lists, index, np.random.default_rng(0))
    rows = np.arange(30)
    assert (batch.candidates.numpy()[rows, batch.places] == lists.train.items[lists.events[:30]]).all()
    assert (batch.ranks.numpy()[rows, batch.places] == lists.places[:30]).all()
    assert (np.take_along_axis(lists.candidates[:30], batch.ranks.numpy(), 1) == batch.candidates.numpy()).all()
    assert len({tuple(row) for row in batch.ranks.tolist()}) == 30
    plain = model(bench, stages, ordered=True).batch(lists, index, np.random.default_rng(0))
    assert (plain.candidates.numpy() == lists.candidates[:30]).all()


def test_permuted_candidates_have_the_same_scores_bit_for_bit(bench, stages):
    reranker, histories = model(bench, stages), bench.split.test.histories
    candidates = reranker.candidates(histories)
    ranks = np.broadcast_to(np.arange(N), candidates.shape)
    order = np.argsort(np.random.default_rng(0).random(candidates.shape), axis=1)
    scores = reranker.rescore(histories, candidates)
    other = reranker.rescore(histories, np.take_along_axis(candidates, order, 1), np.take_along_axis(ranks, order, 1))
    assert np.array_equal(np.take_along_axis(scores, order, 1), other)
    assert isinstance(reranker, Retrieves) and isinstance(reranker, Reranker)


def test_a_network_that_goes_by_place_learns_nothing_of_the_first_stage_unless_it_is_meant_to(bench, stages):
    histories = bench.split.test.histories
    for ordered in (False, True):
        reranker = model(bench, stages, ordered=ordered)
        reranker.module = Pairwise(bench.split.n_items, by_place=True)
        scores = reranker.rescore(histories, reranker.candidates(histories))
        assert (scores.argsort(1)[:, ::-1] == np.arange(N)).all() == ordered


def test_it_learns_saves_and_orders_the_candidates_only(bench, stages):
    reranker = model(bench, stages)
    curve = reranker.fit(bench.split, session(bench, validated=True))
    assert curve[-1]["loss"] < curve[0]["loss"] and "ndcg@10" in curve[-1]
    histories = bench.split.test.histories
    first, lists = (each.recommend(histories, 30).items for each in (stages.whole, reranker))
    assert np.array_equal(np.sort(first[:, :N]), np.sort(lists[:, :N])) and (first[:, :N] != lists[:, :N]).any()
    assert np.array_equal(first[:, N:], lists[:, N:])
    again = model(bench, stages)
    again.load_state(reranker.state())
    assert np.array_equal(again.recommend(histories, 30).items, lists)


def two_phases(module):
    def loss(batch, step):
        return loss_of(module)(batch, step)

    first = Phase(loss, "vectors", 0.5, "item.*", lambda lists: np.arange(40), False)
    return [first, Phase(loss, "rank", 0.5, "rank.*")]


def test_phases_train_their_own_parameters_on_their_own_cases(bench, stages):
    reranker = model(bench, stages, phases=two_phases)
    start = {name: array.copy() for name, array in reranker.state().items()}
    seen = []
    batch = reranker.batch
    reranker.batch = lambda lists, index, rng: seen.append(index) or batch(lists, index, rng)
    curve = reranker.fit(bench.split, session(bench, epochs=4, validated=True))
    assert [row["epoch"] for row in curve] == [1, 2, 3, 4]
    assert "ndcg@10" not in curve[1] and "ndcg@10" in curve[3]
    steps = [row["step"] for row in curve]
    assert max(np.concatenate(seen[: steps[1]])) == 39 < max(np.concatenate(seen[steps[1] :]))
    only = model(bench, stages, phases=lambda module: two_phases(module)[:1])
    only.fit(bench.split, session(bench, epochs=4))
    assert np.array_equal(only.state()["item.weight"], reranker.state()["item.weight"])
    assert not np.array_equal(start["item.weight"], only.state()["item.weight"])
    assert np.array_equal(start["rank.weight"], only.state()["rank.weight"])
    assert not np.array_equal(start["rank.weight"], reranker.state()["rank.weight"])


def test_a_stopped_training_goes_on_where_it_was(bench, stages, tmp_path):
    whole = model(bench, stages, phases=two_phases)
    whole.fit(bench.split, session(bench, epochs=4))
    stopped, calls = model(bench, stages, phases=two_phases), []
    batch = stopped.batch

    def stop(*given):
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return batch(*given)

    stopped.batch = stop
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(bench.split, session(bench, epochs=4, folder=tmp_path))
    again = model(bench, stages, phases=two_phases)
    again.fit(bench.split, session(bench, epochs=4, folder=tmp_path))
    assert all(np.array_equal(array, whole.state()[name]) for name, array in again.state().items())


def test_what_cannot_be_is_an_error(bench, stages):
    for n in (-1, 121):
        with pytest.raises(UserError, match=f"toy: n={n} candidates of 120 items"):
            check_candidates("toy", n, 120)
    empty = model(bench, stages, phases=lambda module: [
        Phase(loss_of(module), "nobody", of=lambda lists: np.zeros(0, np.int64))])  # fmt: skip
    with pytest.raises(UserError, match="phase nobody: no event of train"):
        empty.fit(bench.split, session(bench))

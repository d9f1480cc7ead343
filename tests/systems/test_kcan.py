"""KCAN: it orders candidates, refuses what it cannot read, and real links separate pairs better than permuted ones."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.data.protocol import differing_fields
from workbench.errors import UserError
from workbench.evaluate.sampled import evaluate_sampled
from workbench.interfaces import Retrieves
from workbench.systems.knowledge import kcan
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession
from workbench.verb_interfaces import Reranker

TINY = replace(PROFILES["smoke"], epochs=2, users=None)
SIZES = {"width": 8, "first": "popularity"}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic-relations", profile=TINY, options={"users": 80, "items": 100})


def fitted(bench, **changes):
    settings, recipe = bench.plan("kcan", **SIZES | changes)
    recommender = bench.build("kcan", **settings)
    recommender.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))
    return recommender


def test_without_relations_it_is_refused_before_the_first_stage_is_trained(monkeypatch):
    bench = experiment.open_bench("synthetic", profile=TINY, options={"users": 60})
    monkeypatch.setattr(experiment.Bench, "teacher", lambda *_, **__: pytest.fail("trained first"))
    with pytest.raises(UserError, match="relations.*bundled with grocery, lastfm"):
        bench.build("kcan")


def test_candidates_are_ordered_anew_and_the_rest_stands(bench):
    model = fitted(bench, n=20)
    assert isinstance(model, Retrieves) and isinstance(model, Reranker) and model.retrieved == 20
    histories = bench.split.test.histories
    first = model.first.recommend(histories, 40).items
    lists = model.recommend(histories, 40).items
    assert np.array_equal(np.sort(first[:, :20]), np.sort(lists[:, :20])) and (first[:, :20] != lists[:, :20]).any()
    assert np.array_equal(first[:, 20:], lists[:, 20:])
    scores = model.rescore(histories, first[:, :20])
    assert np.array_equal(np.take_along_axis(first, np.argsort(-scores, axis=1, kind="stable"), 1), lists[:, :20])


def test_the_run_says_what_retrieval_allows_and_sampled_figures_say_so(bench):
    run = bench.fit("kcan", **SIZES, n=20)
    assert {"ceiling@20", "ndcg@10 within retrieved"} <= set(run.metrics)
    sampled = evaluate_sampled(run.recommender(), bench.split.test, bench.split, n=10)
    assert differing_fields(sampled.protocol, run.info["protocol"]) == ["candidates"]


def test_the_graph_is_of_train_alone(bench):
    """An event that is held out is no link of the graph."""
    module = bench.build("kcan", **SIZES).module
    split, links = bench.split, module.links
    users = {(head - module.first_user, tail) for head, tail in zip(links.heads.tolist(), links.tails.tolist())
             if head >= module.first_user}  # fmt: skip
    train = set(zip(split.train.users[split.train.rows()].tolist(), split.train.items.tolist()))
    assert users == train


def test_attention_and_strongest_links_are_renewed_after_each_epoch(bench):
    before, after = bench.build("kcan", **SIZES, neighbours=4).module, fitted(bench, neighbours=4).module
    assert not torch.equal(before.weights, after.weights) and not torch.equal(before.near, after.near)
    fresh = after.translations.attention(after.entity.weight.detach(), after.links)
    assert torch.allclose(after.weights, fresh, atol=1e-6), "of the embeddings as they are"


def test_every_parameter_is_trained(bench):
    start = {name: p.detach().clone() for name, p in bench.build("kcan", **SIZES).module.named_parameters()}
    trained = fitted(bench).module
    assert not [name for name, p in trained.named_parameters() if torch.equal(p, start[name])]


def test_conditioning_has_weights_of_its_own_and_nothing_else(bench):
    plain, whole = (bench.build("kcan", **SIZES, conditioned=on).module for on in (False, True))
    assert {n for n, _ in whole.named_parameters()} - {n for n, _ in plain.named_parameters()} == {
        "reader.layers.0.of_pair.weight", "reader.layers.1.of_pair.weight"}  # fmt: skip


@pytest.mark.slow
def test_real_links_separate_pairs_better_than_permuted_ones():
    bench = experiment.open_bench("synthetic-relations", profile=replace(TINY, epochs=25), options={"users": 500})
    areas = [evaluate_sampled(fitted(bench, width=32, **changes), bench.split.test, bench.split).auc
             for changes in ({}, kcan.PLACEBO)]  # fmt: skip
    assert areas[0] > areas[1] + 0.04, areas


@pytest.mark.parametrize(("changes", "message"), [
    ({"n": -1}, "n=-1 candidates"), ({"n": 10_000}, "n=10000 candidates of"), ({"neighbours": -1}, "neighbours=-1"),
    ({"width": 0}, "width=0 at least 1"), ({"dropout": 1.0}, "dropout=1.0 a share below 1"),
    ({"first": "populrity"}, "did you mean 'popularity'"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("kcan", **changes)

"""Steering along latents: no change at strength 0, bit for bit, and the algebraic shortcut equals running the
network."""
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix, random

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.probing import feature_dashboard, train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.concepts.concepts import item_concepts
from workbench.probing.interventions import dose_response, faithfulness
from workbench.probing.interventions.dose_response import SteeredLists
from workbench.probing.interventions.steering import SteeredRecommender, Steering, activation_quantile

SMALL = {"k": 6, "latents": 128, "epochs": 20, "batch": 512}


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options={"users": 800, "items": 160})


@pytest.fixture(scope="module")
def run(bench):
    return bench.fit("sasrec", epochs=12)


@pytest.fixture(scope="module")
def cases(bench):
    return bench.split.test.take(np.arange(100))


def steering_at(run, path):
    read = train_sae.read_activations(run, Site(path))
    return feature_dashboard.steering_of(run, read, train_sae.train_dictionary(run, read, **SMALL))


@pytest.fixture(scope="module", params=["blocks.0.out", "norm"])
def steering(run, request):
    return steering_at(run, request.param)


def test_the_quantile_is_of_positive_activations():
    z = random(60, 7, 0.4, "csr", random_state=0)
    z = csr_matrix((z.data, z.indices, z.indptr), shape=(60, 8))  # the last latent is dead
    for share in (0.5, 0.99, 1.0):
        wanted = [np.quantile(column, share) if len(column) else 0 for column in (z[:, j].data for j in range(8))]
        assert np.allclose(activation_quantile(z, share), wanted)


@pytest.mark.parametrize("masked", [False, True])
def test_strength_0_is_the_unsteered_list_bit_for_bit(steering, cases, masked):
    steered = SteeredRecommender(steering.recommender, steering.site, cases.histories, mask_history=masked)
    latent = int(steering.step_size.argmax())
    found, base = steered.recommend(steering.step(latent, 0.0), 10), steered.recommend(None, 10)
    assert np.array_equal(found.items, base.items) and np.array_equal(found.scores, base.scores)
    index = next(cases.histories.batches(64))
    part = cases.histories.take(index)
    asked = steering.recommender.recommend(part, 10, part if masked else None)
    assert np.array_equal(asked.items, base.items[index]) and np.array_equal(asked.scores, base.scores[index])
    if masked:
        assert not any(np.isin(row, part.row(at)).any() for at, row in enumerate(asked.items))
    assert not np.array_equal(steered.recommend(steering.step(latent, 2.0), 10).items, base.items)


def test_only_the_last_site_is_algebraic_and_the_algebra_is_right(run, cases):
    middle, last = steering_at(run, "blocks.0.out"), steering_at(run, "norm")
    assert not middle.for_histories(cases.histories).algebraic and last.for_histories(cases.histories).algebraic
    steered, latent = last.for_histories(cases.histories), int(last.step_size.argmax())
    step = last.step(latent, 1.0)
    found = steered.recommend(step, 10)
    with faithfulness.patched(last.recommender, last.site, lambda x: x + step):
        scores = last.recommender.score(cases.histories)
    assert np.allclose(np.take_along_axis(scores, found.items, 1), found.scores, atol=1e-4)
    table = last.recommender.module.item.weight.detach().numpy()
    wanted = last.step_size[latent] * last.dictionary.decoder[latent].numpy() @ table.T
    assert np.allclose(steered.score_change(step)[1:], wanted[1:] - wanted[1:].mean(), atol=1e-4)


def test_score_changes_are_measured_at_earlier_sites(run, cases):
    steering = steering_at(run, "blocks.0.out")
    step = steering.step(int(steering.step_size.argmax()), 1.0)
    before = steering.recommender.score(cases.histories)
    with faithfulness.patched(steering.recommender, steering.site, lambda x: x + step):
        change = (steering.recommender.score(cases.histories) - before).mean(axis=0)[1:]
    steered = steering.for_histories(cases.histories)
    assert np.allclose(steered.score_change(step)[1:], change - change.mean(), atol=1e-4)
    assert abs(steered.score_change(step)[1:].mean()) < 1e-9 and np.ptp(change) > 0.1


def test_the_direction_of_a_concept_raises_its_share_above_the_band(run, bench, cases):
    """A dictionary with the mean direction of a category, and random directions with the same step norm."""
    read = train_sae.read_activations(run, Site("blocks.0.out"))
    known = item_concepts(bench.dataset, bench.split)
    makeup = dose_response.concept_members(known, pd.Series(["category 1: Makeup"]))
    mean = read.x[makeup[0][read.last]].mean(axis=0) - read.x.mean(axis=0)
    rng = np.random.default_rng(0)
    directions = torch.from_numpy(np.vstack([mean, rng.standard_normal((20, 64))]).astype(np.float32))
    directions /= directions.norm(dim=1, keepdim=True)
    found = train_sae.train_dictionary(run, read, **SMALL)
    found = type(found)(directions, torch.zeros(21), directions, found.center, torch.zeros(21))
    far = float(np.linalg.norm(read.x - read.x.mean(axis=0), axis=1).mean())
    steering = Steering(run.recommender(), Site("blocks.0.out"), found, np.full(21, far))
    done = dose_response.steer_latents(steering, cases, np.arange(21), strengths=(-1.0, 0.0, 1.0))
    pool = np.arange(21) > 0
    members = np.repeat(makeup, 21, axis=0)
    curve = dose_response.dose_response_curves(
        done, np.arange(21), np.ones(21), pool, members, strengths=(-1.0, 0.0, 1.0)
    ).iloc[:3]
    assert curve["share"].is_monotonic_increasing and curve["share"].iloc[2] > curve["high"].iloc[2]
    assert curve["share"].iloc[0] < curve["low"].iloc[0]
    assert curve.loc[1, ["low", "high"]].tolist() == [curve["share"][1]] * 2, "at 0 all lists are the same"


def test_curves_by_hand():
    """Two strengths, two users, lists of two: latents 1 and 2 are sampled at random, 2 has the step norm of 0."""
    items = np.array([[[[1, 2], [3, 4]], [[1, 3], [1, 3]]], [[[1, 2], [3, 4]], [[2, 4], [2, 4]]],
                      [[[1, 2], [3, 4]], [[1, 4], [2, 4]]]])  # fmt: skip
    steered = SteeredLists(items, np.array([[0.5, 0.2], [0.5, 0.1], [0.5, 0.4]]), None)
    members = np.zeros((3, 5), bool)
    members[0, [1, 3]] = True
    names = np.array([7, 8, 9])
    sampled = np.array([False, True, True])
    found = dose_response.dose_response_curves(
        steered, names, np.array([1.0, 9, 1]), sampled, members, strengths=(0.0, 1.0)
    )
    mine = found[found["latent"] == 7]
    assert mine["share"].tolist() == [0.5, 1.0] and mine["ndcg"].tolist() == [0.5, 0.2]
    assert mine["low"].tolist() == pytest.approx([0.5, 0.05 * 0.25]), "shares at 1 are 0 and .25"
    assert found[found["latent"] == 8]["share"].isna().all(), "a concept of no item"
    lists = dose_response.example_lists(
        steered, names, np.array([1, 0, 0]), items[0, 0], np.array([40, 41]), strengths=(0.0, 1.0)
    )
    assert lists[lists["latent"] == 7][["user", "item", "rank_before"]].to_numpy().tolist() == \
        [[41, 3, 1], [41, 4, 2], [41, 1, 0], [41, 3, 1]]


def test_errors(steering, cases):
    with pytest.raises(UserError, match="0 must be one of them"):
        dose_response.steer_latents(steering, cases, np.array([0]), strengths=(1.0, 2.0))
    with pytest.raises(UserError, match="latents 0 to 127"):
        steering.step(128, 1.0)

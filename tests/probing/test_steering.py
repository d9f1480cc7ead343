"""Pushing along latents: nothing at strength 0, bit for bit, and by algebra the same as by running again."""
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix, random

from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.experiment.probing import feature_dashboard as atlases
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.concepts.concepts import item_concepts
from workbench.probing.interventions import dose_response, faithfulness
from workbench.probing.interventions.dose_response import Steered
from workbench.probing.interventions.steering import Push, Steering, strong

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


def desk_at(run, path):
    read = train_sae.read(run, Site(path))
    return atlases.steering(run, read, train_sae.dictionary(run, read, **SMALL))


@pytest.fixture(scope="module", params=["blocks.0.out", "norm"])
def desk(run, request):
    return desk_at(run, request.param)


def test_the_quantile_is_of_what_fires():
    z = random(60, 7, 0.4, "csr", random_state=0)
    z = csr_matrix((z.data, z.indices, z.indptr), shape=(60, 8))  # the last latent is dead
    for share in (0.5, 0.99, 1.0):
        wanted = [np.quantile(column, share) if len(column) else 0 for column in (z[:, j].data for j in range(8))]
        assert np.allclose(strong(z, share), wanted)


@pytest.mark.parametrize("masked", [False, True])
def test_strength_0_is_the_list_as_it_is_bit_for_bit(desk, cases, masked):
    push = Push(desk.recommender, desk.site, cases.histories, masked=masked)
    latent = int(desk.amount.argmax())
    found, base = push.lists(desk.step(latent, 0.0), 10), push.lists(None, 10)
    assert np.array_equal(found.items, base.items) and np.array_equal(found.scores, base.scores)
    index = next(cases.histories.batches(64))
    part = cases.histories.take(index)
    asked = desk.recommender.recommend(part, 10, part if masked else None)
    assert np.array_equal(asked.items, base.items[index]) and np.array_equal(asked.scores, base.scores[index])
    if masked:
        assert not any(np.isin(row, part.row(at)).any() for at, row in enumerate(asked.items))
    assert not np.array_equal(push.lists(desk.step(latent, 2.0), 10).items, base.items)


def test_only_the_last_site_is_algebraic_and_there_the_algebra_is_right(run, cases):
    middle, last = desk_at(run, "blocks.0.out"), desk_at(run, "norm")
    assert not middle.of(cases.histories).algebraic and last.of(cases.histories).algebraic
    push, latent = last.of(cases.histories), int(last.amount.argmax())
    step = last.step(latent, 1.0)
    found = push.lists(step, 10)
    with faithfulness.standing_in(last.recommender, last.site, lambda x: x + step):
        scores = last.recommender.score(cases.histories)
    assert np.allclose(np.take_along_axis(scores, found.items, 1), found.scores, atol=1e-4)
    table = last.recommender.module.item.weight.detach().numpy()
    wanted = last.amount[latent] * last.dictionary.decoder[latent].numpy() @ table.T
    assert np.allclose(push.change(step)[1:], wanted[1:] - wanted[1:].mean(), atol=1e-4)


def test_a_change_is_measured_where_the_network_goes_on(run, cases):
    desk = desk_at(run, "blocks.0.out")
    step = desk.step(int(desk.amount.argmax()), 1.0)
    before = desk.recommender.score(cases.histories)
    with faithfulness.standing_in(desk.recommender, desk.site, lambda x: x + step):
        change = (desk.recommender.score(cases.histories) - before).mean(axis=0)[1:]
    push = desk.of(cases.histories)
    assert np.allclose(push.change(step)[1:], change - change.mean(), atol=1e-4)
    assert abs(push.change(step)[1:].mean()) < 1e-9 and np.ptp(change) > 0.1


def test_the_direction_of_a_concept_raises_its_share_above_the_band(run, bench, cases):
    """A dictionary whose one live latent is the mean of a category, beside random directions that push as far."""
    read = train_sae.read(run, Site("blocks.0.out"))
    known = item_concepts(bench.dataset, bench.split)
    makeup = dose_response.members(known, pd.Series(["category 1: Makeup"]))
    mean = read.x[makeup[0][read.last]].mean(axis=0) - read.x.mean(axis=0)
    rng = np.random.default_rng(0)
    directions = torch.from_numpy(np.vstack([mean, rng.standard_normal((20, 64))]).astype(np.float32))
    directions /= directions.norm(dim=1, keepdim=True)
    found = train_sae.dictionary(run, read, **SMALL)
    found = type(found)(directions, torch.zeros(21), directions, found.center, torch.zeros(21))
    far = float(np.linalg.norm(read.x - read.x.mean(axis=0), axis=1).mean())
    desk = Steering(run.recommender(), Site("blocks.0.out"), found, np.full(21, far))
    done = dose_response.steer(desk, cases, np.arange(21), strengths=(-1.0, 0.0, 1.0))
    pool = np.arange(21) > 0
    members = np.repeat(makeup, 21, axis=0)
    curve = dose_response.curves(done, np.arange(21), np.ones(21), pool, members, strengths=(-1.0, 0.0, 1.0)).iloc[:3]
    assert curve["share"].is_monotonic_increasing and curve["share"].iloc[2] > curve["high"].iloc[2]
    assert curve["share"].iloc[0] < curve["low"].iloc[0]
    assert curve.loc[1, ["low", "high"]].tolist() == [curve["share"][1]] * 2, "at 0 all lists are the same"


def test_curves_by_hand():
    """Two strengths, two users, lists of two: latents 1 and 2 are drawn at random, 2 pushes as far as 0."""
    items = np.array([[[[1, 2], [3, 4]], [[1, 3], [1, 3]]], [[[1, 2], [3, 4]], [[2, 4], [2, 4]]],
                      [[[1, 2], [3, 4]], [[1, 4], [2, 4]]]])  # fmt: skip
    steered = Steered(items, np.array([[0.5, 0.2], [0.5, 0.1], [0.5, 0.4]]), None)
    members = np.zeros((3, 5), bool)
    members[0, [1, 3]] = True
    names = np.array([7, 8, 9])
    found = dose_response.curves(steered, names, np.array([1.0, 9, 1]), np.array([False, True, True]), members,
                         strengths=(0.0, 1.0))  # fmt: skip
    mine = found[found["latent"] == 7]
    assert mine["share"].tolist() == [0.5, 1.0] and mine["ndcg"].tolist() == [0.5, 0.2]
    assert mine["low"].tolist() == pytest.approx([0.5, 0.05 * 0.25]), "shares at 1 are 0 and .25"
    assert found[found["latent"] == 8]["share"].isna().all(), "a concept of no item"
    lists = dose_response.shown(
        steered, names, np.array([1, 0, 0]), items[0, 0], np.array([40, 41]), strengths=(0.0, 1.0)
    )
    assert lists[lists["latent"] == 7][["user", "item", "before"]].to_numpy().tolist() == \
        [[41, 3, 1], [41, 4, 2], [41, 1, 0], [41, 3, 1]]


def test_refusals(desk, cases):
    with pytest.raises(UserError, match="0 must be one of them"):
        dose_response.steer(desk, cases, np.array([0]), strengths=(1.0, 2.0))
    with pytest.raises(UserError, match="latents 0 to 127"):
        desk.step(128, 1.0)

"""XSimGCL and LightGCL: their noise, their low-rank view, and LightGCN where they are off."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench.errors import UserError
from workbench.nets.graphs.noisy_layers import add_signed_noise, noisy_layers
from workbench.nets.propagation import propagate, signed_noise
from workbench.recommenders.graphs.over_lightgcn import train_edges
from workbench.recommenders.graphs.propagated import Vectors, pairwise, squared_norm
from workbench.recommenders.triples import TripleBatches
from workbench.systems.graph.lightgcl import TwoViews, random_vectors, singular_vectors
from workbench.systems.graph.xsimgcl import NoisyPropagation
from workbench.train.fit import TrainingSession


@pytest.fixture(scope="module")
def bench():
    options = {"users": 60, "items": 40}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture(scope="module")
def x(bench):
    return torch.randn(bench.split.n_users + bench.split.n_items + 2, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("draw", [signed_noise, lambda x, length: add_signed_noise(x.clone(), length) - x])
def test_noise_has_its_length_and_stays_in_the_orthant(x, draw):
    noise = draw(x, 0.3)
    assert torch.allclose(noise.norm(dim=1), torch.full((len(x),), 0.3), atol=1e-6)
    assert (noise * x >= 0).all() and (F.cosine_similarity(noise, x) < 0.999).any()
    assert not torch.equal(noise, draw(x, 0.3)) and (draw(torch.zeros(3, 8), 0.3) == 0).all()


def test_directions_of_sixteen_bits_are_spread_as_those_of_floats():
    x = torch.ones(20_000, 6)
    ours, theirs = (draw.sort(1).values for draw in (add_signed_noise(x.clone(), 1.0) - x, signed_noise(x, 1.0)))
    assert torch.allclose(ours.mean(0), theirs.mean(0), atol=0.01)
    assert torch.allclose(ours.std(0), theirs.std(0), atol=0.01)


def test_there_is_noise_in_training_alone(bench, x):
    layers = NoisyPropagation(train_edges(bench), 2, 1, 0.3, first=False)
    plain = propagate(layers.edges, x, 2)
    [early], mean = layers.eval()(x)
    assert torch.equal(early, plain[1]) and torch.equal(mean, (plain[1] + plain[2]) / 2), "layer 0 is left out"
    [noisy], mean = layers.train()(x)
    linked = plain[1].norm(dim=1) > 0
    assert torch.allclose((noisy - plain[1]).norm(dim=1)[linked], torch.tensor(0.3), atol=1e-5)
    last = layers.edges(noisy)  # has noise of its own
    assert torch.allclose((2 * mean - noisy - last).norm(dim=1)[linked], torch.tensor(0.3), atol=1e-5)


@pytest.mark.parametrize("early, first", [(1, False), (3, False), (2, True)])
def test_gradients_of_layers_are_those_of_propagation_whatever_the_noise(bench, x, early, first):
    edges, weights = train_edges(bench), torch.linspace(-1, 1, x.numel()).view_as(x)
    start = x.clone().requires_grad_()
    plain = propagate(edges, start, 3)
    mean = sum(plain[1 - first :]) / (3 + first)
    wanted = torch.autograd.grad((weights * mean).sum() + plain[early].square().sum() / 2, start)[0]
    for noise in (0.0, 0.3):
        kept, scored = noisy_layers(edges, start, 3, early=early, noise=noise, first=first)
        kept = kept - (kept - plain[early]).detach()  # its square has the gradient of the row
        found = torch.autograd.grad((weights * scored).sum() + kept.square().sum() / 2, start)[0]
        assert torch.allclose(found, wanted, atol=1e-5)
    scored, plain = noisy_layers(edges, start, 3, early=early, first=first)[1], propagate(edges, start, 3)
    alone, wanted = (torch.autograd.grad((weights * y).sum(), start)[0]
                     for y in (scored, sum(plain[1 - first :]) / (3 + first)))  # fmt: skip
    assert torch.allclose(alone, wanted, atol=1e-5), "the early layer may be left alone"


@pytest.mark.parametrize("contrast", [0.0, 0.5])
def test_the_loss_without_noise_is_that_of_lightgcn_without_layer_0_and_a_contrast_with_layer_1(bench, contrast):
    recommender = bench.build("xsimgcl", contrast=contrast, noise=0.0)
    session = TrainingSession(bench.plan("xsimgcl")[1])
    objective = recommender.objective(recommender.module, bench.split, session)
    [index, *_], module = objective.batches(0), recommender.module
    triples = TripleBatches(bench.split, session).triples(index, 0)
    tables = [module.ego.user.weight, module.ego.item.weight]
    sides, layers = list(map(len, tables)), propagate(module.propagation.edges, torch.cat(tables), 3)[1:]
    vectors = Vectors(*(sum(layers) / 3).split(sides), [])
    wanted = pairwise(vectors, triples, 0) + 1e-3 * squared_norm(module.ego, triples) / len(index)
    for ids, mean, early in zip(triples, vectors, layers[0].split(sides)):
        cosines = F.normalize(mean[ids.unique()], dim=1) @ F.normalize(early[ids.unique()], dim=1).T
        wanted = wanted + contrast * F.cross_entropy(cosines / 0.2, torch.arange(len(cosines)))
    assert torch.allclose(objective.loss(index, 0), wanted, rtol=1e-5)


def test_the_low_rank_view_of_full_rank_is_propagation(bench, x):
    edges, users = train_edges(bench), bench.split.n_users + 1
    whole = singular_vectors(edges, users, bench.split.n_items, 0)
    views = TwoViews(edges, whole, 2, dropout=0.0)
    (view,), mean = views.train()(x)
    assert torch.allclose(view, mean, atol=1e-4)
    low = TwoViews(edges, singular_vectors(edges, users, 3, 0), 2, dropout=0.0)
    assert not torch.allclose(low.train()(x)[0][0], mean, atol=1e-2) and low.eval()(x)[0] == []


def test_random_vectors_are_orthonormal_and_carry_less_of_the_graph(bench):
    edges, users = train_edges(bench), bench.split.n_users + 1
    low = singular_vectors(edges, users, 5, 0)
    u, s, v = random_vectors(low, 0)
    assert np.allclose(u.T @ u, np.eye(5)) and np.allclose(v.T @ v, np.eye(5)) and np.array_equal(s, low[1])
    dense = torch.zeros(edges.shape)
    dense[edges.row.long(), edges.column.long()] = edges.values
    block = dense[:users, users:].numpy()
    errors = [np.linalg.norm(block - (a * s) @ b.T) for a, b in ((low[0], low[2]), (u, v))]
    assert errors[0] < np.linalg.norm(block) < errors[1]


@pytest.mark.parametrize("system, changes, message", [
    ("xsimgcl", {"layer": 4}, "layer=4 from 1 to 3"), ("xsimgcl", {"tau": 0.0}, "tau=0.0 above 0"),
    ("xsimgcl", {"layers": 0}, "layers at least 1"), ("lightgcl", {"rank": 0}, "rank=0 from 1 to"),
    ("lightgcl", {"rank": 61}, "the smaller side of the graph"), ("lightgcl", {"dropout": 1.0}, "dropout=1.0 < 1"),
])  # fmt: skip
def test_bad_settings(bench, system, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build(system, **changes)

"""XSimGCL and LightGCL: their noise, their low-rank view, and LightGCN where they are off."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench.errors import UserError
from workbench.nets.propagation import propagate, signed_noise
from workbench.recommenders.graphs.over_lightgcn import train_edges
from workbench.systems.graph.lightgcl import TwoViews, random_vectors, singular_vectors
from workbench.systems.graph.xsimgcl import NoisyPropagation


@pytest.fixture(scope="module")
def bench():
    options = {"users": 60, "items": 40}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture(scope="module")
def x(bench):
    return torch.randn(bench.split.n_users + bench.split.n_items + 2, 8, generator=torch.Generator().manual_seed(0))


def test_noise_has_its_length_and_stays_in_the_orthant(x):
    noise = signed_noise(x, 0.3)
    assert torch.allclose(noise.norm(dim=1), torch.full((len(x),), 0.3), atol=1e-6)
    assert (noise * x >= 0).all() and (F.cosine_similarity(noise, x) < 0.999).any()
    assert not torch.equal(noise, signed_noise(x, 0.3))


def test_there_is_noise_in_training_alone(bench, x):
    layers = NoisyPropagation(train_edges(bench), 2, 0.3, first=False)
    plain = propagate(layers.edges, x, 2)
    found, mean = layers.eval()(x)
    assert all(map(torch.equal, found, plain)) and torch.equal(mean, (plain[1] + plain[2]) / 2), "layer 0 is left out"
    noisy = layers.train()(x)[0]
    assert torch.equal(noisy[0], x) and not torch.equal(noisy[1], plain[1])
    linked = plain[1].norm(dim=1) > 0
    assert torch.allclose((noisy[1] - plain[1]).norm(dim=1)[linked], torch.tensor(0.3), atol=1e-5)


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

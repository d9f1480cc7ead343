"""LightGCN: what is served is the propagation of what is learnt, over the hops that its layers reach, and a placebo."""
import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import UserError
from workbench.nets.propagation import propagate
from workbench.recommenders.graphs.over_lightgcn import train_edges, train_pairs


@pytest.fixture(scope="module")
def bench():
    options = {"users": 200, "items": 120}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture(scope="module")
def model(bench):
    return bench.fit("lightgcn", epochs=4, width=16, layers=2).recommender()


def test_what_is_served_is_the_mean_of_the_layers(bench, model):
    module, split = model.module, bench.split
    x = torch.cat([module.ego.user.weight, module.ego.item.weight]).detach()
    edges = train_edges(bench)
    dense = torch.zeros(edges.shape)
    dense[edges.row.long(), edges.column.long()] = edges.values
    mean = (x + dense @ x + dense @ dense @ x) / 3
    known = np.unique(split.train.users[split.train.rows()])
    assert torch.allclose(module.item.weight, mean[split.n_users + 1 :], atol=1e-5)
    assert torch.allclose(module.user.weight[known], mean[known], atol=1e-5)
    assert torch.allclose(module.user.weight[-1], mean[known].mean(0), atol=1e-5), "an unknown user"


def test_layers_reach_as_many_hops(bench, model):
    """After one layer a user knows of the items it has, after two of the users who share one, and of no others."""
    module, split = model.module, bench.split
    users, items = train_pairs(split)
    x = torch.zeros(len(module.user.weight) + len(module.item.weight), 1, requires_grad=True)
    layers = propagate(module.propagation.edges, x, 2)
    for layer, expected in (
        (1, {split.n_users + 1 + item for item in items[users == 3]}),
        (2, set(users[np.isin(items, items[users == 3])].tolist())),
    ):
        x.grad = None
        layers[layer][3].sum().backward(retain_graph=True)
        assert set(x.grad[:, 0].nonzero()[:, 0].tolist()) == expected


def test_the_placebo_keeps_degrees_and_moves_edges(bench):
    plain, rewired = train_edges(bench), train_edges(bench, rewired=True)
    degrees = [np.bincount(edges.row, minlength=edges.shape[0]) for edges in (plain, rewired)]
    assert np.array_equal(*degrees)
    pairs = [set(zip(edges.row.tolist(), edges.column.tolist())) for edges in (plain, rewired)]
    assert len(pairs[0] & pairs[1]) < 0.5 * len(pairs[0])


@pytest.mark.parametrize("changes", [{"width": 0}, {"layers": -1}, {"l2": -0.1}])
def test_bad_settings(bench, changes):
    with pytest.raises(UserError, match="lightgcn: width must be positive, layers at least 0 and l2 at least 0"):
        bench.build("lightgcn", **changes)

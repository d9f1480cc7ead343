"""SIGE: infusion that is off, on and rewired, noise of the length it says, and its propagation by dense products."""
import numpy as np
import pytest
import torch

import workbench as wb
from workbench.embed.knn_graph import item_knn_graph
from workbench.errors import UserError
from workbench.nets.propagation import Edges, normalise
from workbench.recommenders.graphs.item_views import FEATURES
from workbench.recommenders.graphs.over_lightgcn import train_edges
from workbench.systems.multimodal import sige

SIZES = {"width": 8, "layers": 2}


@pytest.fixture(scope="module")
def bench():
    options = {"users": 150, "items": 80}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def dense(edges: Edges) -> torch.Tensor:
    matrix = torch.zeros(edges.shape)
    matrix[edges.row.long(), edges.column.long()] = edges.values
    return matrix


def graphs_of(bench, **changes) -> list[torch.Tensor]:
    return [dense(edges) for edges in bench.build("sige", **SIZES, **changes).module.propagation.graphs]


def test_without_infusion_the_graphs_are_those_of_the_content(bench):
    views = [bench.vectors(kind, dim=FEATURES) for kind in ("text", "category")]
    expected = [dense(Edges(normalise(item_knn_graph(view, sige.NEIGHBOURS), "row"))) for view in views]
    assert all(map(torch.equal, graphs_of(bench, alpha=0.0), expected))
    assert all(map(torch.equal, graphs_of(bench, alpha=0.0, rewired=True), expected))


def test_infusion_brings_in_items_with_the_same_users_and_the_placebo_others(bench):
    train = bench.split.train
    has = np.zeros((bench.split.n_users, bench.split.n_items + 1), np.float32)
    has[train.rows(), train.items] = 1
    together = torch.from_numpy(has.T @ has)
    shares = []
    for changes in ({"alpha": 0.0}, {"rewired": True}, {}):
        edges = graphs_of(bench, **changes)[0] > 0
        shares.append((together[edges] > 0).float().mean().item())
        assert (edges.sum(1)[1:] <= sige.NEIGHBOURS).all()
    assert shares[2] > shares[1] and shares[2] > shares[0]


def test_noise_is_as_long_as_the_vector_over_the_mean():
    h = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    noise = sige.norm_scaled(h, 0.3, np.random.default_rng(0))
    assert torch.allclose(noise.norm(dim=1), 0.3 * h.norm(dim=1) / h.norm(dim=1).mean(), atol=1e-6)
    assert not sige.norm_scaled(h, 0.0, np.random.default_rng(0)).any(), "both views are equal"
    assert not torch.equal(noise, sige.norm_scaled(h, 0.3, np.random.default_rng(1)))


def test_what_is_scored_by_dense_products(bench):
    module, split = bench.build("sige", **SIZES).module, bench.split
    propagation, table = module.propagation, module.ego.item.weight.detach()
    x, edges = torch.cat([module.ego.user.weight, table]).detach(), dense(train_edges(bench))
    behaviour = (x + edges @ x + edges @ edges @ x) / 3
    of_views = []
    for graph, gate in zip(propagation.graphs, propagation.gates):
        items = dense(graph) @ (table * torch.sigmoid(gate.linear(gate.view)))
        users = [items[np.unique(split.train.row(user))].mean(0) for user in range(split.n_users)]
        of_views.append(torch.cat([torch.stack(users), torch.zeros(1, 8), items]))
    fused = (of_views[0] + of_views[1]) / 2
    found = module.vectors()
    for layer, expected in zip(found.layers, (behaviour, fused, *of_views), strict=True):
        assert torch.allclose(layer, expected, atol=1e-6)
    assert torch.allclose(torch.cat([found.user, found.item]), behaviour + fused, atol=1e-6)


@pytest.mark.parametrize("term", ["noise", "anchor", "fused"])
def test_each_contrast_is_a_term_of_its_own_and_one_of_weight_0_is_none(bench, term):
    none = {"noise": 0.0, "anchor": 0.0, "fused": 0.0}
    curves = [bench.fit("sige", epochs=1, **SIZES, **none | changes).curve for changes in ({}, {term: 0.1})]
    assert curves[1][0]["loss"] > curves[0][0]["loss"] + 0.05


@pytest.mark.parametrize("changes, message", [
    ({"alpha": -1.0}, "alpha=-1.0: weights are 0 or more"), ({"noise": float("nan")}, "noise=nan"),
    ({"first": "category"}, "two views of the items"), ({"width": 0}, "width must be positive"),
    ({"second": "txt"}, "did you mean 'text'"),
])  # fmt: skip
def test_bad_settings(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("sige", **changes)

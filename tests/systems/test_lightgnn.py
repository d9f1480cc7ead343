"""LightGNN: masks of ones are LightGCN, what is masked is not there, what is pruned is counted, the rest is rewound."""
import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import UserError
from workbench.nets.propagation import Edges, mean_of, propagate, user_item_edges
from workbench.recommenders.graphs.masked import MaskedPropagation, MaskedTables, highest, kept_shares
from workbench.recommenders.graphs.over_lightgcn import embedding_tables, train_edges
from workbench.recommenders.graphs.propagated import GraphTables, LightPropagation, squared_norm
from workbench.recommenders.triples import Triples
from workbench.systems.graph.lightgnn import KINDS, edge_scores
from workbench.train import named_rng

SIZES = {"width": 8, "layers": 2}


@pytest.fixture(scope="module")
def bench():
    options = {"users": 80, "items": 50}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture
def masked(bench):
    return GraphTables(MaskedTables(embedding_tables(bench, 8)), MaskedPropagation(train_edges(bench), 2))


def test_ones_everywhere_are_lightgcn(bench, masked):
    plain = GraphTables(embedding_tables(bench, 8), LightPropagation(train_edges(bench), 2)).vectors()
    found = masked.vectors()
    assert torch.allclose(found.user, plain.user, atol=1e-6) and torch.allclose(found.item, plain.item, atol=1e-6)
    assert kept_shares(masked) == {"edges": 1.0, "entries": 1.0}


def test_a_masked_edge_has_no_influence(bench, masked):
    """Neither its weight nor that it was ever there: the output is that of a graph without it, the gradient is 0."""
    graph = masked.propagation
    graph.kept[5] = 0
    users, items = (ends.numpy() for ends in graph.ends())
    left = np.arange(len(users)) != 5
    n = bench.split.n_users
    edges = Edges(user_item_edges(users[left], items[left] - n - 1, n, bench.split.n_items))
    x = torch.cat([masked.ego.user.weight, masked.ego.item.weight])
    without = mean_of(propagate(edges, x, 2))
    before = masked.vectors()
    assert torch.allclose(torch.cat([before.user, before.item]), without, atol=1e-6)
    before.user.square().sum().backward()
    assert graph.weight.grad[5] == 0 and graph.weight.grad[4] != 0
    with torch.no_grad():
        graph.weight[5] = 100.0
    assert torch.equal(masked.vectors().user, before.user)


def test_a_masked_entry_has_no_influence(masked):
    table = masked.ego.user
    table.kept[3, 2] = 0
    before = masked.vectors().user
    triples = Triples(*(torch.tensor([3]) for _ in range(3)))
    (before.square().sum() + squared_norm(masked.ego, triples)).backward()
    assert table.entries.grad[3, 2] == 0 and table.entries.grad[3, 1] != 0
    with torch.no_grad():
        table.entries[3, 2] = 100.0
    assert torch.equal(masked.vectors().user, before) and table.weight[3, 2] == 0


def test_the_highest_of_what_is_kept():
    kept, scores = torch.tensor([1.0, 0, 1, 1, 1]), torch.tensor([2.0, 9, 5, 2, 1])
    assert highest(kept, scores, 2).tolist() == [1, 0, 1, 0, 0], "of ties the first, and what is gone stays so"


@pytest.mark.parametrize("by", KINDS)
def test_as_much_is_left_as_was_asked_for(bench, by):
    run = bench.fit("lightgnn", by=by, edges=0.8, entries=0.5, rounds=2, epochs=1, **SIZES)
    module = run.recommender().module
    shares = kept_shares(module)
    graph, rows = module.propagation, bench.split.n_users + bench.split.n_items
    assert graph.kept.sum() == round(0.2 * len(graph.kept)) and shares["edges"] == pytest.approx(0.2, abs=0.01)
    assert shares["entries"] * rows * 8 == pytest.approx(round(0.5 * rows * 8))
    served = module.vectors()
    known = np.unique(bench.split.train.users[bench.split.train.rows()])
    assert torch.allclose(module.item.weight, served.item) and torch.allclose(
        module.user.weight[known], served.user[known]
    )


def test_scores_of_edges(bench):
    module = bench.build("lightgnn", **SIZES).module
    graph, teacher = module.propagation, module.teacher
    with torch.no_grad():
        graph.weight.copy_(torch.linspace(-0.2, 2, len(graph.weight)))
    users, items = graph.ends()
    assert users.max() < bench.split.n_users and items.min() >= bench.split.n_users + 2
    taught = (teacher.user[users] * teacher.item[items - bench.split.n_users - 1]).sum(1)
    rank = torch.tensor([(taught < t).double().mean() for t in taught])
    rng = named_rng(0, "test")
    assert torch.allclose(edge_scores(module, "teacher", rng), (graph.weight + rank).abs().float())
    assert torch.equal(edge_scores(module, "magnitude", rng), graph.weight.abs())
    degree = torch.bincount(users)[users] * torch.bincount(items)[items]
    assert torch.equal(edge_scores(module, "high-degree", rng), degree.double())
    assert torch.equal(edge_scores(module, "low-degree", rng), -degree.double())


def test_weights_are_rewound_to_the_start(bench):
    """The training after the last round begins with the start weights, so that of one without rounds, but for masks."""
    recommender = bench.build("lightgnn", by="random", rounds=2, **SIZES)
    start = {name: p.detach().clone() for name, p in recommender.module.named_parameters()}
    seen, inner = [], recommender.recommender
    train = inner.fit

    def fit(split, session):
        seen.append({name: torch.equal(p, start[name]) for name, p in recommender.module.named_parameters()})
        curve = train(split, session)
        assert not torch.equal(recommender.module.propagation.weight, start["propagation.weight"])
        return curve

    inner.fit = fit
    from workbench.train.fit import TrainingSession

    _, recipe = bench.plan("lightgnn", epochs=2)
    curve = recommender.fit(bench.split, TrainingSession(recipe, 0, "cpu"))
    assert len(seen) == 3 and all(all(each.values()) for each in seen)
    assert [row["epoch"] for row in curve] == [1, 2, 3, 4], "two rounds of one epoch, then two"


def test_without_pruning_there_are_no_rounds(bench):
    taught = bench.build("lightgnn", edges=0.0, entries=0.0, **SIZES)
    assert type(taught).__name__ == "VectorRecommender" and len(taught.module.propagation.weight)
    state = bench.build("lightgnn", edges=0.0, entries=0.0, distillation=0.0, contrast=0.0, **SIZES).state()
    assert state.keys() == bench.build("lightgcn", **SIZES).state().keys()


@pytest.mark.parametrize("changes, message", [
    ({"edges": 1.0}, "edges=1.0"), ({"entries": -0.1}, "entries=-0.1"), ({"rounds": 0}, "rounds=0"),
    ({"contrast": -1.0}, "contrast=-1.0"), ({"by": "teachers"}, "teacher"),
])  # fmt: skip
def test_bad_settings(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("lightgnn", **changes)

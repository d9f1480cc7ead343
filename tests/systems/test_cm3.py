"""CM3: its propagation by dense products, what its loss repels, and a similarity that stays informative."""
import pytest
import torch
import torch.nn.functional as F

import workbench as wb
from workbench.errors import UserError
from workbench.recommenders.graphs.over_lightgcn import train_edges
from workbench.systems.multimodal import cm3
from workbench.train.fit import TrainingSession

SIZES = {"width": 8, "layers": 2}


@pytest.fixture(scope="module")
def bench():
    options = {"users": 150, "items": 80}
    return wb.open_bench("synthetic", profile="smoke", options=options, protocol={"split": "ratio"})


def fitted(bench, **changes):
    settings, recipe = bench.plan("cm3", **SIZES, **changes)
    recommender = bench.build("cm3", **settings)
    recommender.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))
    return recommender


def similarity(recommender) -> torch.Tensor:
    """s of all pairs of items."""
    module = recommender.module.eval()
    fused = module.vectors().layers[0][1:].detach()
    return cm3.alike(fused, 1.0)[tuple(torch.triu_indices(len(fused), len(fused), 1))]


def test_what_is_scored_by_dense_products(bench):
    module = bench.build("cm3", **SIZES).module.eval()
    users = bench.split.n_users + 1
    with torch.no_grad():
        module.propagation.theta.copy_(torch.randn(users, 3, generator=torch.Generator().manual_seed(0)))
        found = module.vectors()
        graphs = []
        for edges in (train_edges(bench), module.propagation.near):
            dense = torch.zeros(edges.shape)
            dense[edges.row.long(), edges.column.long()] = edges.values
            graphs.append(dense)
        x = torch.cat([module.ego.user.weight, module.ego.item.weight]).unflatten(1, (3, 8))
        x = F.normalize(x, dim=2).flatten(1)
        mean = (x + graphs[0] @ x + graphs[0] @ graphs[0] @ x) / 3
        share = module.propagation.theta.softmax(1).repeat_interleave(8, dim=1)
    assert torch.allclose(found.user, mean[:users] * share, atol=1e-5)
    assert torch.allclose(found.item, mean[users:] + graphs[1] @ mean[users:], atol=1e-5)
    assert torch.allclose(graphs[1].sum(1)[1:], torch.ones(bench.split.n_items)) and not graphs[1].diagonal().any()


def test_the_graph_of_items_is_mostly_that_of_the_first_view(bench):
    near = bench.build("cm3", **SIZES).module.propagation.near
    weights = torch.unique(near.values, sorted=True)
    assert torch.allclose(weights, torch.tensor([0.01, 0.09, 0.1]), atol=1e-6), "of the second view, the first, both"


def test_the_similarity_stays_informative_where_it_is_fixed_and_not_where_it_is_learnt(bench):
    fixed, learnt = (similarity(fitted(bench, epochs=8, similarity=how)) for how in ("fixed", "learnt"))
    assert (learnt > 0.9).float().mean() > 0.5, "the loss is lowered by calling items alike"
    assert (fixed > 0.9).float().mean() < 0.1 and fixed.std() > 0.1


def test_the_similarity_weighs_the_pairs_and_is_no_way_to_lower_the_loss(bench):
    gradients = {}
    for how in cm3.SIMILARITIES:
        recommender = bench.build("cm3", **SIZES, similarity=how)
        module = recommender.module.eval()
        objective = recommender.objective(module, bench.split, TrainingSession(bench.plan("cm3")[1], 0, "cpu", None))
        objective.loss(objective.batches(0)[0], 0).backward()
        gradients[how] = module.ego.item.projections[0].weight.grad.clone()
    assert not torch.equal(gradients["fixed"], gradients["learnt"]), "the term's gradient by s itself"
    assert not torch.equal(gradients["fixed"], gradients["none"])


def test_similarity_by_hand():
    fused = torch.tensor([[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]])
    expected = torch.tensor([[0.9, 0.6, 0.0], [0.6, 0.9, 0.0], [0.0, 0.0, 0.9]])
    assert torch.allclose(cm3.alike(fused, 0.9), expected, atol=1e-6), "from 0 up to the ceiling"


def test_the_placebo_gives_both_views_of_an_item_to_one_other(bench):
    plain, permuted = (bench.build("cm3", **SIZES, permuted=how).module.ego.item for how in (False, True))
    pairs = [torch.cat([item.first, item.second], 1) for item in (plain, permuted)]
    places = (pairs[1][:, None] == pairs[0][None]).all(2)
    assert places.any(1).all() and places.diagonal().float().mean() < 0.1


def test_one_event_has_no_pair_to_repel(bench):
    recommender = bench.build("cm3", **SIZES)
    session = TrainingSession(bench.plan("cm3")[1], 0, "cpu", None)
    objective = recommender.objective(recommender.module, bench.split, session)
    assert torch.isfinite(objective.loss(objective.batches(0)[0][:1], 0))


@pytest.mark.parametrize("changes, message", [
    ({"gamma": -1.0}, "gamma=-1.0 must be at least 0"), ({"mixing": 0.0}, "mixing=0.0 positive"),
    ({"ceiling": 1.5}, "ceiling=1.5 above 0 and at most 1"), ({"similarity": "fix"}, "did you mean 'fixed'"),
    ({"second": "text"}, "two views of the items"), ({"layers": 0}, "layers at least 1"),
])  # fmt: skip
def test_bad_settings(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.build("cm3", **changes)

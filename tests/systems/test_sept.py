"""SEPT: its views without friends, its positives by a plain loop, and the first epochs without views."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix

import workbench as wb
from workbench.errors import UserError
from workbench.nets.propagation import mean_propagation, propagate
from workbench.recommenders.graphs.friends import friend_matrix
from workbench.recommenders.graphs.over_lightgcn import train_edges
from workbench.systems.graph.sept import TAU, SocialViews, tri_training

SIZES = {"width": 8, "layers": 2}


@pytest.fixture(scope="module")
def bench():
    options = {"users": 120, "items": 80}
    return wb.open_bench("synthetic-social", profile="smoke", options=options, protocol={"split": "ratio"})


@pytest.fixture(scope="module")
def ego(bench):
    return bench.build("lightgcn", **SIZES).module.ego


def test_without_links_friends_and_sharing_say_nothing(bench, ego):
    """Every layer of both views is what is learnt of a user, to the last bit; the joint graph is that of LightGCN."""
    nobody = csr_matrix((bench.split.n_users + 1,) * 2)
    views = SocialViews(bench.split, nobody, 2, drop=0.0)
    users = ego.user.weight
    for edges in (views.friend, views.sharing):
        assert all(torch.equal(layer, users) for layer in propagate(edges, users, 2))
    friend, sharing, unlabelled = views(ego, np.random.default_rng(0))
    assert torch.allclose(friend, users, atol=1e-7) and torch.allclose(sharing, users, atol=1e-7)
    plain = mean_propagation(train_edges(bench), torch.cat([users, ego.item.weight]), 2)[: len(users)]
    assert torch.allclose(unlabelled, plain, atol=1e-6)


def test_friends_and_dropped_edges_change_the_views(bench, ego):
    friends = friend_matrix(bench.dataset, bench.split.n_users)
    linked = torch.from_numpy(np.asarray(friends.sum(1)).ravel() > 0)
    views = SocialViews(bench.split, friends, 2, drop=0.3)
    friend, sharing, unlabelled = views(ego, np.random.default_rng(0))
    for view in (friend, sharing):
        moved = (view - ego.user.weight).abs().sum(1) > 1e-6
        assert 0 < moved.sum() and not moved[~linked].any()
    same, other = (views(ego, np.random.default_rng(seed))[2] for seed in (0, 1))
    assert torch.equal(unlabelled, same) and not torch.equal(unlabelled, other)


def test_positives_are_chosen_by_the_other_two_views():
    generator = torch.Generator().manual_seed(0)
    *views, plain = (torch.randn(6, 3, generator=generator, dtype=torch.float64) for _ in range(4))
    expected = 0.0
    for own in range(3):
        for user in range(6):
            likely = sum(
                torch.stack([F.cosine_similarity(view[user], w, 0) for w in plain]).softmax(0)
                for place, view in enumerate(views) if place != own
            )  # fmt: skip
            positives = likely.argsort(descending=True)[:2]
            e = torch.stack([F.cosine_similarity(views[own][user], w, 0) / TAU for w in plain]).exp()
            expected += -torch.log(e[positives].sum() / e.sum()) / 6
    assert torch.allclose(tri_training(views, plain, 2), expected)
    assert tri_training(views, plain, 9).item() == pytest.approx(0, abs=1e-9), "everyone is a positive"


def test_the_first_epochs_are_those_of_lightgcn(bench):
    found = {}
    for name, changes in {"lightgcn": {}, "warm": {"warmup": 1}, "cold": {"warmup": 0}, "off": {"ssl": 0.0}}.items():
        system = "lightgcn" if name == "lightgcn" else "sept"
        found[name] = bench.fit(system, epochs=1, **SIZES, **changes).recommender().state()
    assert found["off"].keys() == found["lightgcn"].keys(), "without the contrast there are no views"
    table = {name: state["user.weight"] for name, state in found.items()}
    assert np.array_equal(table["warm"], table["lightgcn"]) and not np.array_equal(table["cold"], table["lightgcn"])
    assert found["warm"]["views.epochs"] == 1


@pytest.mark.parametrize("changes", [{"ssl": -0.1}, {"positives": 0}, {"drop": 1.0}, {"warmup": -1}])
def test_bad_settings(bench, changes):
    with pytest.raises(UserError, match="sept: .*0 or more"):
        bench.build("sept", **changes)


def test_friends_are_needed_where_there_is_contrast(caplog):
    caplog.set_level("INFO", "workbench")
    plain = wb.open_bench("synthetic", profile="smoke", options={"users": 60, "items": 40})
    with pytest.raises(UserError, match="table 'social'.* bundled with lastfm, ciao, filmtrust") as raised:
        plain.fit("sept", width=8)
    assert raised.value.code == 3 and not any("run: " in line for line in caplog.messages), "no training is begun"
    plain.build("sept", ssl=0.0, width=8)

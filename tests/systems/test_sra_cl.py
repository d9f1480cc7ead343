"""SRA-CL: substitution with probability 0 is the anchor, whose histories are positives, and what learns from them."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.embed.neighbours import mean_vectors, nearest
from workbench.errors import UserError
from workbench.recommenders.sequential import LastState
from workbench.systems.sequential import sra_cl
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

TINY = replace(PROFILES["smoke"], epochs=1, users=None)
SIZES = {"width": 16, "layers": 1, "dropout": 0.0}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic", profile=TINY, options={"users": 60})


def built(bench, **changes):
    """A recommender and its loss of a batch of 16 windows at step 0."""
    recommender = bench.build("sra_cl", **SIZES, **changes)
    session = TrainingSession(bench.plan("sra_cl")[1], bench.seed, "cpu", None)
    objective = recommender.objective(recommender.module, bench.split, session)
    return recommender, lambda: objective.loss(np.arange(16), 0)


class Read:
    """Stands for `LastState`: notes the histories that are read."""

    def __init__(self, monkeypatch):
        self.histories, states = [], LastState.states

        def noted(reader, module, histories):
            self.histories.append(histories)
            return states(reader, module, histories)

        monkeypatch.setattr(LastState, "states", noted)


def test_substitution_with_probability_0_leaves_both_views_equal_to_the_anchor(bench, monkeypatch):
    read = Read(monkeypatch)
    for share, equal in ((0.0, True), (0.5, False)):
        read.histories.clear()
        built(bench, alpha=0.0, share=share)[1]()
        a, b = read.histories
        windows = bench.split.train.windows(51).take(np.arange(16))
        inside = [windows.row(i)[: len(a.row(i))] for i in range(16)]
        assert np.array_equal(a.items, b.items) == equal
        assert np.array_equal(a.items, np.concatenate(inside)) == equal
        assert np.array_equal(a.offsets, b.offsets) and (a.lengths < windows.lengths).all()


def test_substitutes_are_the_nearest_items_and_of_the_placebo_others(bench, monkeypatch):
    texts = bench.vectors("text", dim=sra_cl.TEXT)
    near = np.concatenate([[[0] * 10], nearest(texts[1:], 10) + 1])
    read, found = Read(monkeypatch), {}
    for permuted in (False, True):
        read.histories.clear()
        built(bench, alpha=0.0, share=1.0, permuted=permuted)[1]()
        windows = bench.split.train.windows(51).take(np.arange(16))
        hits = [np.isin(view.row(i)[k], near[windows.row(i)[k]])
                for view in read.histories for i in range(16) for k in range(view.lengths[i])]  # fmt: skip
        found[permuted] = np.mean(hits)
    assert found[False] == 1 and found[True] < 0.5


def test_positives_are_train_histories_of_the_nearest_other_users(bench, monkeypatch):
    train = bench.split.train
    near = nearest(mean_vectors(train, bench.vectors("text", dim=sra_cl.TEXT)), 10)
    read, users = Read(monkeypatch), train.windows(51).users[:16]
    built(bench, beta=0.0)[1]()
    *neighbours, anchors = read.histories
    assert np.array_equal(anchors.users, users)
    seen = np.concatenate([group.users for group in neighbours])
    assert np.isin(seen, near[users]).all() and len(seen) > np.unique(near[users]).size / 2, "dropout spares half"
    assert all(np.array_equal(group.row(i), train.row(group.users[i])[-sra_cl.EVENTS :])
               for group in neighbours for i in range(len(group)))  # fmt: skip
    assert not (near == np.arange(len(near))[:, None]).any()


def test_the_contrast_with_similar_users_by_hand(bench):
    recommender, loss = built(bench, beta=0.0, alpha=1.0)
    plain = bench.build("sra_cl", **SIZES, **sra_cl.OFF)
    objective = plain.objective(plain.module, bench.split, TrainingSession(bench.plan("sra_cl")[1], 0, "cpu", None))
    module = recommender.module.eval()  # no dropout of attention
    train, texts = bench.split.train, bench.vectors("text", dim=sra_cl.TEXT)
    tastes = mean_vectors(train, texts)
    windows = train.windows(51).take(np.arange(16))
    prefixes = sra_cl.random_prefix(windows, sra_cl.named_rng(bench.seed, "views", 0))
    reader, combined = LastState(50), []
    for user in windows.users:
        near = nearest(tastes, 10)[user]
        states = torch.cat([reader.states(module, train.take([other]).last(sra_cl.EVENTS)) for other in near])
        weights = module.neighbour_attention(torch.tensor(tastes[user])[None], torch.tensor(tastes[near])[None])[0]
        combined.append(weights @ states)
    expected = sra_cl.nt_xent(reader.states(module, prefixes), torch.stack(combined))
    assert torch.allclose(loss() - objective.loss(np.arange(16), 0), expected, atol=1e-3)


def test_attention_learns_and_only_with_alpha_is_made(bench):
    recommender, loss = built(bench)
    loss().backward()
    assert all(p.grad is not None and p.grad.any() for p in recommender.module.neighbour_attention.parameters())
    for changes in (sra_cl.OFF, {"alpha": 0.0}):
        assert "neighbour_attention" not in dict(built(bench, **changes)[0].module.named_children())


@pytest.mark.parametrize("changes", [{"alpha": -0.1}, {"beta": -1.0}, {"share": 1.5}, {"width": 15}])
def test_settings_out_of_range_are_refused(bench, changes):
    with pytest.raises(UserError, match="sra_cl"):
        bench.build("sra_cl", **changes)

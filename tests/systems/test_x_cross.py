"""X-Cross: it starts as its source models bit for bit, learns the mixing alone from the target, and serves it alone."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.nets.adapters.layer_mixing import mixing_parameters
from workbench.recommenders.domains.item_domains import item_domains
from workbench.recommenders.rerank.mixed_sources import LAYERS
from workbench.systems.rerank import x_cross
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

TINY = replace(PROFILES["smoke"], epochs=4, users=None)
SMALL = {"n": 20, "width": 16, "rank": 2}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic-domains", profile=TINY, options={"users": 240, "items": 120})


def fitted(bench, phases=slice(None), **changes):
    model = bench.build("x_cross", **bench.plan("x_cross", **SMALL | changes)[0])
    model.phases = model.phases[phases]
    model.fit(bench.split, TrainingSession(bench.plan("x_cross")[1], bench.seed, "cpu", None))
    return model


@pytest.fixture(scope="module")
def model(bench):
    return fitted(bench)


@pytest.fixture(scope="module")
def sources(bench):
    return fitted(bench, slice(3))


def lists(bench, model, n=60):
    histories = bench.split.test.histories.take(np.arange(n))
    items = torch.from_numpy(model.candidates(histories).astype(np.int64))
    return histories, items, torch.arange(items.shape[1]).expand_as(items)


@torch.no_grad()
def test_without_interaction_and_with_scale_1_the_states_are_the_source_models_bit_for_bit(bench, sources, model):
    for trained in (sources, model):
        net = trained.module.eval()
        x, weights = net.read(*lists(bench, trained)), [p.clone() for p in net.mixing.parameters()]
        for p in net.mixing.parameters():
            p.zero_()
        mixed = net.mixed(x)
        models = [net.one(x, which) for which in (0, 1)]
        assert torch.equal(mixed[:, :, 0], models[0]) and torch.equal(mixed[:, :, 1], models[1])
        assert not torch.allclose(models[0], models[1]) and not torch.allclose(models[0], net.one(x, None))
        for p, before in zip(net.mixing.parameters(), weights):
            p.copy_(before)
    assert not torch.allclose(net.mixed(x), mixed)


def test_one_adapter_is_plain_lora(bench):
    """A fresh adapter of the target: the same network, with W + B A and a head, and nothing between the layers."""
    model = fitted(bench, fresh=True)
    net = model.module.eval()
    x = net.read(*lists(bench, model))
    assert torch.equal(net.mixed(x)[:, :, 0], net.one(x, 0)) and not list(net.mixing.parameters())
    h = x
    for place, layer in enumerate(net.layers):
        weight = layer.linear.weight + layer.up[0] @ layer.down[0]
        y = torch.nn.functional.gelu(h @ weight.T + layer.linear.bias)
        h = h + y if place else y
    torch.testing.assert_close(h, net.one(x, 0), atol=1e-4, rtol=1e-4)


def test_the_target_trains_the_mixing_and_the_head_alone(sources, model):
    before, after = sources.state(), model.state()
    own = {name for name in after if not np.array_equal(before[name], after[name])}
    assert own == {name for name in after if name.startswith("mixing.")} | {"head.linear.weight", "head.trust"}
    count = sum(p.numel() for p in model.module.mixing.parameters())
    assert count == mixing_parameters(2, 16, LAYERS) == 3 * 4 * (2 * 16 + 1)


def test_an_adapter_learns_from_its_own_source(bench, sources):
    """Each phase reads cases whose history ends in its domain; the placebo changes the sources' adapters alone."""
    domains, names = item_domains(bench.dataset)
    placebo = fitted(bench, slice(3), permuted=True)
    before, after = sources.state(), placebo.state()
    differ = {name for name in after if not np.array_equal(before[name], after[name])}
    assert differ == {name for name in after if ".down." in name or ".up." in name}
    assert names == ["market", "outlet", "store"] and sources.module.target == 2


def test_histories_of_other_domains_keep_the_order_of_the_first_stage(bench, model):
    histories, domains = bench.split.test.histories, item_domains(bench.dataset)[0]
    own = domains[histories.last(1).padded(1)[:, 0]] == 2
    first, lists = model.candidates(histories), model.recommend(histories, 20).items
    same = (first == lists).all(1)
    assert same[~own].all() and not same[own].all() and own.any()


def test_a_smaller_share_is_part_of_a_larger_one(bench, model):
    train = bench.split.train
    events = np.arange(1, len(train.items))
    fake = type("Lists", (), {"train": train, "events": events})
    found = []
    for share in (0.1, 0.5, 1.0):
        phases = bench.build("x_cross", **bench.plan("x_cross", **SMALL, share=share)[0]).phases
        found.append(set(phases[-1].of(fake).tolist()))
        assert len(phases[0].of(fake)) > 100
    assert found[0] < found[1] < found[2]


def test_a_curve_over_the_targets_data(bench):
    rows = x_cross.data_curve(bench, (0.25, 1.0), metric="recall@10", epochs=2, **SMALL)
    assert [row["share"] for row in rows] == [0.25, 1.0]
    assert all(0 < row[arm] < 1 for row in rows for arm in ("mixed", "fresh"))


def test_what_cannot_be_is_refused_before_the_first_stage_is_trained(bench, monkeypatch):
    plain = experiment.open_bench("synthetic", profile=TINY, options={"users": 60})
    monkeypatch.setattr(experiment.Bench, "teacher", lambda *_, **__: pytest.fail("trained first"))
    with pytest.raises(UserError, match="synthetic is one domain.*food-kitchen"):
        plain.build("x_cross")
    for changes, message in [
        ({"target": "stor"}, "did you mean 'store'"), ({"share": 0.0}, "share=0.0 of the users"),
        ({"rank": 0}, "rank=0"), ({"n": -1}, "n=-1 candidates"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=message):
            bench.build("x_cross", **SMALL | changes)

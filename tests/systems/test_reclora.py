"""RecLoRA: the second half trains adapters and gate alone, which begin as the network; the placebo has as many."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.evaluate.rerank.binary import binary_metrics
from workbench.recommenders.rerank.judged import judgements
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

TINY = replace(PROFILES["smoke"], epochs=4, users=None)
SMALL = {"n": 20, "width": 16, "adapters": 4, "rank": 2, "teacher": "bpr_mf"}


@pytest.fixture(scope="module")
def bench():
    return experiment.open_bench("synthetic", profile=TINY, options={"users": 120, "items": 120})


def built(bench, **changes):
    return bench.build("reclora", **bench.plan("reclora", **SMALL | changes)[0])


def fitted(bench, phases=slice(None), **changes):
    model = built(bench, **changes)
    model.phases = model.phases[phases]
    recipe = bench.plan("reclora", epochs=16)[1]
    return model, model.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None))


@pytest.fixture(scope="module")
def model(bench):
    return fitted(bench)[0]


def lists(bench, model, n=40):
    histories = bench.split.test.histories.take(np.arange(n))
    items = torch.from_numpy(model.candidates(histories).astype(np.int64))
    return histories, items, torch.arange(items.shape[1]).expand_as(items)


def test_new_adapters_are_the_network_to_the_last_bit(bench):
    model, _ = fitted(bench, slice(1))
    given, net = lists(bench, model), model.module.eval()
    assert torch.equal(net(*given), net.judge(*given, None))


@torch.no_grad()
def test_trained_adapters_are_personal_and_a_batch_equals_a_loop(bench, model):
    given, net = lists(bench, model), model.module.eval()
    mixture = net.mixture(given[0])
    assert mixture.shape == (40, 4) and torch.allclose(mixture.sum(1), torch.ones(40)) and mixture.std(0).min() > 0
    found = net(*given)
    assert not torch.allclose(found, net.judge(*given, None))
    loop = [net(given[0].take([row]), *(each[row : row + 1] for each in given[1:])) for row in range(40)]
    torch.testing.assert_close(torch.cat(loop), found, atol=1e-5, rtol=1e-5)


def test_the_second_half_trains_adapters_and_gate_alone(bench, model):
    network = fitted(bench, slice(1))[0].state()
    own = {name for name, array in model.state().items() if not np.array_equal(array, network[name])}
    assert own == {name for name in network if name.endswith((".down", ".up")) or name.startswith("gate.")}


def test_the_placebo_has_as_many_parameters_of_adapters_for_everybody(bench):
    single, several = (built(bench, gate=gate).module for gate in ("single", "learnt"))
    count = [sum(p.numel() for name, p in net.named_parameters() if ".up" in name or ".down" in name)
             for net in (single, several)]  # fmt: skip
    assert count[0] == count[1] and single.layers[0].down.shape[:2] == (1, 8)
    histories = bench.split.test.histories
    assert torch.equal(single.mixture(histories), torch.ones(len(histories), 1))
    uniform = built(bench, gate="uniform").module.mixture(histories)
    assert torch.equal(uniform, torch.full((len(histories), 4), 0.25))


def test_judgements_are_of_retrieved_cases_and_better_than_chance(bench, model):
    p, y = judgements(model, bench.split.test, masked=False)
    found = model.candidates(bench.split.test.histories) == bench.split.test.targets[:, None]
    assert p.shape == y.shape == (found.any(1).sum(), 20) and (y.sum(1) == 1).all()
    figures = binary_metrics(p, y)
    assert figures["auc"] > 0.6 and figures["log loss"] < 0.3 and figures["calibration"] < 0.1, figures


def test_what_cannot_be_is_refused_before_anything_is_trained(bench, monkeypatch):
    with pytest.raises(UserError, match="item_knn has no states of histories"):
        built(bench, teacher="item_knn")
    monkeypatch.setattr(experiment.Bench, "teacher", lambda *_, **__: pytest.fail("trained first"))
    for changes, message in [
        ({"n": 121}, "reclora: n=121 candidates"), ({"gate": "learned"}, "did you mean 'learnt'"),
        ({"rank": 0}, "rank=0"), ({"dropout": 1.0}, "dropout=1.0"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=message):
            built(bench, **changes)

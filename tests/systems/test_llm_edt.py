"""LLM-EDT on a world of two domains: what each phase trains, what is off, blind or alone, and what is an error."""
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.data import Histories
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.recommenders.domains.item_domains import item_domains
from workbench.systems.cross_domain import llm_edt
from workbench.train import PROFILES
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=4, users=None)
SMALL = {"width": 16, "layers": 1}
K = 10


@pytest.fixture(scope="module")
def bench():
    """A world whose items with an odd id are of the domain home, those with an even one of food."""
    whole = experiment.open_bench("synthetic", profile=PROFILE, options={"users": 200, "items": 80})
    items = whole.dataset.items
    dataset = replace(whole.dataset, items=items.assign(domain=np.where(items.index % 2, "home", "food")))
    return replace(whole, given={"dataset": dataset})


def train(bench, system="llm_edt", *, validate=True, **changes):
    settings, recipe = bench.plan(system, **SMALL, **changes)
    model = bench.build(system, **settings)

    def validation(current):
        return evaluate(current, bench.split.valid, bench.split, quiet=True).metrics(bench.split.valid, bench.split)

    session = TrainingSession(recipe, bench.seed, "cpu", validation if validate else None)
    return model, model.fit(bench.split, session)


@pytest.fixture(scope="module")
def trained(bench):
    return train(bench)


def states(model) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.state().items()}


def test_the_second_phase_moves_adapters_and_positions_alone(bench, trained):
    """The encoder is bit for bit the parent's after three quarters of its epochs."""
    model, curve = trained
    parent = train(bench, "sasrec", epochs=3)[0]
    assert states(parent) == states(model.shared)
    assert [row["epoch"] for row in curve] == [1, 2, 3, 4] and curve[-1]["step"] > curve[-2]["step"]
    new = {name: array for name, array in model.state().items() if not name.startswith("encoder.")}
    assert len(new) == 2 * (1 + 4) and all(array.any() for array in new.values())


def test_adapters_of_0_have_the_scores_of_the_first_phase(bench, trained):
    histories = bench.split.test.histories
    untrained = bench.build("llm_edt", **bench.plan("llm_edt", **SMALL)[0])
    assert np.array_equal(untrained.score(histories), untrained.shared.score(histories))
    model = deepcopy(trained[0])
    assert not np.array_equal(model.score(histories), model.shared.score(histories))
    with torch.no_grad():
        for adapter in model.module.adapters:
            adapter.up.weight.zero_()
            adapter.up.bias.zero_()
    assert np.array_equal(model.score(histories), model.shared.score(histories))


def test_an_adapter_moves_the_scores_of_its_domain_only(bench, trained):
    model, histories = deepcopy(trained[0]), bench.split.test.histories
    before = model.score(histories)
    with torch.no_grad():
        model.module.adapters[model.names.index("home")].up.weight.neg_()
    home = np.append(False, bench.dataset.items["domain"] == "home")
    after = model.score(histories)
    assert np.array_equal(before[:, ~home], after[:, ~home])
    moved, rows = (before[:, home] != after[:, home]).any(1), histories.rows()[home[histories.items]]
    assert np.array_equal(np.flatnonzero(moved), np.unique(rows)), "those of users who have events of it"


def test_the_loss_is_the_cross_entropy_of_the_scores(bench, trained):
    model, test = trained[0], bench.split.test
    h = model.own.states(test.histories)
    targets = torch.from_numpy(test.targets.astype(np.int64))
    loss = model._loss(h, model.module.item.weight, targets, 0)
    assert loss.item() == pytest.approx(-model.log_prob(test.histories, test.targets[:, None]).mean(), rel=1e-4)


def test_off_is_sasrec_bit_for_bit(bench):
    off = train(bench, epochs=2, validate=False, **llm_edt.OFF)[0]
    parent = train(bench, "sasrec", epochs=2, validate=False)[0]
    assert states(off) == states(parent)
    assert np.array_equal(off.score(bench.split.test.histories), parent.score(bench.split.test.histories))


def test_the_placebo_has_other_domains_of_the_same_sizes_and_as_many_parameters(bench):
    models = [bench.build("llm_edt", **SMALL, blind=blind) for blind in (False, True)]
    true, blind = (model.module.domains.numpy() for model in models)
    assert np.array_equal(true, item_domains(bench.dataset)[0]) and not np.array_equal(true, blind)
    assert np.array_equal(np.bincount(true[1:]), np.bincount(blind[1:])) and blind[0] == 0
    sizes = [{name: p.shape for name, p in model.module.named_parameters()} for model in models]
    assert sizes[0] == sizes[1]
    assert models[0].phase != models[1].phase, "with one domain it is another draw"


def test_items_are_filled_in_for_the_second_phase_alone(bench):
    """More events are learned from in the second phase, the same in the first, and none is read when it ranks."""
    domains = item_domains(bench.dataset)[0]
    home = domains[bench.split.train.items] == 1
    poor = bench.variant(train=~(home & (bench.split.train.rows() % 2 == 0)), label="half without home")
    train_events, model = poor.split.train, poor.build("llm_edt", **SMALL)
    filled = model.fill(train_events)
    before, after = (np.bincount(h.rows() * 2 + domains[h.items], minlength=2 * len(h)).reshape(-1, 2)
                     for h in (train_events, filled))  # fmt: skip
    assert not before[::2, 1].any() and before[::2, 0].max() > 4
    assert np.array_equal(after[::2, 1] > 0, before[::2, 0] >= 4), "a quarter of four is one"
    assert (after >= before).all() and (after[:, 1] <= np.maximum(before[:, 1], before[:, 0] // 4)).all()
    with_fill, without = (train(poor, validate=False, fill=fill)[0] for fill in (0.25, 0.0))
    assert states(with_fill.shared) == states(without.shared) and states(with_fill) != states(without)


def test_one_domain_alone_learns_from_and_reads_its_events_alone(bench):
    model = train(bench, alone="home", validate=False)[0]
    home = np.append(False, bench.dataset.items["domain"] == "home")
    train_events, test = bench.split.train, bench.split.test.histories
    items = np.where(home[train_events.items], train_events.items, 2).astype(np.int32)
    other = bench.variant(train=replace(train_events, items=items), label="other food")
    assert states(model) == states(train(other, alone="home", validate=False)[0])
    changed = Histories(test.offsets, np.where(home[test.items], test.items, 4).astype(np.int32), test.users, {})
    assert np.array_equal(model.score(test), model.score(changed))
    assert np.array_equal(model.score(test), model.score(test.where(home[test.items])))
    mask, event, _ = model.trace(test.take(np.arange(5)))
    assert home[test.take(np.arange(5)).items[event]].all() and mask.sum() == len(event)


def test_a_stopped_second_phase_goes_on_where_it_was(bench, tmp_path, monkeypatch):
    settings, recipe = bench.plan("llm_edt", **SMALL)
    whole = train(bench, validate=False)[0]
    model = bench.build("llm_edt", **settings)
    loss, calls = model._loss, []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return loss(*arguments)

    session = TrainingSession(recipe, bench.seed, "cpu", None, tmp_path)
    monkeypatch.setattr(model, "_loss", stop)
    model.own.objective = llm_edt.next_items(stop, max_length=50)
    with pytest.raises(KeyboardInterrupt):
        model.fit(bench.split, session)
    again = bench.build("llm_edt", **settings)
    again.fit(bench.split, TrainingSession(recipe, bench.seed, "cpu", None, tmp_path))
    assert states(again) == states(whole)


def test_a_catalogue_of_one_domain_is_refused():
    plain = experiment.open_bench("synthetic", profile=PROFILE, options={"users": 200, "items": 80})
    domains, names = item_domains(plain.dataset)
    assert names == ["synthetic"] and not domains.any()
    with pytest.raises(UserError, match="synthetic is one domain; datasets .*food-kitchen"):
        plain.build("llm_edt", **SMALL)


def test_what_cannot_be_is_one_error_before_any_work(bench):
    items = bench.dataset.items
    for wrong in ("", " ", None):
        column = items["domain"].where(items.index != 7, wrong)
        holed = replace(bench, given={"dataset": replace(bench.dataset, items=items.assign(domain=column))})
        with pytest.raises(UserError, match="1 of .* items of synthetic have no domain; datasets.*food-kitchen"):
            holed.build("llm_edt", **SMALL)
    home = item_domains(bench.dataset)[0][bench.split.train.items] == 1
    empty = bench.variant(train=~home, label="no home")
    with pytest.raises(UserError, match="domain home: no event in train has another before it"):
        train(empty)
    for changes, message in [
        ({"bottleneck": -1}, "bottleneck=-1 units"), ({"fill": 1.5}, "fill=1.5 is a share"),
        ({"width": 15}, "width=15"),
        ({"alone": "hom"}, "domain of synthetic 'hom'; did you mean 'home'.*food-kitchen"),
        ({"vectors": "txt"}, "kind of item vectors 'txt'"),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=message):
            bench.build("llm_edt", **SMALL | changes)

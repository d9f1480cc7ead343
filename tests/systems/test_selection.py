"""GORACS and DEALRec: which histories they choose, what they read, and their settings for comparison."""
import sys
from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest

import workbench as wb
from workbench import systems
from workbench.errors import UserError
from workbench.experiment.run_plan import plan_system
from workbench.recommenders.selection.surrogate import Surrogate
from workbench.recommenders.selection.transport import exact_transport
from workbench.recommenders.selection.whole_histories import learnable
from workbench.train import PROFILES

TINY = replace(PROFILES["smoke"], epochs=2)


@lru_cache
def make_bench():
    return wb.open_bench("synthetic", profile=TINY, options={"users": 150, "items": 100})


def budget() -> int:
    return round(0.2 * len(make_bench().split.train.items))


@lru_cache
def selected(name: str, **changes):
    """The selector and the users it selects."""
    bench = make_bench()
    selector = systems.build(name, bench, **({"steps": 60} if name == "dealrec" else {}), **changes)
    return selector, users_of(bench.split, selector)


def users_of(split, selector) -> np.ndarray:
    """The users selected; all of their events are."""
    rows = selector.select(split, budget(), SimpleNamespace(seed=0))
    users = np.unique(split.train.rows()[rows])
    assert len(rows) == split.train.lengths[users].sum() <= budget()
    return users


GORACS = ({}, {"exchanges": 0}, {"by": "loss"}, {"by": "permuted"})
DEALREC = ({}, {"strata": 0}, {"strata": 1}, {"permuted": True}, {"effort": 0.0})


@pytest.mark.parametrize("name, ways", [("goracs", GORACS), ("dealrec", DEALREC)])
def test_subsets_for_comparison_are_of_equal_size_and_other_histories(name, ways):
    bench = make_bench()
    chosen = [selected(name, **changes)[1] for changes in ways]
    sizes = [bench.split.train.lengths[users].sum() for users in chosen]
    assert min(sizes) > 0.95 * budget()
    assert len({tuple(users) for users in chosen}) == len(ways)
    assert np.array_equal(users_of(bench.split, selected(name)[0]), chosen[0]), "the same once more"


def test_goracs_lowers_the_transport_below_that_of_every_other_choice():
    bench = make_bench()
    selector, users = selected("goracs")
    everyone = learnable(bench.split.train, budget())
    histories = bench.split.train.take(everyone)
    cost = selector._cost(bench.split, histories, Surrogate(selector.model, histories).gradient_norms(), 0)
    costs = [exact_transport(cost[np.isin(everyone, selected("goracs", **changes)[1])]).cost for changes in GORACS]
    assert selector.costs[-1] == pytest.approx(costs[0], abs=1e-9)
    assert len(selector.costs) > 1 and (np.diff(selector.costs) < 0).all()
    assert selector.costs[0] == pytest.approx(costs[1], abs=1e-9), "the greedy start"
    assert costs[0] < costs[1] < min(costs[2:])


def test_ranked_by_loss_are_the_highest():
    bench = make_bench()
    selector, users = selected("goracs", by="loss")
    everyone = learnable(bench.split.train, budget())
    losses = Surrogate(selector.model, bench.split.train.take(everyone)).history_losses()
    assert set(everyone[np.argsort(-losses)[: len(users) - 2]]) <= set(users)


def test_without_strata_dealrec_takes_the_highest_scores_but_for_the_hardest():
    bench = make_bench()
    selector, users = selected("dealrec", strata=0)
    everyone = learnable(bench.split.train, budget())
    ranked = everyone[np.argsort(-selector.scores(bench.split.train.take(everyone), 0), kind="stable")]
    hardest = int(0.1 * len(everyone))
    assert not set(ranked[:hardest]) & set(users)
    assert set(ranked[hardest : hardest + len(users) - 2]) <= set(users)
    assert not set(ranked[:hardest]) & set(selected("dealrec")[1])


@pytest.mark.parametrize("name", ["goracs", "dealrec"])
def test_no_held_out_target_is_read(name):
    """With other targets of validation and of test, the same trained models choose the same histories."""
    bench = make_bench()
    selector, users = selected(name)
    split = bench.split
    other = {part: getattr(split, part)._replace(targets=getattr(split, part).targets % split.n_items + 1)
             for part in ("valid", "test")}  # fmt: skip
    other["test"] = other["test"]._replace(histories=split.train)
    assert np.array_equal(users_of(replace(split, **other), selector), users)


def test_goracs_moves_towards_the_validation_set():
    """With the histories of some users alone as validation, these are chosen more often than others."""
    bench = make_bench()
    some = np.arange(20)
    split = replace(bench.split, valid=bench.split.valid.take(some))
    users = users_of(split, selected("goracs")[0])
    assert np.isin(bench.split.valid.histories.users[some], users).mean() > 2 * np.isin(range(150), users).mean()


@pytest.mark.parametrize("name", ["goracs", "dealrec"])
def test_all_of_train_needs_no_other_model(name):
    bench = make_bench()
    selector = systems.build(name, bench, share=1.0)
    n = len(bench.split.train.items)
    assert np.array_equal(selector.select(bench.split, n, SimpleNamespace(seed=0)), np.arange(n))
    assert plan_system(bench, name, {"share": 1.0}).inputs.get("drawn", {}) == {}
    assert "run" in plan_system(bench, name, {}).inputs["drawn"]


@pytest.mark.parametrize("name, changes, message", [
    ("goracs", {"by": "los"}, "did you mean 'loss'"), ("goracs", {"weight": -1.0}, "weight=-1.0 and exchanges=100 are"),
    ("goracs", {"cases": 0}, "cases=0 of validation"), ("goracs", {"share": 1e-3}, "no whole history of two events"),
    ("goracs", {"vectors": "words"}, "words"), ("dealrec", {"hardest": 1.0}, "hardest=1.0 from 0 to below 1"),
    ("dealrec", {"steps": 0}, "steps=0 1 or more"), ("dealrec", {"strata": -1}, "strata=-1 and small_epochs=0 are"),
    ("dealrec", {"share": 1.5}, "share=1.5.*at most 1"), ("dealrec", {"effort": float("nan")}, "effort=nan"),
])  # fmt: skip
def test_bad_settings(name, changes, message):
    with pytest.raises(UserError, match=message):
        make_bench().fit(name, base="item_knn", **changes)


def test_without_the_extra_only_exchanges_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(UserError, match="extra 'selection'"):
        systems.build("goracs", make_bench())
    start = users_of(make_bench().split, systems.build("goracs", make_bench(), exchanges=0))
    assert np.array_equal(start, selected("goracs", exchanges=0)[1])

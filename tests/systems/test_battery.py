"""The battery: whatever is found in systems/ keeps the contracts, on a small world. A system is tested by existing."""
import ast
import inspect
import json
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.data import Histories
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.interfaces import Recommender
from workbench.train import PROFILES, Recipe
from workbench.train.fit import Session

NAMES = systems.names()
TINY = replace(PROFILES["smoke"], epochs=3, users=None)
WORLD = {"users": 300}
K = 10
each_system = pytest.mark.parametrize("name", NAMES)


def world(seed: int = 0) -> experiment.Bench:
    """A fresh bench; ties in file order, so that what an event holds never moves it in time."""
    return experiment.open_bench("synthetic", profile=TINY, seed=seed, protocol={"ties": "file"}, options=WORLD)


def fit(bench: experiment.Bench, name: str, *, validate: bool = False, **changes):
    """A recommender fitted from nothing, past every cache, and its learning curve."""
    settings, recipe = bench.plan(name, **changes)
    recommender, part = bench.build(name, **settings), bench.split

    def score(current) -> dict[str, float]:
        return evaluate(current, part.valid, part, quiet=True).metrics(part.valid, part)

    curve = recommender.fit(part, Session(recipe, bench.seed, "cpu", score if validate else None))
    return recommender, curve


@lru_cache
def fitted(name: str):
    """One shared fit for the tests that only read it: bench, recommender, curve."""
    bench = world()
    return bench, *fit(bench, name, validate=True)


def same(a, b) -> bool:
    """Whether two tables of recommendations are equal bit for bit."""
    return np.array_equal(a.items, b.items) and np.array_equal(a.scores, b.scores)


def altered(bench: experiment.Bench) -> experiment.Bench:
    """The same world, but every held-out event holds another item: the two last of each user who is asked about."""
    events = bench.dataset.interactions.sort_values(["user", "timestamp", "row"])
    from_end = events.groupby("user").cumcount(ascending=False)
    length = events.groupby("user")["item"].transform("size")
    held_out = (from_end < 2) & (length >= bench.protocol.min_events)
    items = events["item"].where(~held_out, events["item"] % bench.dataset.n_items + 1).sort_index()
    changed = replace(bench)
    changed.__dict__["dataset"] = replace(bench.dataset, interactions=bench.dataset.interactions.assign(item=items))
    return changed


@each_system
def test_docstring_says_what_it_is(name):
    text = inspect.getdoc(systems.load(name))
    assert systems.describe(name) and systems.describe(name) == text.partition("\n")[0]
    for field in ("Paper", "Idea", "Differs", "Reported"):
        assert re.search(rf"^{field}:?\s+\S", text, re.M), f"{name}: the docstring has no {field}"


@each_system
def test_declares_its_parent_switch_placebo_and_recipe(name):
    module = systems.load(name)
    assert isinstance(module.RECIPE, Recipe)
    assert module.PARENT is None or module.PARENT in NAMES
    for changes in filter(None, (module.OFF, module.PLACEBO)):
        systems.settings(name, **changes)
    assert module.PARENT is None or module.OFF is not None, "with a parent comes a switch back to it"


@each_system
def test_build_takes_literal_keywords(name):
    parameters = list(inspect.signature(systems.load(name).build).parameters.values())
    assert parameters[0].name == "bench" and len(parameters) <= 11
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[1:])
    assert systems.keywords(name) == {p.name: ast.literal_eval(repr(p.default)) for p in parameters[1:]}


@each_system
def test_settings_round_trip(name):
    settings = systems.settings(name)
    assert systems.settings(name, **json.loads(json.dumps(settings))) == settings
    with pytest.raises(UserError, match="no_such_keyword"):
        systems.settings(name, no_such_keyword=1)


@each_system
def test_keeps_the_contract(name):
    bench, recommender, _ = fitted(name)
    assert isinstance(recommender, Recommender)
    part = bench.split
    unseen = Histories(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(1, np.int32), np.zeros(0, np.int64))
    for histories in (part.test.histories, unseen):
        for exclude in (None, histories):
            found = recommender.recommend(histories, K, exclude)
            assert found.items.shape == found.scores.shape == (len(histories), K)
            assert found.items.min() >= 1 and found.items.max() <= part.n_items
            assert all(len(set(row)) == K for row in found.items.tolist())
            assert np.isfinite(found.scores).all() and (np.diff(found.scores, axis=1) <= 0).all()
            if exclude is not None:
                own = set(zip(exclude.rows().tolist(), exclude.items.tolist()))
                assert not own & {(row, item) for row, items in enumerate(found.items.tolist()) for item in items}


@each_system
def test_a_shorter_list_is_the_start_of_a_longer_one(name):
    bench, recommender, _ = fitted(name)
    histories = bench.split.test.histories
    longer = recommender.recommend(histories, K)
    assert np.array_equal(recommender.recommend(histories, 3).items, longer.items[:, :3])


@each_system
def test_learns(name):
    _, recommender, curve = fitted(name)
    module = getattr(recommender, "module", None)
    assert (module is None) == (curve == []), "a curve where there are parameters, and only there"
    if module is None:
        assert recommender.state(), "nothing was learned"
        return
    assert len(curve) > 1 and curve[-1]["loss"] < curve[0]["loss"]
    idle = [name for name, p in module.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert not idle, f"no gradient reached {idle}"


@each_system
def test_same_seed_same_table(name):
    bench, recommender, curve = fitted(name)
    again, curve_again = fit(world(), name, validate=True)
    histories = bench.split.test.histories
    assert same(recommender.recommend(histories, K), again.recommend(histories, K))
    assert [row["loss"] for row in curve] == [row["loss"] for row in curve_again]


@each_system
def test_another_seed_trains_another_model(name):
    bench, recommender, curve = fitted(name)
    other, _ = fit(world(seed=1), name, validate=True)
    histories = bench.split.test.histories
    assert not curve or not same(recommender.recommend(histories, K), other.recommend(histories, K))


@each_system
def test_held_out_events_are_never_read(name):
    bench, changed = world(), altered(world())
    assert np.array_equal(bench.split.train.items, changed.split.train.items)
    for cases in ("valid", "test"):
        assert not (getattr(bench.split, cases).targets == getattr(changed.split, cases).targets).any()
    histories = bench.split.test.histories
    tables = [fit(one, name)[0].recommend(histories, K) for one in (bench, changed)]
    assert same(*tables)


@each_system
def test_saved_answers_are_the_answers(name, tmp_path):
    from safetensors.numpy import load_file, save_file

    bench, recommender, _ = fitted(name)
    state = {key: np.ascontiguousarray(value) for key, value in recommender.state().items()}
    save_file(state, tmp_path / "state.safetensors")
    loaded = world().build(name)
    loaded.load_state(load_file(tmp_path / "state.safetensors"))
    histories = bench.split.test.histories
    assert same(recommender.recommend(histories, K), loaded.recommend(histories, K))


@each_system
def test_switched_off_it_is_its_parent(name):
    module = systems.load(name)
    if module.OFF is None:
        return
    bench, recommender, _ = fitted(name)
    histories = bench.split.test.histories
    off = fit(bench, name, validate=True, **module.OFF)[0].recommend(histories, K)
    assert not same(off, recommender.recommend(histories, K)), "the switch does nothing"
    if module.PARENT is not None:
        parent = fit(bench, module.PARENT, validate=True)[0].recommend(histories, K)
        assert same(off, parent)


@each_system
def test_the_placebo_runs_and_differs(name):
    placebo = systems.load(name).PLACEBO
    if placebo is None:
        return
    bench, recommender, _ = fitted(name)
    histories = bench.split.test.histories
    fake = fit(bench, name, validate=True, **placebo)[0]
    assert not same(fake.recommend(histories, K), recommender.recommend(histories, K))

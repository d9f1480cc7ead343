"""Contract tests, run for every system in workbench/systems on a small synthetic dataset.

A selection and an unlearning are recommenders too, as `bench.build` makes them of their base, so they are held to all
that a ranking system is; what their verb asks for besides is in test_verbs.py. Policies are in test_acting_battery.py,
what is served in a stream in test_streaming_battery.py, what predicts sets in test_sets_battery.py.
"""
import ast
import inspect
import json
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from workbench import experiment, systems
from workbench.data import Histories, Split
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.experiment.around_base import inner
from workbench.experiment.run_plan import plan_system
from workbench.interfaces import Recommender
from workbench.stages import drawing
from workbench.systems.built_in_worlds import world_of
from workbench.systems.verbs import VERBS
from workbench.train import PROFILES, Recipe
from workbench.train.fit import TrainingSession

NAMES = systems.names()
TINY = replace(PROFILES["smoke"], epochs=3, users=None)
OPTIONS = {"users": 200}
SMALL = {"width": 32, "layers": 1}  # of networks that have both: at their own size an epoch takes seconds
K = 10
each_system = pytest.mark.parametrize("name", NAMES)
MEASURED = ("act", "observe", "prescribe")  # verbs with a battery of their own
each_ranking = pytest.mark.parametrize("name", [n for n in NAMES if systems.verb(n) not in MEASURED])


def make_bench(seed: int = 0, name: str = "") -> experiment.Bench:
    """A new bench; ties are in file order, so that changing an event\'s item does not change its position. name: a
    system, which may need what another world has."""
    world = world_of(name) if name else "synthetic"
    return experiment.open_bench(world, profile=TINY, seed=seed, protocol={"ties": "file"}, options=OPTIONS)


def small(name: str) -> dict:
    """The settings with which a system is fitted here."""
    compared = filter(None, (name, systems.load(name).PARENT))
    return SMALL if all(set(SMALL) <= set(systems.keywords(each)) for each in compared) else {}


def fit(bench: experiment.Bench, name: str, *, validate_on: Split | None = None, **changes):
    """A newly fitted recommender, without any cache, and its learning curve. validate_on: whose validation cases select
    the epoch; None keeps the last."""
    settings, recipe = bench.plan(name, **changes)
    with drawing() as drawn:
        recommender, split = bench.build(name, **settings), bench.split

    def validation(current) -> dict[str, float]:
        return evaluate(current, validate_on.valid, validate_on, quiet=True).metrics(validate_on.valid, validate_on)

    with drawing() as late:
        curve = recommender.fit(split, TrainingSession(recipe, bench.seed, "cpu", validation if validate_on else None))
    if systems.verb(name) in ("rank", "rescore"):  # others train a base, whose run is in their key
        for kind, keys in late.items():
            assert {*keys} <= {*drawn.get(kind, ())}, f"{name}: {kind} are drawn in training, so not in its key"
    return recommender, curve


@lru_cache
def fitted(name: str, of: str = "", sized: str = ""):
    """One fit shared by the tests that do not change it: bench, recommender, curve. of, sized: a system on whose world,
    and with whose settings, it is fitted instead of its own."""
    bench = make_bench(name=of or name)
    return bench, *fit(bench, name, validate_on=bench.split, **small(sized or name))


def identical(a, b) -> bool:
    """Whether two Recommendations are equal bit for bit."""
    return np.array_equal(a.items, b.items) and np.array_equal(a.scores, b.scores)


def altered(bench: experiment.Bench, n: int) -> experiment.Bench:
    """The same bench with other items in the last n events of each evaluated user: 2 are held out, 1 is test."""
    events = bench.dataset.interactions.sort_values(["user", "timestamp", "row"])
    from_end = events.groupby("user").cumcount(ascending=False)
    length = events.groupby("user")["item"].transform("size")
    held_out = (from_end < n) & (length >= bench.protocol.min_events)
    items = events["item"].where(~held_out, events["item"] % bench.dataset.n_items + 1).sort_index()
    interactions = bench.dataset.interactions.assign(item=items)
    return replace(bench, given={"dataset": replace(bench.dataset, interactions=interactions)})


@each_system
def test_the_docstring_has_all_fields(name):
    text = inspect.getdoc(systems.load(name))
    assert systems.describe(name) and systems.describe(name) == text.partition("\n")[0]
    for field in ("Paper", "Idea", "Claim", "Differs", "Reported"):
        assert re.search(rf"^{field}:?\s+\S", text, re.M), f"{name}: the docstring has no {field}"


@each_system
def test_declares_parent_ablation_placebo_and_recipe(name):
    module = systems.load(name)
    has_base = "base" in VERBS[systems.verb(name)].keywords  # then the recipe is that of the base
    assert "RECIPE" not in vars(module) if has_base else isinstance(module.RECIPE, Recipe)
    assert module.PARENT is None or module.PARENT in NAMES
    for changes in filter(None, (module.OFF, module.PLACEBO)):
        systems.settings(name, **changes)
    assert module.PARENT is None or module.OFF is not None, (
        "a system with a parent needs an ablation that gives the parent"
    )


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


@each_ranking
def test_recommendations_are_valid(name):
    bench, recommender, _ = fitted(name)
    assert isinstance(recommender, Recommender)
    split = bench.split
    nobody, nothing = np.zeros(1, np.int32), np.zeros(0, np.int32)
    unknown_user = Histories(np.zeros(2, np.int64), nothing, nobody, {"timestamp": nothing.astype(np.int64)})
    for histories in (split.test.histories, unknown_user):
        for exclude in (None, histories):
            lists = recommender.recommend(histories, K, exclude)
            assert lists.items.shape == lists.scores.shape == (len(histories), K)
            assert lists.items.min() >= 1 and lists.items.max() <= split.n_items
            assert all(len(set(row)) == K for row in lists.items.tolist())
            assert np.isfinite(lists.scores).all() and (np.diff(lists.scores, axis=1) <= 0).all()
            if exclude is not None:
                excluded = set(zip(exclude.rows().tolist(), exclude.items.tolist()))
                assert not excluded & {(row, item) for row, items in enumerate(lists.items.tolist()) for item in items}


@each_ranking
def test_a_shorter_list_is_a_prefix_of_a_longer_one(name):
    bench, recommender, _ = fitted(name)
    histories = bench.split.test.histories
    longer = recommender.recommend(histories, K)
    assert np.array_equal(recommender.recommend(histories, 3).items, longer.items[:, :3])


@each_ranking
def test_learns(name):
    _, recommender, curve = fitted(name)
    if systems.verb(name) == "forget" and name != "retrain":  # its base learned, and is a system of its own
        assert recommender.state() and all(np.isfinite(row["loss"]) for row in curve)
        return
    module = getattr(inner(recommender), "module", None)
    assert (module is None) == (curve == []), "a learning curve if and only if there are parameters"
    if module is None:
        assert recommender.state(), "there is no state"
        return
    assert len(curve) > 1 and curve[-1]["loss"] < curve[0]["loss"]
    idle = [name for name, p in module.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert not idle, f"no gradient reached {idle}"


@each_ranking
def test_a_second_fit_on_other_held_out_events_is_identical(name):
    """The same seed gives the same model, and no held-out event is read: one second fit proves both. A teacher selects
    its epoch on validation, so with one only the test events are changed."""
    bench, recommender, curve = fitted(name)
    has_teacher = "run" in plan_system(bench, name, {}).inputs.get("drawn", {})
    changed = altered(make_bench(name=name), 1 if has_teacher else 2)
    assert np.array_equal(bench.split.train.items, changed.split.train.items)
    assert not (bench.split.test.targets == changed.split.test.targets).any()
    assert has_teacher or not (bench.split.valid.targets == changed.split.valid.targets).any()
    again, curve_again = fit(changed, name, validate_on=bench.split, **small(name))
    histories = bench.split.test.histories
    assert identical(recommender.recommend(histories, K), again.recommend(histories, K))
    assert [row["loss"] for row in curve] == [row["loss"] for row in curve_again]


@each_ranking
@pytest.mark.slow
def test_another_seed_gives_another_model(name):
    bench, recommender, curve = fitted(name)
    seeded = make_bench(seed=1, name=name)
    other, _ = fit(seeded, name, validate_on=seeded.split, **small(name))
    histories = bench.split.test.histories
    assert not curve or not identical(recommender.recommend(histories, K), other.recommend(histories, K))


@each_ranking
def test_saving_and_loading_keeps_the_lists(name, tmp_path):
    from safetensors.numpy import load_file, save_file

    bench, recommender, _ = fitted(name)
    state = {key: np.ascontiguousarray(value) for key, value in recommender.state().items()}
    save_file(state, tmp_path / "state.safetensors")
    loaded = make_bench(name=name).build(name, **small(name))
    loaded.load_state(load_file(tmp_path / "state.safetensors"))
    histories = bench.split.test.histories
    assert identical(recommender.recommend(histories, K), loaded.recommend(histories, K))


@each_ranking
def test_the_ablation_equals_the_parent(name):
    module = systems.load(name)
    if module.OFF is None:
        return
    bench, recommender, _ = fitted(name)
    histories = bench.split.test.histories
    ablated = fit(bench, name, validate_on=bench.split, **small(name) | module.OFF)[0].recommend(histories, K)
    assert not identical(ablated, recommender.recommend(histories, K)), "the ablation changes nothing"
    if module.PARENT is not None:
        of = name if "NEEDS" in vars(module) else ""
        sized = name if small(name) != small(module.PARENT) else ""
        parent = fitted(module.PARENT, of, sized)[1].recommend(histories, K)
        assert identical(ablated, parent)


@each_ranking
def test_the_placebo_runs_and_differs(name):
    placebo = systems.load(name).PLACEBO
    if placebo is None:
        return
    bench, recommender, _ = fitted(name)
    histories = bench.split.test.histories
    control = fit(bench, name, validate_on=bench.split, **small(name) | placebo)[0]
    assert not identical(control.recommend(histories, K), recommender.recommend(histories, K))

"""What the verb of a family asks for, beside the battery: of what build() returns, of a selection, of unlearning."""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from test_battery import NAMES, each_system, fit, fitted, make_bench

import workbench as wb
from workbench import experiment, systems
from workbench.artifacts import Store, using_store
from workbench.errors import UserError
from workbench.experiment.around_base import checked_rows
from workbench.interfaces import Recommender
from workbench.set_interfaces import Prescriber
from workbench.systems import verbs
from workbench.systems.verbs import VERBS
from workbench.verb_interfaces import Observer, Policy, Reranker


def of_verb(verb: str) -> list[str]:
    return [name for name in NAMES if systems.verb(name) == verb]


@each_system
def test_what_it_builds_is_what_its_verb_asks_for(name):
    verb, bench = VERBS[systems.verb(name)], make_bench(name=name)
    assert verb.evaluated and set(verb.keywords) <= set(systems.keywords(name))
    built = systems.build(name, bench)
    assert all(isinstance(built, verbs.interface(each)) for each in verb.returns)
    assert isinstance(bench.build(name), Recommender | Policy | Observer | Prescriber)


@pytest.mark.parametrize("name", of_verb("select"))
def test_a_selection_is_of_train_within_its_budget_and_its_base_reads_nothing_else(name):
    """Other items in the train events that were not selected change nothing of what was learned from the others."""
    bench, selected, _ = fitted(name)
    n, rows = len(bench.split.train.items), selected.rows
    assert 0 < len(rows) <= round(systems.keywords(name)["share"] * n) and len(set(rows.tolist())) == len(rows)
    again = fit(other_train(bench, ~np.isin(np.arange(n), rows)), name, validate_on=bench.split)[0]
    reads = not np.array_equal(again.rows, rows)  # the selection itself looks at the items
    assert name != "random_selection" or not reads
    if not reads:
        assert all(np.array_equal(again.state()[key], value) for key, value in selected.state().items())


@pytest.mark.parametrize("name", ["retrain"])
def test_exact_unlearning_reads_no_event_that_it_forgets(name):
    bench, unlearned, _ = fitted(name)
    changed = other_train(bench, bench.split.train.rows() < unlearned.forgotten)
    again = fit(changed, name, validate_on=bench.split)[0]
    assert all(np.array_equal(again.state()[key], value) for key, value in unlearned.state().items())
    kept = fitted("sasrec")[1].state()
    assert not all(np.array_equal(kept[key], value) for key, value in unlearned.state().items())


def other_train(bench: experiment.Bench, where: np.ndarray) -> experiment.Bench:
    """The same bench with other items in some train events, (N,) bool."""
    train = bench.split.train
    items = np.where(where, train.items % bench.split.n_items + 1, train.items).astype(train.items.dtype)
    return bench.variant(train=replace(train, items=items), label="other items")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with using_store(Store(tmp_path_factory.mktemp("store"))):
        yield experiment.open_bench("synthetic", profile="smoke", options={"users": 150})


def test_a_study_of_a_selection_has_its_parent_as_the_arm_that_is_off(small):
    study = wb.study(small, "random_selection", seeds=1, epochs=1, base="bpr_mf")
    parent = small.fit("bpr_mf", epochs=1)
    assert not study.errors and list(study.runs) == ["on", "off", *systems.names("baselines")]
    assert np.array_equal(study.values["off"][0], parent.per_case("ndcg@10"))
    assert study.runs["on"][0].info["recipe"] == parent.info["recipe"]
    assert not np.array_equal(study.values["on"], study.values["off"])


@pytest.mark.parametrize("base", ["item_knn", "bpr_mf"])
def test_the_base_of_a_stored_run_has_its_lists(small, base):
    n, cases = len(small.split.train.items), small.split.test
    for name, changes in (("random_selection", {"share": 0.5, "of": "events"}), ("retrain", {"users": 0.1})):
        run = small.fit(name, base=base, epochs=1, **changes)
        model = run.recommender()
        assert type(model) is type(small.build(base)) and run.info["base"]["code"] == systems.code(base)
        ranks = small.evaluate(model, name="again").per_case("ndcg@10")
        assert np.array_equal(ranks, run.per_case("ndcg@10")) and len(ranks) == len(cases.histories)
        if name == "retrain":
            forgotten = small.split.train.rows() < run.info["forgotten"]["users"]
            assert run.info["forgotten"] == {"users": 15, "events": int(forgotten.sum())}
            assert run.selected_rows is None
        else:
            assert len(run.selected_rows) == round(n / 2)


def test_who_asks_is_forgotten(small):
    """User 3 with all events, and one item of user 4, who keeps the others."""
    train = small.split.train
    item = int(train.row(4)[0])
    for request in ({"users": [3], "events": [[4, item]]}, {"users": (3,), "events": ((4, item),)}):
        model = small.build("retrain", base="item_knn", **request)
        rows = model.rows
        assert {*train.rows()[rows].tolist()} == {3, 4} and (model.forgotten, model.events) == (1, len(rows))
    run = small.fit("retrain", base="item_knn", **request)
    left = small.variant(train=~np.isin(np.arange(len(train.items)), rows), label="without them").fit("item_knn")
    mine, theirs = run.recommender(), left.recommender()
    histories, (of_three, of_four) = small.split.train, ([3], [4])
    assert np.array_equal(mine.recommend(histories.take(np.array(of_three)), 9).scores,
                          theirs.recommend(histories.take(np.array(of_three)), 9).scores)  # fmt: skip
    served = small.build("retrain", base="item_knn", **request)
    served.load_state(run.recommender().state())
    kept = histories.take(np.array(of_four)).where(histories.row(4) != item)
    assert np.array_equal(served.recommend(histories.take(np.array(of_four)), 9).scores,
                          theirs.recommend(kept, 9).scores)  # fmt: skip
    arrays = {name: np.array(value) for name, value in request.items()}
    assert small.forgetting("item_knn", **arrays, ways=("retrain",)).users_forgotten() == [3, 4]


def test_a_smaller_selection_is_part_of_a_larger_one(small):
    for of in ("users", "events"):
        selector, session = systems.build("random_selection", small, of=of), SimpleNamespace(seed=3)
        n = len(small.split.train.items)
        few, many, everything = (set(selector.select(small.split, int(share * n), session).tolist())
                                 for share in (0.2, 0.5, 1.0))  # fmt: skip
        assert few < many < everything == set(range(n))
        assert 0.15 * n < len(few) <= 0.2 * n


@pytest.mark.parametrize("name, changes, message", [
    ("random_selection", {"share": 0.0}, "share=0.0.*above 0"),
    ("random_selection", {"share": 1e-6}, "share=1e-06 of .* train events is none"),
    ("random_selection", {"base": "retrain"}, "base=retrain of random_selection: its verb is 'forget'"),
    ("retrain", {"base": "two_stage"}, "its verb is 'rescore'; choose a system that ranks"),
    ("random_selection", {"share": 0.001}, "no whole user fits"),
    ("random_selection", {"base": "sasrc"}, "did you mean 'sasrec'"),
    ("random_selection", {"of": "user"}, "did you mean 'users'"),
    ("retrain", {"users": 1.0}, "below 1"),
    ("retrain", {"users": 1e-9}, "nobody"),
    ("retrain", {"users": [999]}, "user 999 is not there: users are 0 to 149"),
    ("retrain", {"users": 3}, r"users=3.0 is the share.*to name them, give a list, users=\[3, 7\]"),
    ("retrain", {"events": [(3, 12)]}, "users=0.05 and events=.*set the share to 0.0"),
    ("random_selection", {"share": [1]}, "share must be float, not list"),
])  # fmt: skip
def test_a_request_that_cannot_be_is_one_error_before_training(small, name, changes, message):
    with pytest.raises(UserError, match=message):
        small.fit(name, **changes)


@pytest.mark.parametrize("rows, message", [
    ([], "returned 0 of"), ([0, 1, 2, 3], "budget is 3"), ([0, 0], "one twice"), ([-1], "outside"), ([9], "outside"),
    ([0.5], r"\(n,\) int"), ([True, False], r"\(n,\) int"),
])  # fmt: skip
def test_rows_that_are_no_selection_are_named(rows, message):
    rows = np.array(rows, dtype=np.int64 if not rows else None)
    with pytest.raises(UserError, match=message):
        checked_rows(rows, n=9, budget=3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty registry and a function that adds a file to it."""
    monkeypatch.setattr(systems, "REGISTRY", replace(systems.REGISTRY, folder=tmp_path))

    def write(family: str, name: str, source: str) -> None:
        (tmp_path / family).mkdir(exist_ok=True)
        (tmp_path / family / f"{name}.py").write_text(source)

    return write


def test_an_unknown_verb_is_an_error(folder, monkeypatch):
    folder("odd", "one", "def build(bench): ...\n")
    assert systems.verb("one") == "rank"
    monkeypatch.setitem(verbs.FAMILIES, "odd", verbs.Family("rnak"))
    with pytest.raises(UserError, match="unknown verb of the family 'odd' 'rnak'; did you mean 'rank'"):
        systems.verb("one")


def test_an_unknown_capability_is_an_error():
    assert verbs.interface("Reranker") is Reranker
    with pytest.raises(UserError, match="unknown capability 'Rankr'; did you mean 'Reranker'"):
        verbs.interface("Rankr")


def test_a_build_without_what_its_verb_asks_for_is_named(folder):
    folder("unlearning", "wrong", "def build(bench, *, base='sasrec'): ...\n")
    with pytest.raises(UserError, match="'wrong'.*'unlearning'.*'forget'.*the keyword users"):
        systems.keywords("wrong")
    built = SimpleNamespace(select=None)
    with pytest.raises(UserError, match="'wrong'.*'unlearning'.*'forget'.*Unlearner .workb.*lacks curve, forget"):
        verbs.check_built("wrong", "unlearning", built)
    with pytest.raises(UserError, match="Recommender .workbench.interfaces.*lacks fit, load_state, recommend, state"):
        verbs.check_built("wrong", "graph", built)

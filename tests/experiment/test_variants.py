"""A bench on other train events, another seed or protocol; teachers and what a build draws on are part of keys."""
import json
from dataclasses import replace

import numpy as np
import pytest

from workbench import systems
from workbench.artifacts import Store, using_store
from workbench.data import perturbations
from workbench.errors import UserError
from workbench.experiment import bench_data, open_bench
from workbench.experiment.run_plan import plan_system
from workbench.experiment.stored_runs import stored_runs


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with using_store(Store(tmp_path_factory.mktemp("store"))):
        yield open_bench("synthetic", profile="smoke", options={"users": 200})


def test_a_mask_of_train_events(bench):
    keep = bench.split.train.items % 2 == 0
    half = bench.variant(train=keep, label="even items")
    run, usual = half.fit("popularity"), bench.fit("popularity")
    assert half.split.train_counts()[1::2].sum() == 0 and (half.split.train.items % 2 == 0).all()
    assert half.split.test is bench.split.test and run.info["variant"] == "even items"
    assert run.info["data_hash"] != usual.info["data_hash"] and not np.array_equal(run.ranks, usual.ranks)
    assert run.bench() is half and half.fit("popularity").folder == run.folder
    assert np.array_equal(run.recommender().score(bench.split.test.histories)[:, 1::2],
                          np.zeros((len(run.ranks), bench.split.n_items - bench.split.n_items // 2)))
    assert run.folder not in [stored.folder for stored in stored_runs()], "a variant is no run of the data"
    other = bench.variant(train=~keep, label="even items")
    assert other.split.data_hash != half.split.data_hash, "the events count, not the label"


def test_histories_in_place_of_train(bench):
    shuffled = perturbations.shuffled(bench.split.train, bench.rng("x"))
    variant = bench.variant(train=shuffled, label="shuffled")
    assert variant.split.train is shuffled
    assert variant.key["data_hash"].startswith(bench.key["data_hash"] + "-shuffled-")


def test_other_ratings_of_the_same_events_are_other_data(tmp_path):
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(30), 6), rng.integers(0, 20, 180)
    rows = [f"{u},{i},{t},{r}" for t, (u, i, r) in enumerate(zip(user, item, rng.integers(1, 6, 180)))]
    hashes = []
    for name, change in (("a", lambda row: row), ("b", lambda row: row[:-1] + str(6 - int(row[-1])))):
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(["user,item,timestamp,rating", *map(change, rows)]) + "\n")
        one = open_bench("csv", profile="smoke", options={"path": str(path), "rating": "rating"})
        train = one.split.train
        half = train.where(np.arange(len(train.items)) % 2 == 0)
        hashes.append((one.content, one.variant(train=half, label="half").key))
        flipped = replace(half, columns=half.columns | {"rating": 6 - half.columns["rating"]})
        assert one.variant(train=flipped, label="half").split.data_hash != hashes[-1][1]["data_hash"]
    assert hashes[0][0] != hashes[1][0] and hashes[0][1] != hashes[1][1]


def test_another_seed_or_protocol_reads_nothing_again(bench, monkeypatch):
    assert bench.dataset and bench.split  # read, whatever ran before this test
    monkeypatch.setattr(bench_data.datasets, "load", None)
    other = bench.variant(seed=5)
    assert other.split is bench.split and other.key == bench.key | {"seed": 5}
    masked = bench.variant(protocol={"mask_history": True})
    assert masked.protocol.mask_history and masked.dataset is bench.dataset
    assert masked.key["data_hash"] == bench.key["data_hash"]


@pytest.mark.parametrize("changes, message", [
    ({"train": np.ones(3, bool), "label": "x"}, r"a mask of the [\d,]+ train events, \(\d+,\) bool.*\(3,\) bool"),
    ({"train": np.ones(3), "label": "x"}, "bool"),
    ({"train": np.ones(3, bool)}, "need a label"),
    ({"train": np.ones(3, bool), "label": "x", "protocol": {"mask_history": True}}, "make one of the other"),
])  # fmt: skip
def test_a_wrong_variant(bench, changes, message):
    with pytest.raises(UserError, match=message):
        bench.variant(**changes)


def test_an_empty_variant(bench):
    with pytest.raises(UserError, match="at least one event"):
        bench.variant(train=np.zeros(len(bench.split.train.items), bool), label="nothing")


def test_what_a_build_draws_on_is_part_of_its_key(bench):
    drawn = plan_system(bench, "tiger", {"epochs": 1}).inputs["drawn"]
    assert list(drawn) == ["codes"] and drawn != plan_system(bench, "tiger", {"codes": "random"}).inputs["drawn"]
    assert drawn == plan_system(bench, "tiger", {"epochs": 1}).inputs["drawn"], "whether they were stored or not"
    assert "drawn" not in plan_system(bench, "popularity", {}).inputs


def test_a_teacher_is_part_of_the_key_of_its_student(bench, monkeypatch):
    def taught(window: int) -> dict:
        def build(system, bench, **settings):
            if system == "popularity":  # as if it learned from a teacher
                bench.teacher("item_transitions", window=window)
            return real(system, bench, **settings)

        monkeypatch.setattr(systems, "build", build)
        return plan_system(bench, "popularity", {}).inputs

    real = systems.build
    first, second = taught(1), taught(2)
    assert list(first["drawn"]) == ["run"] and first != second and first == taught(1)
    assert json.dumps(first)


def test_a_teacher_is_a_run_of_these_train_events(bench):
    run = bench.fit("popularity")
    assert bench.teacher(run) is run
    others = [open_bench("synthetic-chain", profile="smoke", options={"users": 90}),
              bench.variant(protocol={"split": "global-time"}),
              bench.variant(train=np.arange(len(bench.split.train.items)) % 2 == 0, label="half")]  # fmt: skip
    for other in others:
        with pytest.raises(UserError, match=r"popularity learned from other data.*Train it here: bench.teacher\('pop"):
            other.teacher(run)
    with pytest.raises(UserError, match="is trained: window can only be given with the name"):
        bench.teacher(run, window=3)
    with pytest.raises(UserError, match="did you mean 'popularity'"):
        bench.teacher("popularit")

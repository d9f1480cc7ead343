"""TiM4Rec: gaps as its layers read them, shuffled ones, equal ones, and data without times."""
import math

import numpy as np
import pandas as pd
import pytest
import torch

from workbench import systems
from workbench.data import Histories
from workbench.errors import UserError
from workbench.experiment import open_bench

DAY = 86_400
tim4rec = systems.load("tim4rec")


def histories(*days: list[float], users=None) -> Histories:
    """Histories with events on the given days."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in days])])
    times = (np.concatenate([np.asarray(row, float) for row in days]) * DAY).astype(np.int64)
    users = np.arange(len(days)) if users is None else np.asarray(users)
    items = np.arange(1, len(times) + 1, dtype=np.int32)
    return Histories(offsets, items, users.astype(np.int32), {"timestamp": times})


@pytest.fixture(scope="module")
def bench():
    return open_bench("synthetic", profile="smoke", options={"users": 300}, device="cpu")


def test_gaps_by_hand():
    gaps, known = tim4rec.log_gaps(histories([10, 10, 13], [], [50], [7, 6]))
    assert np.allclose(gaps, [0, 0, math.log(4), 0, 0, 0]), "nothing before, at once, three days, out of order"
    assert known.tolist() == [False, True, True, False, False, True]


def test_gaps_are_standardised_by_train_and_lie_beside_the_items():
    train = histories([0, 1, 4], [9, 9])  # logarithms log 2, log 4 and 0: mean log 2
    inputs = tim4rec.gap_inputs(train)
    deviation = math.log(2) * math.sqrt(2 / 3)
    (gaps,) = inputs(histories([0, 3], [], [5, 5, 6, 9]), 3)
    assert gaps.dtype == np.float32 and gaps.shape == (3, 3)
    log = np.array([[0, math.log(4), 0], [0, 0, 0], [0, math.log(2), math.log(4)]])
    expected = np.where(log > 0, (log - math.log(2)) / deviation, 0)
    assert np.allclose(gaps, expected, atol=1e-6), "0 at the first event read, and at padding"


@pytest.mark.parametrize("gap", [1, 7, 9, 30])
def test_equal_gaps_are_zero(gap):
    """Also where the mean of equal numbers is another one in its last digit."""
    train = histories(gap * np.arange(10), 3 + gap * np.arange(12))
    assert not tim4rec.gap_inputs(train)(train, 50)[0].any()
    nobody = histories([4], [5])
    assert not tim4rec.gap_inputs(nobody)(nobody, 50)[0].any()


def test_shuffled_gaps_are_those_of_the_history_in_another_order():
    rng = np.random.default_rng(0)
    given = histories(*(np.cumsum(rng.random(n) * 30) for n in (12, 1, 9, 20)))
    (real,), (shuffled,) = (tim4rec.gap_inputs(given, seed)(given, 10) for seed in (None, 7))
    assert np.array_equal(np.sort(real[:, 1:], 1), np.sort(shuffled[:, 1:], 1)) and not shuffled[:, 0].any()
    assert (real != shuffled)[[0, 2, 3]].any(1).all()
    inputs = tim4rec.gap_inputs(given, 7)
    assert np.array_equal(inputs(given.take([3]), 10)[0], shuffled[3:]), "the same order whatever the batch"
    assert not np.array_equal(tim4rec.gap_inputs(given, 8)(given, 10)[0], shuffled)


def test_the_placebo_has_the_parameters_and_the_plain_layer_lacks_the_time_network(bench):
    names = {times: {name: p.shape for name, p in bench.build("tim4rec", times=times).module.named_parameters()}
             for times in ("real", "shuffled", "none")}  # fmt: skip
    assert names["real"] == names["shuffled"]
    assert {name for name in names["real"] if name not in names["none"]} == {
        f"blocks.{layer}.attention.time.{place}.weight" for layer in (0, 1) for place in (0, 2)
    }


def test_a_history_of_a_gap_in_another_place_ranks_otherwise(bench):
    recommender = bench.build("tim4rec", layers=1)
    with torch.no_grad():
        recommender.module.blocks[0].attention.bias.add_(4)  # steps of about 1, as late in a training
    one, other = (recommender.score(histories(days)) for days in ([0, 1, 2, 90], [0, 88, 89, 90]))
    assert not np.allclose(one, other)
    real = histories([0, 1, 2, 90])
    assert np.array_equal(recommender.score(real), recommender.score(histories([5, 6, 7, 95]))), "gaps, not dates"


def test_data_without_times(tmp_path):
    log = pd.DataFrame({"user": np.arange(60) % 6, "item": np.arange(60) % 11})
    log.to_csv(tmp_path / "log.csv", index=False)
    options = {"path": str(tmp_path / "log.csv"), "timestamp": ""}
    bench = open_bench("csv", profile="smoke", options=options, protocol={"min_events": 3})
    for times in ("real", "shuffled"):
        with pytest.raises(UserError, match="no times of events.*beauty.*times=none"):
            bench.build("tim4rec", times=times)
    assert bench.build("tim4rec", times="none").recommend(bench.split.test.histories, 3).items.shape[1] == 3
    assert bench.build("tim4rec", mixer="attention")


def test_the_datasets_that_the_message_names_are_there():
    from workbench.data import datasets

    named = tim4rec.TIMED.replace(" and ", ", ").split(", ")
    assert set(named) <= set(datasets.names())


@pytest.mark.parametrize(
    "settings", [{"mixer": "mamba"}, {"times": "random"}, {"width": 40}, {"state": 0}, {"dropout": 1.0}]
)
def test_bad_settings(bench, settings):
    with pytest.raises(UserError):
        bench.build("tim4rec", **settings)

"""Event columns stay with their events under every selection, split and perturbation."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import Histories, Protocol, assemble, datasets, perturbations, protocol_for, split
from workbench.errors import UserError
from workbench.experiment.bench_data import _other_train


def random_histories(rng, n=40):
    """Histories with a float, an integer and a bool column, each a function of the event's place in the log."""
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 9, n))])
    place = np.arange(offsets[-1])
    columns = {"timestamp": 1_000 + 7 * place, "reward": place / 2, "even": place % 2 == 0}
    return Histories(offsets, (place + 1).astype(np.int32), rng.permutation(n).astype(np.int32), columns)


def as_frame(histories):
    """One row an event: position of its history, user, item and columns."""
    rows = histories.rows()
    return pd.DataFrame({"row": rows, "user": histories.users[rows], "item": histories.items, **histories.columns})


def picked(frame, rows, events):
    """The rows of a frame, in that order, each with the position of its new history."""
    return frame.loc[events].assign(row=rows).reset_index(drop=True)


@pytest.mark.parametrize("seed", range(5))
def test_selections_equal_those_of_a_data_frame(seed):
    rng = np.random.default_rng(seed)
    histories = random_histories(rng)
    frame, n = as_frame(histories), len(histories)
    groups = [frame.index[frame["row"] == row].to_numpy() for row in range(n)]
    index, keep, cut = rng.integers(0, n, 25), rng.random(len(frame)) < 0.5, rng.integers(0, 6, n)
    length = int(rng.integers(2, 6))
    pieces = [
        (histories.where(keep), [group[keep[group]] for group in groups]),
        (histories.take(index), [groups[each] for each in index]),
        (histories.last(cut), [group[len(group) - min(k, len(group)) :] for group, k in zip(groups, cut, strict=True)]),
        (histories.without_last(cut), [group[: max(len(group) - k, 0)] for group, k in zip(groups, cut, strict=True)]),
        (histories.prefixes(length),
         [group[max(end - length, 0) : end] for group in groups for end in range(2, len(group) + 1)]),
        (histories.windows(length),
         [group[max(end - length, 0) : end] for group in groups for end in range(len(group), 1, 1 - length)]),
    ]  # fmt: skip
    for selected, expected in pieces:
        rows = np.repeat(np.arange(len(expected)), [len(each) for each in expected])
        wanted = picked(frame, rows, np.concatenate(expected))
        pd.testing.assert_frame_equal(as_frame(selected), wanted)
        assert len(selected) == len(expected)
        assert {name: values.dtype for name, values in selected.columns.items()} == {
            name: values.dtype for name, values in histories.columns.items()
        }


@pytest.mark.parametrize("split_by", ["leave-one-out", "global-time", "random", "ratio"])
def test_ratings_of_movielens_arrive_in_every_part(split_by):
    data = datasets.load("movielens-small")
    parts = split(data, protocol_for(data, split=split_by))
    rated = data.interactions.set_index(["user", "item"])[["rating", "timestamp"]]  # a user rates a film once
    for histories in (parts.train, parts.valid.histories, parts.test.histories):
        assert histories.columns.keys() == {"timestamp", "rating"} and len(histories.items)
        users = histories.users[histories.rows()]
        known = rated.loc[pd.MultiIndex.from_arrays([users, histories.items])]
        assert np.array_equal(known["rating"], histories.columns["rating"])
        assert np.array_equal(known["timestamp"], histories.times)


def test_the_reward_of_a_log_of_ones_own_and_text_that_is_no_number(tmp_path):
    lines = [f"u{i % 7},i{i * i % 11},{1_000 + i},{i / 4},click" for i in range(70)]
    path = tmp_path / "clicks.csv"
    path.write_text("\n".join(["user,item,timestamp,reward,event", *lines]))
    data = datasets.load("csv", path=str(path), rating="reward", event="event")
    train = split(data, protocol_for(data)).train
    assert set(train.columns) == {"timestamp", "rating"}
    assert np.array_equal(train.columns["rating"], (train.times - 1_000) / 4)


def test_coordinates_and_missing_numbers_of_check_ins():
    """Foursquare's check-ins with the place of each as columns, one of a nullable dtype."""
    data = datasets.load("foursquare-nyc")
    places = data.items.loc[data.interactions["item"], ["lat", "lon"]].reset_index(drop=True)
    some = places["lon"].astype("Float64").where(places["lat"] > 40.6)
    events = data.interactions.assign(lat=places["lat"], lon=some)
    events = events.astype({"user": str, "item": str}).drop(columns="row")
    placed = assemble("placed", events)
    parts = split(placed, protocol_for(placed))
    test = parts.test.histories
    at = placed.items["raw_id"].astype(int)[test.items].to_numpy()
    assert np.array_equal(test.columns["lat"], data.items["lat"][at])
    assert test.columns["lon"].dtype == np.float64 and 0 < np.isnan(test.columns["lon"]).mean() < 0.5
    plain = split(data, Protocol())
    assert plain.train.columns.keys() == {"timestamp"}
    assert parts.train.columns.keys() == {"timestamp", "lat", "lon"}


def test_perturbed_items_take_their_columns_along_and_times_stay():
    histories = random_histories(np.random.default_rng(0))
    for perturbed in (
        perturbations.reversed_order(histories),
        perturbations.shuffled(histories, np.random.default_rng(1), keep_last=1),
        perturbations.swapped_prefixes(histories, np.random.default_rng(2)),
    ):
        assert perturbations.is_changed(histories, perturbed).any()
        assert np.array_equal(perturbed.columns["reward"], (perturbed.items - 1) / 2)
        assert np.array_equal(perturbed.columns["even"], perturbed.items % 2 == 1)
        for row in range(len(histories)):
            times = histories.times[histories.offsets[row] : histories.offsets[row + 1]]
            kept = perturbed.times[perturbed.offsets[row] : perturbed.offsets[row + 1]]
            assert np.array_equal(kept, times[len(times) - len(kept) :])


def test_a_column_that_does_not_fit_or_is_not_there():
    histories = random_histories(np.random.default_rng(0), n=3)
    n = len(histories.items)
    with pytest.raises(UserError, match=rf"'reward' has shape \({n - 1},\).*each of the {n} events, shape \({n},\)"):
        Histories(histories.offsets, histories.items, histories.users, {"reward": np.zeros(n - 1)})
    with pytest.raises(UserError, match="'event' has shape .* one number"):
        Histories(histories.offsets, histories.items, histories.users, {"event": np.array(["buy"] * n)})
    with pytest.raises(UserError, match="columns is a dict of named arrays.*given ndarray"):
        Histories(histories.offsets, histories.items, histories.users, np.zeros(n))
    with pytest.raises(UserError, match="'rewards'; did you mean 'reward'.*even, reward, timestamp.*rating=COLUMN"):
        histories.columns["rewards"]
    untimed = Histories(histories.offsets, histories.items, histories.users)
    assert untimed.times is None and untimed.last(1).columns == {}


def test_a_variant_with_other_ratings_has_a_hash_of_its_own():
    data = datasets.load("movielens-small")
    parts = split(data, protocol_for(data), users=50)
    whole = np.ones(len(parts.train.items), bool)
    flipped = Histories(parts.train.offsets, parts.train.items, parts.train.users,
                        parts.train.columns | {"rating": -parts.train.columns["rating"]})  # fmt: skip
    same, other = _other_train(parts, whole, "a"), _other_train(parts, flipped, "a")
    assert same.data_hash == _other_train(parts, parts.train, "a").data_hash != other.data_hash

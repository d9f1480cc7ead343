"""Event order, splits and histories on logs small enough to check by hand."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import Histories, Protocol, assemble, protocol_for, split
from workbench.data.splits import argsort_events, user_sequences
from workbench.errors import UserError


def log(rows, order="time", columns=("user", "item", "timestamp")):
    return assemble("log", pd.DataFrame(rows, columns=list(columns)), order=order)


def names(dataset, items):
    return [dataset.items.loc[item, "raw_id"] for item in items]


def of_user(dataset, histories, raw):
    user = dataset.users.index[dataset.users["raw_id"] == raw][0]
    at = np.flatnonzero(histories.users == user)
    return names(dataset, histories.row(at[0])) if len(at) else None


ROWS = [("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("u", "d", 4), ("v", "a", 5), ("v", "b", 6), ("w", "c", 1)]


def test_leave_one_out_by_hand():
    data = log(ROWS)
    part = split(data, protocol_for(data))
    assert of_user(data, part.train, "u") == ["a", "b"]
    assert of_user(data, part.valid.histories, "u") == ["a", "b"] and names(data, part.valid.targets) == ["c"]
    assert of_user(data, part.test.histories, "u") == ["a", "b", "c"] and names(data, part.test.targets) == ["d"]
    assert part.test.times.tolist() == [4]
    assert of_user(data, part.train, "v") == ["a", "b"], "two events: train-only"
    assert of_user(data, part.train, "w") == ["c"]
    assert part.train_counts()[data.items.index[data.items["raw_id"] == "d"][0]] == 0


def test_global_time_by_hand():
    rows = [(user, item, t) for user in "uv" for t, item in enumerate("abcdefghij")]
    data = log(rows)
    part = split(data, protocol_for(data, split="global-time", cuts=(0.6, 0.8)))
    assert part.train.times.max() < part.valid.times.min() < part.test.times.min()
    assert of_user(data, part.valid.histories, "u")[-1] == names(data, part.valid.targets)[0].replace("g", "f")
    assert names(data, part.test.targets) == ["j", "j"] and of_user(data, part.test.histories, "v") == list("abcdefghi")


def test_ties_do_not_depend_on_row_order():
    rng = np.random.default_rng(0)
    rows = [(f"u{u}", f"i{i}", t) for u, i, t in rng.integers(0, (20, 50, 4), (400, 3))]
    expected = None
    for seed in range(20):
        shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
        data = log(shuffled)
        result = user_sequences(data, protocol_for(data))
        expected = expected or result.items.tolist()
        assert result.items.tolist() == expected
    other = user_sequences(data, protocol_for(data, tie_seed=1))
    assert other.items.tolist() != expected


def test_argsort_events_equals_the_three_key_sort():
    rng = np.random.default_rng(0)
    users, times, tie = rng.integers(0, 9, 500), rng.integers(-5, 5, 500), rng.integers(0, 2**60, 500).astype(np.uint64)
    assert (argsort_events(users, times, tie) == np.lexsort((tie, times, users))).all()
    far = times * 2**60  # the packed key would overflow
    assert (argsort_events(users, far, tie) == np.lexsort((tie, far, users))).all()


def test_ids_say_nothing_about_the_file_and_survive_reordering():
    rows = [("u", f"i{n}", n) for n in range(2000)]
    data, again = log(rows), log(rows[::-1])
    ids = data.items.reset_index().set_index("raw_id")["item"]
    assert ids.equals(again.items.reset_index().set_index("raw_id")["item"].loc[ids.index])
    places = ids.loc[[f"i{n}" for n in range(2000)]].to_numpy()
    assert abs(np.corrcoef(places, np.arange(2000))[0, 1]) < 0.1
    assert sorted(places) == list(range(1, 2001))


def test_a_user_sample_keeps_the_catalogue():
    data = log([(f"u{u}", f"i{(u * 7 + n) % 40}", n) for u in range(50) for n in range(4)])
    part = split(data, protocol_for(data), users=10)
    assert part.n_users == 10 and part.n_items == data.n_items and len(part.test.targets) == 10


def test_refusals():
    with pytest.raises(UserError, match="no order to split by.*split=random"):
        data = log(ROWS, order="none")
        split(data, Protocol())
    untimed = log([row[:2] for row in ROWS], order="sequence", columns=("user", "item"))
    with pytest.raises(UserError, match="only its file order"):
        split(untimed, protocol_for(untimed, ties="hash"))
    with pytest.raises(UserError, match="cannot be split by global time"):
        split(untimed, protocol_for(untimed, split="global-time"))
    with pytest.raises(UserError, match="leaves 3 train events, 0 validation"):
        data = log(ROWS[4:])
        split(data, protocol_for(data))
    with pytest.raises(UserError, match="no interactions"):
        log([])
    with pytest.raises(UserError, match="did you mean 'mask_history'"):
        protocol_for(untimed, mask_histroy=True)
    with pytest.raises(UserError, match="Allowed: full"):
        Protocol(candidates="sampled")


def test_histories_by_hand():
    rows = Histories(np.array([0, 3, 3, 8]), np.arange(1, 9, dtype=np.int32), np.arange(3, dtype=np.int32))
    assert rows.lengths.tolist() == [3, 0, 5]
    assert rows.last(2).items.tolist() == [2, 3, 7, 8] and rows.without_last(4).items.tolist() == [4]
    assert rows.padded(4).tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [5, 6, 7, 8]]
    assert rows.take(np.array([2, 0])).items.tolist() == [4, 5, 6, 7, 8, 1, 2, 3]
    pieces = rows.windows(3)
    assert [pieces.row(i).tolist() for i in range(len(pieces))] == [[1, 2, 3], [6, 7, 8], [4, 5, 6]]
    assert [b.tolist() for b in rows.batches(2)] == [[1, 0], [2]]


def test_windows_make_every_successor_a_target_once():
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 30, 50)
    items = np.arange(lengths.sum(), dtype=np.int32)
    rows = Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(50, dtype=np.int32))
    pieces = rows.windows(6)
    targets = np.sort(np.concatenate([pieces.row(i)[1:] for i in range(len(pieces))]))
    assert targets.tolist() == np.setdiff1d(items, rows.offsets[:-1][lengths > 0]).tolist()
    assert pieces.lengths.max() <= 6 and pieces.lengths.min() >= 2

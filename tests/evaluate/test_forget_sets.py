"""What is to be forgotten: by share, by name, and the requests that cannot be."""
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.data import Cases, Histories, Protocol, Split
from workbench.errors import UserError
from workbench.evaluate.unlearning.forget_sets import (
    event_cases,
    requested_rows,
    rows_by_share,
    whole_users,
    without,
)
from workbench.evaluate.unlearning.measures import membership, score_distance


def histories(*rows: list[int]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))


TRAIN = histories([1, 2, 3], [4], [], [2, 2, 5, 1], [3, 4])
SPLIT = Split(
    TRAIN, Cases(TRAIN.take(np.array([0, 3])), np.array([4, 3], np.int32)),
    Cases(histories([1, 2, 3, 4], [2, 2, 5, 1, 3]), np.array([5, 4], np.int32)), 5, 6, Protocol(), "",
)  # fmt: skip


def random_train(n: int = 200) -> Histories:
    rng = np.random.default_rng(0)
    return histories(*[rng.integers(1, 30, rng.integers(0, 9)).tolist() for _ in range(n)])


def test_a_share_of_users_is_whole_users_and_part_of_a_larger_share():
    train = random_train()
    few, many = (rows_by_share(train, users=share, events=0.0) for share in (0.1, 0.4))
    assert set(few) < set(many) and np.array_equal(few, np.arange(train.offsets[20]))
    held = np.flatnonzero(train.lengths[:20] > 0)
    assert np.array_equal(whole_users(train, few), held)


def test_a_share_of_events_leaves_every_user_something_and_takes_equal_pairs_together():
    train = random_train()
    few, many = (rows_by_share(train, users=0.0, events=share) for share in (0.05, 0.5))
    n, pairs = len(train.items), train.rows() * 100 + train.items
    assert set(few) < set(many) and n * 0.05 - 1 <= len(few) <= n * 0.05 + 5
    for rows in (few, many):
        left = np.setdiff1d(np.arange(n), rows)
        assert not len(whole_users(train, rows)) and not set(pairs[rows]) & set(pairs[left])
    assert not len(rows_by_share(train, users=0.0, events=0.0))


@pytest.mark.parametrize("shares, message", [
    ({"users": 1.0, "events": 0.0}, "users=1.0.*below 1"), ({"users": 0.0, "events": -0.1}, "events=-0.1.*at least 0"),
    ({"users": 0.1, "events": 0.1}, "users=0.1 and events=0.1: forget whole users, or"),
    ({"users": 0.0, "events": 0.95}, "every user keeps one"), ({"users": 0.0, "events": 1e-9}, "is none"),
    ({"users": 1e-9, "events": 0.0}, "is nobody"), ({"users": 0.999, "events": 0.0}, "is everybody"),
])  # fmt: skip
def test_a_share_that_cannot_be_is_one_error(shares, message):
    with pytest.raises(UserError, match=message):
        rows_by_share(random_train(), **shares)


def test_a_request_names_users_and_single_events():
    assert requested_rows(SPLIT, users=[0]).tolist() == [0, 1, 2]
    assert requested_rows(SPLIT, events=[(0, 2)]).tolist() == [1]
    assert requested_rows(SPLIT, events=[(3, 2)]).tolist() == [4, 5], "both events of the pair"
    assert requested_rows(SPLIT, users=[1], events=[(3, 1), (0, 3)]).tolist() == [2, 3, 7]


@pytest.mark.parametrize("request_, message", [
    ({"users": [5]}, "user 5 is not there: users are 0 to 4"), ({"users": [-1]}, "user -1 is not there"),
    ({"events": [(7, 1)]}, "user 7 is not there"), ({"users": [2]}, "user 2 has no train event"),
    ({"events": [(0, 5)]}, "item 5 of user 0 is a test event: it is held out"),
    ({"events": [(3, 3)]}, "item 3 of user 3 is a validation event"),
    ({"events": [(0, 6)]}, "user 0 has no event with item 6 in train"),
    ({"events": [(0, 10)]}, "user 0 has no event with item 10"), ({"events": [(1, -4)]}, "user 1 has no event with"),
    ({"events": [(1, 4)]}, r"user 1 has no other item in train: forget the whole user, users=\[1\]"),
    ({"users": [1.5]}, r"users=\[1.5\] must be a list of whole numbers, such as"), ({"users": "ab"}, "whole numbers"),
    ({"events": [(0, 2, 1)]}, r"whole numbers, such as events=\[\("), ({"events": [0, (1, 2)]}, "whole numbers"),
    ({}, "nothing is to be forgotten"), ({"users": [0, 1, 3, 4]}, "everything is to be forgotten"),
])  # fmt: skip
def test_a_request_that_cannot_be_is_one_error(request_, message):
    with pytest.raises(UserError, match=message):
        requested_rows(SPLIT, **request_)


def test_what_was_forgotten_is_left_out_of_histories_wherever_it_stands():
    left = without(SPLIT.test.histories.take(np.array([0])), TRAIN, np.array([1, 8]))
    assert left.items.tolist() == [1, 3, 4]
    assert without(TRAIN, TRAIN, np.array([4])).items.tolist() == [1, 2, 3, 4, 5, 1, 3, 4], "the pair, not the place"


def test_a_case_of_an_event_has_the_events_before_it():
    cases = event_cases(TRAIN, np.array([0, 2, 7]), longest=2)
    assert cases.targets.tolist() == [1, 3, 1] and cases.histories.users.tolist() == [0, 0, 3]
    assert [cases.histories.row(n).tolist() for n in range(3)] == [[], [1, 2], [2, 5]]


def test_membership_is_the_area_under_the_curve_with_whole_users_resampled():
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(0.5, 1, 300).round(1), rng.normal(0, 1, 200).round(1)
    users = [rng.integers(0, 40, n) for n in (300, 200)]
    found = membership(inside, outside, *users)
    truth = roc_auc_score([1] * 300 + [0] * 200, np.concatenate([inside, outside]))
    assert found.value == pytest.approx(truth) and found.low < truth < found.high
    alike = membership(outside, outside, users[1], users[1])
    assert alike.value == 0.5 and alike.low == alike.high == 0.5
    one_user_each = membership(inside, outside, np.arange(300), np.arange(300, 500))
    assert one_user_each.high - one_user_each.low < 0.2
    few = membership(np.array([1.0, 3.0, 4.0]), np.array([2.0, 0.0]), np.array([7, 7, 7]), np.array([7, 7]))
    assert few.value == pytest.approx(5 / 6) and np.isnan([few.low, few.high]).all(), "users are resampled: here is one"


def test_a_signal_that_is_no_number_is_refused():
    with pytest.raises(UserError, match="signal of membership is NaN"):
        membership(np.array([np.nan, 1.0]), np.array([0.0, 2.0]), np.array([0, 1]), np.array([0, 1]))


def test_score_distance_by_hand():
    scores, oracle = np.array([[0.0, np.log(3), 0.0]]), np.array([[5.0, 0.0, 0.0]])  # .75, .25 and .5, .5
    mean = np.array([0.625, 0.375])
    expected = sum(np.sum(p * np.log2(p / mean)) for p in (np.array([0.75, 0.25]), np.array([0.5, 0.5]))) / 2
    assert score_distance(scores, oracle)[0] == pytest.approx(expected)
    assert score_distance(scores + 3, scores)[0] == pytest.approx(0, abs=1e-12)

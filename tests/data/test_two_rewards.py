"""Sessions of logs: by hand, inputs of earlier days alone, and a leak is found."""
import numpy as np
import pandas as pd
import pytest

from workbench.data.schema import assemble
from workbench.data.sessions.two_rewards import DAY, daily_sessions, leak_test, session_inputs
from workbench.errors import UserError


def make(rows):
    return assemble("toy", pd.DataFrame(rows, columns=["user", "item", "timestamp"]))


TOY = make([("u", "a", 10), ("u", "b", 20), ("u", "c", DAY + 5), ("v", "a", 3 * DAY), ("u", "a", 3 * DAY + 1),
            ("v", "b", 3 * DAY - 5)])  # fmt: skip


def test_by_hand():
    wanted = np.array([1, 0, 1, 1, 0, 0])
    found = daily_sessions(TOY, wanted)
    u = found.users == TOY.interactions["user"].iloc[0]
    assert (found.days[u].tolist(), found.wanted[u].tolist()) == ([0, 1, 3], [1, 1, 0])
    assert found.returned[u].tolist() == [True, False, False] and found.known[u].tolist() == [True, True, False]
    assert (found.days[~u].tolist(), found.wanted[~u].tolist()) == ([2, 3], [0, 1])
    assert found.returned[~u].tolist() == [True, False] and found.known[~u].tolist() == [True, False]
    assert np.diff(found.offsets).sum() == 6 and sorted(np.diff(found.offsets).tolist()) == [1, 1, 1, 1, 2]
    assert daily_sessions(TOY, wanted, within=2).returned[u].tolist() == [True, True, False]
    later = daily_sessions(TOY, wanted, hours=1)
    assert later.days[later.users != TOY.interactions["user"].iloc[0]].tolist() == [3]  # of one day there


def log(seed=0, users=400, days=12):
    """Users with a habit: how likely a day has them, and how many clicks it has."""
    rng = np.random.default_rng(seed)
    there = rng.random((users, days)) < rng.uniform(0.2, 0.9, (users, 1))
    user, day = np.nonzero(there)
    rows = pd.DataFrame({"user": user, "item": rng.integers(0, 50, len(user)), "timestamp": day * DAY + 7})
    return assemble("habits", rows), rng.random(len(user)) < rng.uniform(0.1, 0.9, users)[user]


def test_inputs_do_not_depend_on_the_session_or_on_later_ones():
    dataset, wanted = log()
    sessions = daily_sessions(dataset, wanted)
    before = session_inputs(sessions)
    rng = np.random.default_rng(1)
    for row in rng.choice(len(sessions), 20, replace=False):
        later = (sessions.users == sessions.users[row]) & (np.arange(len(sessions)) >= row)
        changed = sessions.__class__(**vars(sessions) | {
            "wanted": np.where(later, 9, sessions.wanted), "returned": sessions.returned ^ later})  # fmt: skip
        assert np.array_equal(session_inputs(changed)[row], before[row])
    first = np.diff(sessions.users, prepend=-1) > 0
    assert not before[first].any() and before[~first].any(axis=1).all()


def test_shuffled_rewards_are_at_chance_and_a_leak_is_not():
    sessions = daily_sessions(*log())
    found = leak_test(sessions)
    assert found["wanted"] > 0.6 and found["returned"] > 0.6, "habits can be forecast"
    assert abs(found["wanted shuffled"] - 0.5) < 0.06 and abs(found["returned shuffled"] - 0.5) < 0.06
    leaky = leak_test(sessions, lambda each: np.column_stack([session_inputs(each), each.wanted, each.returned]))
    assert leaky["wanted shuffled"] > 0.95 and leaky["returned shuffled"] > 0.95


@pytest.mark.parametrize("call, message", [
    (lambda: daily_sessions(make([("u", "a", 1)]), np.array([1, 2])), "for each of the 1 interactions"),
    (lambda: daily_sessions(TOY, np.array([1, 0, np.nan, 1, 0, 0])), "none is missing"),
    (lambda: daily_sessions(TOY, np.ones(6), within=0), "within=0"),
    (lambda: daily_sessions(assemble("none", pd.DataFrame({"user": ["u"], "item": ["a"]}), order="none"), np.ones(1)),
     "no times"),
    (lambda: leak_test(daily_sessions(TOY, np.ones(6))), "the same in all sessions"),
])  # fmt: skip
def test_what_cannot_be_is_an_error(call, message):
    with pytest.raises(UserError, match=message):
        call()

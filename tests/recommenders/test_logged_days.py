"""Real sessions as trajectories: by hand, nothing of later steps or days in the inputs, what is foretold, errors."""
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from workbench import experiment
from workbench.data.schema import assemble
from workbench.data.sessions.two_rewards import DAY
from workbench.errors import UserError
from workbench.experiment.online.logged_sessions import on_logged_sessions
from workbench.recommenders.sessions.logged_days import by_popularity, logged_trajectories
from workbench.recommenders.sessions.logs import Trajectories
from workbench.recommenders.sessions.worlds import SessionWorlds
from workbench.train import PROFILES

SMALL = replace(PROFILES["smoke"], users=None)
ROWS = [  # user, item, day, second, click
    ("u", "a", 0, 1, 1), ("u", "b", 1, 1, 0), ("u", "c", 1, 2, 1), ("u", "a", 2, 1, 0), ("u", "c", 4, 9, 1),
    ("v", "b", 0, 3, 1), ("v", "b", 2, 2, 1), ("v", "a", 3, 5, 0), ("v", "c", 5, 1, 0), ("v", "a", 6, 1, 1),
]  # fmt: skip


@lru_cache
def toy():
    """(worlds, dataset, ids of users, ids of items) of the rows above; a and b are of one category, c of another."""
    frame = pd.DataFrame([(u, i, day * DAY + second, click) for u, i, day, second, click in ROWS],
                         columns=["user", "item", "timestamp", "click"])  # fmt: skip
    items = pd.DataFrame({"raw_id": ["a", "b", "c"], "category": ["x", "x", "y"]})
    dataset = assemble("toy", frame, items=items)
    bench = experiment.open_bench("synthetic", profile=SMALL, options={"users": 60})
    from workbench.data import protocol_for, split

    bench = replace(bench, given={"dataset": dataset, "split": split(dataset, protocol_for(dataset))})
    users = dict(zip(dataset.users["raw_id"], dataset.users.index))
    return SessionWorlds(bench, horizon=8), dataset, users, dict(zip(dataset.items["raw_id"], dataset.items.index))


def test_by_hand():
    worlds, dataset, users, items = toy()
    log = logged_trajectories(worlds, dataset, start=1, end=5)
    place = sorted(users.values()).index(users["u"])
    assert log.lengths[place] == 3 and log.items[place, :4].tolist() == [*(items[i] for i in "bca"), 0]
    assert log.rewards[place, :3].tolist() == [[0, 0], [1, 1], [0, 0]]  # back on the day after, and not after that
    other = 1 - place
    assert log.rewards[other, :3].tolist() == [[1, 1], [0, 0], [0, 0]] and log.lengths[other] == 2
    C = worlds.n_categories
    counts, shares = np.zeros(C), np.array([3.0, 1.0]) / 4  # each had one of the category of a and b on day 0
    shares = shares if worlds.categories[items["a"]] == 0 else shares[::-1]
    counts[worlds.categories[items["a"]]] = 1
    profile = (counts + 2 * shares) / 3
    assert log.states[place, 0, :C] == pytest.approx(np.log(profile * C), abs=1e-5)
    assert log.states[place, 2, C : 2 * C].sum() == 2 and log.states[place, 2, 2 * C] == 1


def test_nothing_of_later_days_or_steps_is_in_it():
    worlds, dataset, users, items = toy()
    before = logged_trajectories(worlds, dataset, start=1, end=5)
    later = dataset.interactions["timestamp"].to_numpy() >= 5 * DAY
    changed = dataset.interactions.assign(click=np.where(later, 1 - dataset.interactions["click"],
                                                         dataset.interactions["click"]))  # fmt: skip
    for other in (changed, dataset.interactions[~later]):
        after = logged_trajectories(worlds, replace(dataset, interactions=other), start=1, end=5)
        assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    flipped = dataset.interactions.assign(click=np.where(
        dataset.interactions["timestamp"] == 1 * DAY + 2, 0, dataset.interactions["click"]))  # fmt: skip
    after = logged_trajectories(worlds, replace(dataset, interactions=flipped), start=1, end=5)
    place = sorted(users.values()).index(users["u"])
    assert np.array_equal(after.states[:, :2], before.states[:, :2]), "a click is in no state up to its own step"
    assert not np.array_equal(after.states[place, 2], before.states[place, 2])


def test_popularity_by_hand():
    items = np.array([[1, 2], [1, 0]])
    log = Trajectories(np.zeros((2, 2, 1)), items, np.zeros((2, 2, 2)), np.array([2, 1]))
    found = by_popularity(log, log, 25)
    assert found["log_p"] == pytest.approx([np.log(3 * 2) / 2 - np.log(28), np.log(3 / 28)])
    assert found["ndcg@20"] == pytest.approx([(1 + 1 / np.log2(3)) / 2, 1.0]) and found["recall@20"].tolist() == [1, 1]


@pytest.mark.slow
def test_returns_are_followed_where_what_is_shown_depends_on_them():
    """In a log that shows other items when the next one is clicked, true returns foretell; those of others do not."""
    bench = experiment.open_bench("synthetic-clicks", profile=SMALL, options={"users": 300, "items": 30})
    rows = bench.dataset.interactions
    half = (rows["item"].to_numpy() - 1) % 15 + 1
    told = rows.assign(item=np.where(rows["click"] == 1, half, half + 15))  # clicked items are the first fifteen
    bench = replace(bench, given={"dataset": replace(bench.dataset, interactions=told), "split": bench.split})
    names = ("behaviour_cloning", "dt4ier", "dt4ier, shuffled returns")
    found = on_logged_sessions(bench, names, days=(0, 12, 20), horizon=10, epochs=12, width=16, lr=1e-2, hours=0.0)
    assert found.loc["dt4ier", "gained low"] > 0.05
    assert found.loc["dt4ier, shuffled returns", "log_p gained"] < found.loc["dt4ier", "log_p gained"] - 0.05


def test_what_cannot_be_is_one_error():
    worlds, dataset, *_ = toy()
    with pytest.raises(UserError, match="no column click; kuairand-clicks has"):
        logged_trajectories(worlds, replace(dataset, interactions=dataset.interactions.drop(columns="click")),
                            start=1, end=5)  # fmt: skip
    with pytest.raises(UserError, match="no events of these users on days 9 to 10, of 0 to 6"):
        logged_trajectories(worlds, dataset, start=9, end=12)
    with pytest.raises(UserError, match="lerl learn from no logged sessions"):
        on_logged_sessions(worlds.bench, ("lerl",))

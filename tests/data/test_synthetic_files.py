"""The world of files: its size, its tree, and that changes are near a folder of the author's own, at planted rates."""
import pandas as pd
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.datasets.invented import synthetic_files as world
from workbench.errors import UserError


@pytest.fixture(scope="module")
def data():
    return datasets.load("synthetic-files")


def test_sizes_order_and_tree(data):
    assert (data.n_users, data.n_items, data.order) == (1_200, 480, "time")
    assert not data.interactions.duplicated(["user", "item"]).any()
    parent = data.tables["tree"].set_index("child")["parent"]
    assert set(data.items["raw_id"]) <= set(parent.index) and set(parent.dropna()) <= set(parent.index)
    assert sorted(parent.index[parent.isna()]) == [f"project{n + 1}/" for n in range(world.PROJECTS)]
    folders = [name for name in parent.index if name.count("/") == 3 and name.endswith("/")]
    assert len(folders) == world.PROJECTS * world.PACKAGES * world.MODULES
    split(data, protocol_for(data))


def test_changes_are_near_one_folder(data):
    """Two changes of an author share a folder, and a project, far more often than those of different authors."""
    log = data.interactions.sort_values("user")
    folder = log["item"].map(data.items["raw_id"].str.rpartition("/")[0]).reset_index(drop=True)
    together = log["user"].to_numpy()[1:] == log["user"].to_numpy()[:-1]
    shares = []
    for places in (folder, folder.sample(frac=1, random_state=0).reset_index(drop=True)):
        for part in (places, places.str.partition("/")[0]):
            shares.append((part.to_numpy()[1:] == part.to_numpy()[:-1])[together].mean())
    assert shares[0] > 0.25 > 5 * shares[2] and shares[1] > 0.6 > 2 * shares[3], shares


def test_the_same_options_give_the_same_world():
    first, same, other = (datasets.load("synthetic-files", users=50, items=100, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.interactions, same.interactions)
    assert not first.items.equals(other.items)


@pytest.mark.parametrize("option", ["users", "items", "mean_length"])
def test_options_below_their_minimum(option):
    with pytest.raises(UserError, match=f"synthetic-files: {option} must be at least"):
        datasets.load("synthetic-files", **{option: 0})

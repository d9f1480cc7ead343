"""Food-Kitchen and Beauty-Electronics: exact counts on real files, and each error on a small file of our own."""
import json

import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.formats import abxi
from workbench.data.formats.file_lookup import Content
from workbench.errors import UserError

COUNTS = {
    "food-kitchen": (7_144, 173_548, {"food": 11_837, "kitchen": 16_258}, {"food": 83_663, "kitchen": 89_885}),
    "beauty-electronics": (4_474, 114_129, {"beauty": 10_379, "electronics": 14_188},
                           {"beauty": 50_329, "electronics": 63_800}),
}  # fmt: skip
LOG = "0 1|86400 3|86400 2|172800\n1 4|86400 1|259200 2|345600 3|432000\n"
ITEMS = {"B0A": [1, 0], "B0B": [2, 0], "B0C": [3, 1], "B0D": [4, 1]}
USERS = {"ann": 0, "bob": 1}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Writes a small release of Food-Kitchen and loads it."""
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")

    def load(log=LOG, items=ITEMS, users=USERS):
        folder = tmp_path / "food-kitchen" / "afk"
        folder.mkdir(parents=True, exist_ok=True)
        parts = {"afk_50_preprocessed": log, "map_item_50": json.dumps(items), "map_user_50": json.dumps(users)}
        for name, text in parts.items():
            (folder / f"{name}.txt").write_text(text)
        return datasets.load("food-kitchen")

    return load


@pytest.mark.parametrize("name", COUNTS)
def test_counts_domains_and_traps_of_the_real_files(real, name, monkeypatch):
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    dataset, (users, n, items, by_domain) = datasets.load(name), COUNTS[name]
    assert (dataset.n_users, len(dataset.interactions), dataset.order) == (users, n, "time")
    assert dataset.items["domain"].value_counts().to_dict() == items
    file = datasets.REGISTRY.load(name).FILES
    assert dataset.about["files"] == {each.path: each.sha256 for each in file}, "the published files"
    events = dataset.interactions
    events = events.assign(domain=dataset.items["domain"].reindex(events["item"]).to_numpy())
    assert events["domain"].value_counts().to_dict() == by_domain
    assert (events["timestamp"] % 86_400 == 0).all() and not events.duplicated(["user", "item"]).any()
    each = events.groupby(["user", "domain"]).size()
    assert len(each) == 2 * users and each.min() == 5
    lengths = events.groupby("user").size()
    assert lengths.min() == 10 and lengths.max() == 50
    assert dataset.items["raw_id"].str.fullmatch(r"[0-9A-Z]{10}").all() and "title" not in dataset.items
    # in the file's own order a day never goes back from the second domain to the first; in ours it does
    ours = split(dataset, protocol_for(dataset)).train
    domain = (dataset.items["domain"] == list(items)[1]).to_numpy()[ours.items - 1].astype(int)
    same = (np.diff(ours.times) == 0) & (np.diff(ours.rows()) == 0)
    assert (np.diff(domain)[same] == -1).sum() > 1_000
    as_published = split(dataset, protocol_for(dataset, ties="file")).train
    domain = (dataset.items["domain"] == list(items)[1]).to_numpy()[as_published.items - 1].astype(int)
    same = (np.diff(as_published.times) == 0) & (np.diff(as_published.rows()) == 0)
    assert not (np.diff(domain)[same] == -1).any()


def test_a_small_pair_is_read_as_it_is_written(small):
    dataset = small()
    items, users = dataset.items["raw_id"], dataset.users["raw_id"]
    log = dataset.interactions
    events = pd.DataFrame({"user": users.reindex(log["user"]).to_numpy(), "item": items.reindex(log["item"]).to_numpy(),
                           "day": log["timestamp"] // 86_400})  # fmt: skip
    assert events.to_numpy().tolist() == [["ann", "B0A", 1], ["ann", "B0C", 1], ["ann", "B0B", 2], ["bob", "B0D", 1],
                                          ["bob", "B0A", 3], ["bob", "B0B", 4], ["bob", "B0C", 5]]  # fmt: skip
    assert dataset.items.set_index("raw_id")["domain"].to_dict() == {
        "B0A": "food", "B0B": "food", "B0C": "kitchen", "B0D": "kitchen"}  # fmt: skip
    assert dataset.about["read"] == {"events": 7, "food events": 4, "kitchen events": 3}
    assert any("same-day changes of domain" in note for note in dataset.about["notes"])


@pytest.mark.parametrize("changes, message", [
    ({"log": "0 1|1 2|2\n1 3|1 4\n"}, "line 2: not a user followed by item.second pairs"),
    ({"log": "0 1|1\n1\n"}, "line 2: not a user"),
    ({"log": "0 1|1 2|-5\n"}, "line 1: not a user"),
    ({"log": "0 1|1 3|2\n0 2|1\n"}, "line 2: user 0 has a second list"),
    ({"log": ""}, "contains no lists"),
    ({"log": "0 1|1 9|2\n"}, "its map has no item 9; get all files from the same release"),
    ({"log": "5 1|1 3|2\n"}, "its map has no user 5"),
    ({"log": "0 1|1 2|2\n"}, "no event of the domain kitchen"),
    ({"items": {**ITEMS, "B0E": [5, 2]}}, "item 'B0E' has .5, 2., not .id, domain 0 or 1."),
    ({"items": {**ITEMS, "B0E": 5}}, "item 'B0E' has 5"),
    ({"items": {**ITEMS, "B0E": [4, 1]}}, "two items have the id 4"),
    ({"users": {"ann": 0, "bob": "1"}}, "user 'bob' has '1', not a whole number"),
    ({"users": {"ann": 0, "bob": 0}}, "two users have the id 0"),
])  # fmt: skip
def test_each_error_names_its_file(small, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        small(**changes)
    assert caught.value.code == 3 and ".txt" in str(caught.value)


def test_missing_files_are_named_with_their_place(small, tmp_path):
    with pytest.raises(UserError, match="(?s)food-kitchen: missing.*afk/afk_50_preprocessed.txt.*crossdomain_abxi"):
        datasets.load("food-kitchen")


def test_events_keep_the_order_of_the_file():
    users, items, times = abxi.parse_events(Content(b"3 7|5 8|5\r\n\n1 9|2\n", "log.txt"))
    assert (users.tolist(), items.tolist(), times.tolist()) == ([3, 3, 1], [7, 8, 9], [5, 5, 2])

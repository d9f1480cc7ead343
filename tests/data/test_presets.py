"""Filters on small examples; presets on real files: the published statistics, or an error listing differences."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, datasets, presets
from workbench.data.filters import FILTERS, OrderedLog
from workbench.errors import UserError


def kept(name, *value, users, items, times=None, ratings=None):
    arrays = (None if column is None else np.array(column) for column in (users, items, times, ratings))
    return np.flatnonzero(FILTERS[name](OrderedLog(*arrays), *value)).tolist()


def test_filters_by_hand():
    users, items = [0, 0, 0, 0, 1, 1, 2], [0, 0, 1, 0, 0, 1, 1]
    assert kept("drop_consecutive_repeats", users=users, items=items) == [0, 2, 3, 4, 5, 6]
    assert kept("first_user_item_event", users=users, items=items) == [0, 2, 4, 5, 6]
    assert kept("last_events", 2, users=users, items=items) == [2, 3, 4, 5, 6]
    assert kept("min_user_events", 2, users=users, items=items) == [0, 1, 2, 3, 4, 5]
    assert kept("min_item_events", 4, users=users, items=items) == [0, 1, 3, 4]
    assert kept("min_rating", 4, users=users, items=items, ratings=[5, 3, 4, 1, 2, 5, 4]) == [0, 2, 5, 6]
    assert kept("min_timestamp", 3, users=users, items=items, times=[1, 2, 3, 4, 5, 6, 2]) == [2, 3, 4, 5]


def test_one_pass_keeps_what_the_core_goes_on_to_drop():
    users, items = [0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 2]
    assert kept("single_pass_k_core", 2, users=users, items=items) == [0, 1, 2, 3, 4], "user 2 had two events before"
    assert kept("iterative_k_core", 2, users=users, items=items) == [0, 1, 2, 3]


def test_a_filter_without_its_column_says_so():
    with pytest.raises(UserError, match="`rating`"):
        kept("min_rating", 4, users=[0], items=[0])
    with pytest.raises(UserError, match="`timestamp`"):
        kept("min_timestamp", 4, users=[0], items=[0])


def log(n_users=5, n_items=5, **columns):
    """Every user with every item, in a time order of their own."""
    user, item = np.repeat(np.arange(n_users), n_items), np.tile(np.arange(n_items), n_users)
    return pd.DataFrame({"user": user, "item": item, "timestamp": (item + user) % n_items, **columns})


def test_events_are_ordered_by_time_before_a_filter_looks_at_their_order():
    events = pd.DataFrame({"user": list("aaaab"), "item": list("xyxzx"), "timestamp": [3, 2, 1, 4, 1]})
    hm = presets.apply_preset(presets.get_preset("hm"), events)
    assert hm["item"].tolist() == list("xyxz") and hm["row"].tolist() == [0, 1, 2, 3], "b has too few events"
    again = presets.apply_preset(presets.get_preset("hm"), events.assign(timestamp=[2, 3, 1, 4, 1]))
    assert again["row"].tolist() == [1, 2, 3], "x at 1 and at 2 follow each other"


def test_ratings_then_repeats_then_core():
    more = pd.DataFrame({"user": [0, 9], "item": [1, 1], "timestamp": 9, "rating": [3, 5]})
    events = pd.concat([log(rating=5), more])
    result = presets.apply_preset(presets.get_preset("goodreads-comics"), events)
    assert len(result) == 25 and set(result["user"]) == set(range(5)) and result["rating"].min() == 5


def test_items_are_counted_before_histories_are_cut():
    n = 120
    events = pd.DataFrame({"user": np.repeat(np.arange(5), n), "item": np.tile(np.arange(n), 5), "timestamp": 1})
    dataset = presets.filter_dataset(presets.get_preset("movielens-1m"), assemble("long", events))
    assert len(dataset.interactions) == 500 and dataset.n_items == 100 and dataset.about["catalogue_size"] == n


def test_nothing_left_is_an_error():
    with pytest.raises(UserError, match="single_pass_k_core leaves none"):
        presets.apply_preset(presets.get_preset("steam"), log(2, 2))


@pytest.mark.parametrize("name", ["beauty", "sports", "toys"])
def test_real_files_give_the_published_counts(real, name):
    preset, dataset = presets.preset_for_dataset(name), datasets.load(name)
    result = presets.check_statistics(preset, dataset)
    assert (result["users"], result["items"], result["edges"]) == (preset.users, preset.items, preset.edges)
    if name == "beauty":
        again = presets.filter_dataset(preset, dataset)
        assert presets.check_statistics(preset, again) == result, "applying the filters twice changes nothing"
        shorter = presets.filter_dataset(presets.get_preset("movielens-1m"), dataset)
        with pytest.raises(UserError, match=r"expected\) edges \(114,116, 114,582\);"):
            presets.check_statistics(preset, shorter)


@pytest.mark.parametrize(
    ("name", "given"), [("cds", r"users \(43,169, 75,258\)"), ("lastfm", r"items \(17,632, 3,646\)")]
)
def test_other_filters_of_the_same_source_fail_loudly(real, name, given):
    with pytest.raises(UserError, match=given) as error:
        presets.check_statistics(presets.preset_for_dataset(name), datasets.load(name))
    assert "the order of events is unknown" in str(error.value) and error.value.code == 3


def test_every_preset_names_filters_that_exist():
    for preset in presets.PRESETS.values():
        assert {name for name, *_ in preset.steps} <= set(FILTERS)
    assert len(presets.PRESETS) == 14 and presets.preset_for_dataset("office") is None
    with pytest.raises(UserError, match="did you mean 'steam'"):
        presets.get_preset("stean")


def test_a_file_of_ones_own_goes_through_a_preset(tmp_path):
    log(6, 6, rating=[5, 5, 5, 5, 5, 2] * 6).rename(columns={"item": "book"}).to_csv(tmp_path / "log.csv", index=False)
    path = str(tmp_path / "log.csv")
    columns = {"preset": "goodreads-comics", "path": path, "item": "book", "rating": "rating"}
    with pytest.raises(UserError, match=r"not the published goodreads-comics .*users \("):
        datasets.load("preset", **columns)
    dataset = datasets.load("preset", **columns, strict=False)
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (6, 5, 30)
    assert dataset.about["preset"] == "goodreads-comics"
    with pytest.raises(UserError, match="`rating`"):
        datasets.load("preset", preset="goodreads-comics", path=path, item="book")
    with pytest.raises(UserError, match="preset=NAME"):
        datasets.load("preset", path=path)


def test_a_copy_of_a_published_log_may_be_written_in_other_ways(tmp_path):
    """Without column names, in another encoding, with other dates; the same events as in the usual way."""
    rows = [(f"ü{u}", i, 5, f"{1 + u:02d}.0{1 + i}.2020") for u in range(6) for i in range(6)]
    path, usual = tmp_path / "odd.csv", tmp_path / "usual.csv"
    path.write_bytes("\n".join(";".join(map(str, row)) for row in rows).encode("latin-1"))
    frame = pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])
    frame.assign(timestamp=pd.to_datetime(frame["timestamp"], format="%d.%m.%Y")).to_csv(usual, index=False)
    odd = {"columns": "user,item,rating,timestamp", "encoding": "latin-1", "time_format": "%d.%m.%Y"}
    read = [datasets.load("preset", preset="beauty", strict=False, path=str(each), **options)
            for each, options in ((path, odd), (usual, {}))]  # fmt: skip
    assert read[0].n_users == 6 and read[0].users["raw_id"].str.startswith("ü").all()
    pd.testing.assert_frame_equal(*(data.interactions for data in read), check_like=True)


@pytest.mark.parametrize(("name", "option", "words"), [
    ("beauty", "time_format", "Allowed: release. beauty: .* dataset preset, path=FILE"),
    ("beauty", "columns", "dataset preset, path=FILE"),
    ("movielens-1m", "min_rating", "movielens-1m: .* takes this option as dataset csv, path=FILE"),
    ("preset", "min_rating", "A preset sets the filters itself; dataset csv takes this option"),
    ("preset", "time_formt", "did you mean 'time_format'"),
    ("synthetic", "path", "Allowed: branching, .*seed, users$"),
])  # fmt: skip
def test_an_option_of_another_dataset_is_answered_by_where_it_belongs(name, option, words):
    with pytest.raises(UserError, match=words):
        datasets.check_options(name, {option: "x"})

"""KuaiLive from a sample in the exact layout: counts, traps, levels, earlier names, and its baseline among the live."""
import live_samples
import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.formats.attributes.feature_arrays import features_of_items
from workbench.data.lint import lint
from workbench.errors import UserError
from workbench.evaluate.live.rules import groups_of_items, popular_live, watched_and_live
from workbench.evaluate.live.time_valid import rank_among_live
from workbench.evaluate.live.windows import live_windows


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    return tmp_path / "KuaiLive"


@pytest.mark.parametrize("level", ["streamer", "room"])
def test_the_published_layout_is_read_whole(folder, level):
    written = live_samples.write(folder)
    dataset = datasets.load("kuailive", level=level)
    dropped, events = dataset.about["dropped"], dataset.interactions
    assert dropped["rooms that end at or before their start"] == 1
    assert dropped["rooms that overlap an earlier one of their streamer"] == 1 and not dropped["rooms given twice"]
    for what in ("of no known room", "while their room is not live", "repeats"):
        assert dropped[f"rows of click: {what}"] == 1
    assert len(events) == len(written["click"]) - 3 and dataset.about["read"]["rooms"] == 182
    live = dataset.tables["live"]
    assert live_windows(dataset).is_live(events["item"].to_numpy(), events["timestamp"].to_numpy()).all()
    assert (live["end"] > live["start"]).all() and not live[["item", "start"]].duplicated().any()
    raw = dataset.items["raw_id"].astype(int)
    titles = features_of_items(dataset, "title")[1:].argmax(1)
    if level == "streamer":
        assert (titles == raw - 100).all() and (dataset.items["category"] == [f"kind {n % 4}" for n in raw - 100]).all()
    else:
        owner = written["room"].set_index("live_id")["streamer_id"].loc[raw].to_numpy()
        assert (dataset.items["streamer"] == owner).all() and (titles == owner - 100).all()
        assert (dataset.items["category"] == np.where(owner % 2, "shop", "game")).all()
    assert set(dataset.tables["feedback"]["event"]) == {"comment", "like", "gift"} and len(dataset.tables["shown"])
    assert dataset.tables["feedback"].groupby("event")["price"].max()["gift"] == 3
    assert len(dataset.about["files"]) == 9 and set(dataset.users["gender"]) == {"M", "F"}


def test_earlier_names_and_a_zipped_array_are_read_alike(folder, tmp_path, monkeypatch):
    live_samples.write(folder)
    now = datasets.load("kuailive")
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "before"))
    live_samples.write(tmp_path / "before" / "KuaiLive", word="author", titles="title_embeddings.pca128.npz")
    before = datasets.load("kuailive")
    for name in ("interactions", "items", "users"):
        pd.testing.assert_frame_equal(getattr(now, name), getattr(before, name))
    assert np.array_equal(*(features_of_items(each, "title") for each in (now, before)))


def test_watched_before_and_live_now_beats_the_popular_and_both_beat_chance(folder):
    """The generator plants favourites: three clicks of four are of them. Both levels have the same cases."""
    live_samples.write(folder, users=300, clicks=20)
    values = {}
    for level in ("streamer", "room"):
        dataset = datasets.load("kuailive", level=level)
        cut, windows = split(dataset, protocol_for(dataset)), live_windows(dataset)
        groups = groups_of_items(dataset) if level == "room" else None
        counts = cut.train_counts()
        watched, popular = (rank_among_live(rule(counts, groups), cut.test, windows)
                            for rule in (watched_and_live, popular_live))  # fmt: skip
        assert watched.valid.all() and (watched.live <= 30).all()
        values[level] = [each.per_case("ndcg@10").mean() for each in (watched, popular)]
        assert values[level][0] > 1.3 * values[level][1] > 1.3 * watched.chance("ndcg@10").mean()
    assert values["streamer"] == pytest.approx(values["room"], abs=0.1)


def change(folder, name, edit):
    table = pd.read_csv(folder / f"{name}.csv")
    edit(table).to_csv(folder / f"{name}.csv", index=False)


def findings(dataset) -> dict[str, list]:
    """Value and verdict of each row of the lint report that the loader measured."""
    found = lint(dataset).findings
    own = found[found["check"].str.startswith("kuailive: ")]
    return {check.removeprefix("kuailive: "): row for check, *row in
            own[["check", "value", "verdict"]].itertuples(index=False)}  # fmt: skip


@pytest.mark.parametrize("level", ["streamer", "room"])
def test_traps_are_in_the_lint_report(folder, level):
    """Beside those of the sample: a room given twice and one without a title, a like of no room, a comment long before
    its room, and something shown twice."""
    written = live_samples.write(folder)
    titled, times = written["click"]["live_id"].iloc[3], written["click"]["timestamp"].to_numpy()[2:-1]
    change(folder, "room", lambda t: pd.concat([t, t.iloc[[0]]]))
    change(folder, "room", lambda t: t.assign(live_name_id=t["live_name_id"].where(t["live_id"] != titled, -1)))
    change(folder, "like", lambda t: t.assign(live_id=t["live_id"].where(t.index > 0, 999_999)))
    change(folder, "comment", lambda t: t.assign(timestamp=t["timestamp"].where(t.index > 0, live_samples.FIRST - 1)))
    change(folder, "negative", lambda t: pd.concat([t, t.iloc[[0]]]))
    kept = written["click"].iloc[2:-1]
    room = written["room"].iloc[:-2]
    live = (room["start_timestamp"].to_numpy() <= times[:, None]) & (times[:, None] < room["end_timestamp"].to_numpy())
    assert findings(datasets.load("kuailive", level=level)) == {
        "rooms given twice": [1, "warning"], "rooms that end before they start": [1, "warning"],
        "rooms that overlap": [1, "warning"], "events of no known room": [2, "warning"],
        "events outside the window of their room": [2, "warning"], "repeated events": [2, "warning"],
        "clicks on a known streamer": [len(kept) - len(kept[["user_id", "streamer_id"]].drop_duplicates()), "note"],
        "rooms live at a click": [np.median(live.sum(1)), "note"], "rooms without a title": [1, "note"],
    }  # fmt: skip


def test_a_log_without_these_traps_says_so(folder):
    live_samples.write(folder)
    change(folder, "room", lambda t: t.iloc[:-2])
    change(folder, "click", lambda t: t.iloc[2:-1])
    (folder / "title_embeddings_pca128.npy").unlink()
    found = findings(datasets.load("kuailive"))
    assert [verdict for _, verdict in found.values()] == ["ok"] * 6 + ["note"] * 2


@pytest.mark.parametrize("break_it, said", [
    (lambda f: (f / "gift.csv").unlink(), "(?s)gift.csv missing.*click.csv.*zenodo"),
    (lambda f: change(f, "click", lambda t: t.drop(columns="live_id")), "click.csv, line 1: no column live_id"),
    (lambda f: change(f, "room", lambda t: t.drop(columns="streamer_id")), "room.csv, line 1: no column streamer_id"),
    (lambda f: change(f, "like", lambda t: t.astype({"timestamp": str}).assign(timestamp="noon")),
     "like.csv, line 2: timestamp 'noon' is not a whole number"),
    (lambda f: change(f, "streamer", lambda t: t.drop(columns="streamer_id")), "no column streamer_id"),
    (lambda f: (f / "title_embeddings_pca128.npy").write_bytes(b"\x93NUMPY"), "not a plain numpy array"),
    (lambda f: np.save(f / "title_embeddings_pca128.npy", np.zeros(4)), "a row of numbers for each title"),
])  # fmt: skip
def test_another_layout_is_one_clear_error(folder, break_it, said):
    live_samples.write(folder)
    break_it(folder)
    with pytest.raises(UserError, match=said):
        datasets.load("kuailive")


def test_without_files_it_says_where_to_get_them_and_levels_are_named(folder):
    with pytest.raises(UserError, match="(?s)found: none.*zenodo"):
        datasets.load("kuailive")
    with pytest.raises(UserError, match="level of kuailive"):
        datasets.load("kuailive", level="author")

"""MusicCaps as published; YouTube8M-MusicTextClips through a sample in its layout, with its traps; the invented one."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.errors import UserError

HEADER = ("ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,is_balanced_subset,"
          "is_audioset_eval\n")  # fmt: skip


def test_musiccaps_is_as_published(real):
    dataset = datasets.load("musiccaps")
    items, events = dataset.items, dataset.interactions
    assert (dataset.n_users, dataset.n_items, len(events), dataset.order) == (10, 5_521, 5_521, "none")
    assert items["part"].value_counts().to_dict() == {"test": 2_858, "train": 2_663}
    assert dataset.about["dropped"] == {"repeats of a clip": 0}
    assert dataset.about["files"] == {file.path: file.sha256 for file in [datasets.REGISTRY.load("musiccaps").CLIPS]}
    clip = items.set_index("raw_id").loc["-0Gj8-vB1q4"]
    assert clip["aspects"].split("|")[:3] == ["low quality", "sustained strings melody", "soft female vocal"]
    assert clip["labels"] == "/m/0140xf|/m/02cjck|/m/04rlf" and clip["text"].startswith("The low quality recording")
    assert (clip["start"], clip["end"], clip["author"]) == (30, 40, "4")
    assert items["aspects"].str.split("|").explode().nunique() == 13_219
    held_out = events["held_out"].to_numpy()
    assert (held_out == (items["part"].loc[events["item"]] == "test").to_numpy()).all()
    assert len(split(dataset, protocol_for(dataset)).test.targets) == 10


def test_musiccaps_by_author_has_no_annotator_on_both_sides(real):
    items = datasets.load("musiccaps", held_out="author").items
    parts = items.groupby("author")["part"].nunique()
    assert (parts == 1).all() and 0.4 <= (items["part"] == "test").mean() < 0.8
    with pytest.raises(UserError, match="did you mean 'author'"):
        datasets.load("musiccaps", held_out="autor")


def test_a_broken_list_of_aspects_is_one_error(offline):
    row = 'a,0,10,/m/1,"[\'calm\', \'piano\']",text,0,False,{}\n'
    (offline / "musiccaps").mkdir()
    path = offline / "musiccaps" / "musiccaps-public.csv"
    path.write_text(HEADER + row.format("True") + row.format("False").replace("a,", "b,").replace("']", "'"))
    with pytest.raises(UserError, match="aspect_list of clip 2 is no printed list"):
        datasets.load("musiccaps")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A folder that is all there is."""
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path


def write_clips(folder, *, train: int = 30, test: int = 40, faults: bool = False) -> dict[str, pd.DataFrame]:
    """A sample in the layout of YouTube8M-MusicTextClips, with features that say what the text says."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    tables = {}
    for part, n in (("train", train), ("test", test)):
        mood = rng.integers(0, 4, n)
        table = pd.DataFrame({
            "video_id": [f"{part}-{row:04d}" for row in range(n)], "start": 5.0 * np.arange(n),
            "end": 5.0 * np.arange(n) + 10, "text": [f'a "mood{value}" tune, played slowly' for value in mood],
        })  # fmt: skip
        if faults and part == "train":
            table.loc[1] = table.loc[0]
            table.loc[2, "text"] = " "
            table.loc[3, "end"] = table.loc[3, "start"]
            table.loc[4, "video_id"] = "test-0007"
        table.to_csv(folder / f"{part}.csv", index=False)
        for name in ("image", "audio"):
            x = np.eye(4)[mood] + 0.1 * rng.standard_normal((n, 4))
            np.save(folder / f"{part}_{name}.npy", x.astype(np.float16))
        tables[part] = table
    return tables


def test_the_layout_of_music_text_clips_is_read_whole(offline):
    tables = write_clips(offline / "yt8m_music_text_clips")
    dataset = datasets.load("yt8m-music-text-clips")
    assert (dataset.n_items, dataset.about["read"], dataset.about["dropped"]) == (70, {"train": 30, "test": 40}, {})
    clip = dataset.items.set_index("raw_id").loc["test-0003@15"]
    assert clip["text"] == tables["test"].loc[3, "text"] and (clip["start"], clip["end"]) == (15, 25)
    stored = np.load(offline / "yt8m_music_text_clips" / "test_audio.npy")[3].astype(np.float32)
    audio = dataset.tables["audio"].set_index("item")
    item = dataset.items.index[dataset.items["raw_id"] == "test-0003@15"][0]
    assert audio.loc[item].to_numpy() == pytest.approx(stored)
    assert len(split(dataset, protocol_for(dataset)).test.targets) == 2, "the users are the two parts"


def test_traps_of_music_text_clips_are_counted(offline):
    write_clips(offline / "yt8m_music_text_clips", faults=True)
    dataset = datasets.load("yt8m-music-text-clips")
    assert dataset.about["dropped"] == {"repeats of a clip": 1, "clips without a text": 1,
                                        "clips that end before they start": 1,
                                        "train clips of a video of test": 1,
                                        "rows of image about unknown ids": 3,
                                        "rows of audio about unknown ids": 3}  # fmt: skip
    assert dataset.n_items == 66 and dataset.about["read"]["train"] == 30


def test_a_clip_of_both_parts_is_one_of_test(offline):
    folder = offline / "yt8m_music_text_clips"
    tables = write_clips(folder)
    pd.concat([tables["train"].iloc[1:], tables["test"].iloc[:1]]).to_csv(folder / "train.csv", index=False)
    dataset = datasets.load("yt8m-music-text-clips")
    assert dataset.about["dropped"] == {"train clips of a video of test": 1}
    assert "test-0000@0" in set(dataset.items["raw_id"])


def test_what_is_missing_of_music_text_clips_is_said_once(offline):
    with pytest.raises(UserError, match=r"train.csv(.|\n)*zenodo.org/records/8040754, under the Adobe"):
        datasets.load("yt8m-music-text-clips")
    folder = offline / "yt8m_music_text_clips"
    write_clips(folder)
    (folder / "test_audio.npy").unlink()
    with pytest.raises(UserError, match="test_audio.npy is missing; features are for both parts"):
        datasets.load("yt8m-music-text-clips")
    (folder / "train_audio.npy").unlink()
    assert set(datasets.load("yt8m-music-text-clips").tables) == {"image"}
    np.save(folder / "train_image.npy", np.zeros((3, 4)))
    with pytest.raises(UserError, match="a row of numbers for each of 30 items expected"):
        datasets.load("yt8m-music-text-clips")
    table = pd.read_csv(folder / "train.csv").rename(columns={"text": "caption"})
    table.to_csv(folder / "train.csv", index=False)
    with pytest.raises(UserError, match=r"no column text \(found: video_id, start, end, caption\)"):
        datasets.load("yt8m-music-text-clips")


def test_synthetic_clips_plants_what_it_says():
    dataset = datasets.load("synthetic-clips", users=100, items=400)
    again = datasets.load("synthetic-clips", users=100, items=400)
    assert dataset.items.equals(again.items) and dataset.n_items == 400
    assert (dataset.items["aspects"].str.count(r"\|") == 2).all()
    named = [len(set(text.split()) & set(aspects.split("|"))) for text, aspects in
             zip(dataset.items["text"], dataset.items["aspects"])]  # fmt: skip
    assert set(named) == {2}
    mood = dataset.items["aspects"].str.split("|").str[0].to_numpy()
    for name, share in (("audio", 0.08), ("image", 0.05)):
        x = dataset.tables[name].set_index("item").loc[dataset.items.index].to_numpy()
        between = pd.DataFrame(x).groupby(mood).transform("mean").to_numpy().var()
        assert between / x.var() > share, "moods are heard and seen"
    with pytest.raises(UserError, match="items must be at least 40, not 5"):
        datasets.load("synthetic-clips", items=5)

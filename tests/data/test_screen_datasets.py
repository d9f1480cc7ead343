"""Screens: the invented ones, and PIRA's trajectories as text, from a sample in the layout that is asked of a user."""
import json

import pytest

from workbench.data import datasets, protocol_for, split
from workbench.data.datasets.invented import synthetic_screens
from workbench.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that is all there is, with the invented screens in PIRA's layout."""
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "pira").mkdir()
    return tmp_path / "pira"


def records(users: int = 30) -> tuple[list[dict], list[dict]]:
    """Events and profiles."""
    tables = synthetic_screens.load(users=users).tables
    screens = tables["screens"].assign(frame_ref=None)
    screens["true_intents"] = [text.split("|") if text else [] for text in screens.pop("intents")]
    return screens.to_dict("records"), tables["profiles"].to_dict("records")


def write(folder, events, profiles) -> None:
    for name, rows in (("events", events), ("profiles", profiles)):
        (folder / f"pira_{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")


def test_the_layout_gives_back_what_was_written(folder):
    write(folder, *records())
    dataset, invented = datasets.load("pira"), synthetic_screens.load(users=30)
    assert dataset.about["dropped"] == {} and dataset.about["read"]["profiles"] == 30
    order = ["trajectory", "step"]
    columns = ["trajectory", "step", "t", "app", "widget", "text", "intents"]
    ours, theirs = (each.tables["screens"].sort_values(order)[columns].reset_index(drop=True)
                    for each in (dataset, invented))  # fmt: skip
    assert ours.equals(theirs)
    assert len(dataset.interactions) == (theirs["intents"] != "").sum()
    assert len(split(dataset, protocol_for(dataset)).test.targets) > 10


def test_traps_are_counted(folder):
    events, profiles = records()
    events.append(events[0])
    events.append(events[1] | {"step": 900, "text": "", "app": "", "widget": None, "frame_ref": "900.png"})
    events[5]["t"] = 0  # the steps of a trajectory follow each other
    write(folder, events[::-1], profiles)
    dataset = datasets.load("pira")
    assert dataset.about["dropped"] == {"frames without words": 1, "repeats of a step": 1,
                                        "times before the step before (set to it)": 1}  # fmt: skip
    times = dataset.tables["screens"].groupby("trajectory")["t"]
    assert times.is_monotonic_increasing.all()


@pytest.mark.parametrize("fault, message", [
    (lambda events: [each | {"true_intents": None} for each in events], "records without trajectory, step, t or true"),
    (lambda events: [{key: each[key] for key in each if key != "step"} for each in events], "no key step"),
    (lambda events: [each | {"true_intents": []} for each in events], "no interactions"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_error(folder, fault, message):
    events, profiles = records()
    write(folder, fault(events), profiles)
    with pytest.raises(UserError, match=message):
        datasets.load("pira")


def test_a_file_that_is_missing_or_no_json_says_where_to_get_it(folder):
    with pytest.raises(UserError, match=r"pira_events.jsonl(.|\n)*Yuxiang007/PIRA-Bench-data; write what they show"):
        datasets.load("pira")
    write(folder, *records())
    (folder / "pira_events.jsonl").write_text("step 1: {")
    with pytest.raises(UserError, match="not a JSON record a line"):
        datasets.load("pira")


def test_synthetic_screens_interleaves_and_keeps_noise_apart():
    dataset = datasets.load("synthetic-screens", users=200, trap=0.2)
    screens = dataset.tables["screens"]
    by = screens.groupby("trajectory")["intents"]
    n = by.apply(lambda intents: len(set(intents) - {""}))
    assert {0, 1, 2} == set(n) and abs((n == 2).mean() - 0.4) < 0.1
    both = by.apply(lambda intents: (intents[intents != ""].shift() != intents[intents != ""]).sum())[n == 2]
    assert both.mean() > 4, "intents alternate"
    words = {word for text in synthetic_screens.INTENTS.values() for word in text.split()}
    spoken = screens["text"].str.split().apply(lambda said: len(words & set(said)))
    evidence = screens["intents"] != ""
    assert spoken[evidence].min() == 2 and spoken[~evidence].max() == 1
    assert abs((spoken[~evidence] == 1).mean() - 0.2) < 0.03
    with pytest.raises(UserError, match="users=3 is at least 20"):
        datasets.load("synthetic-screens", users=3)

"""Splits whose cases have sets of targets: by ratio, and with the test rows of a release."""
import logging

import numpy as np
import pandas as pd
import pytest

from workbench.data import Protocol, assemble, datasets, protocol_for, split
from workbench.data.lint import lint
from workbench.data.protocol import CHOICES
from workbench.errors import UserError


def log(rows, order="time", columns=("user", "item", "timestamp")):
    return assemble("log", pd.DataFrame(rows, columns=list(columns)), order=order)


def parts(data, cut, raw):
    """The raw ids of a user's train, validation and test items, and of his test history."""
    user = data.users.index[data.users["raw_id"] == raw][0]
    found = [cut.train.row(user)]
    for cases in (cut.valid, cut.test):
        own = cases.take(np.flatnonzero(cases.histories.users == user))
        found.append(own.targets)
    found.append(own.histories.items)
    return [[data.items.loc[item, "raw_id"] for item in items] for items in found]


def test_ratio_by_time_by_hand():
    """Ten, three and two items; an item that is met again counts where it came first."""
    rows = [("u", item, t) for t, item in enumerate("abcdefghij")] + [("v", item, t) for t, item in enumerate("abc")]
    data = log([*rows, ("u", "a", 99), ("w", "a", 1), ("w", "b", 2)])
    cut = split(data, protocol_for(data, split="ratio", order="time"))
    assert parts(data, cut, "u") == [list("abcdefgh"), ["i"], ["j"], list("abcdefghi")]
    assert parts(data, cut, "v") == [["a"], ["b"], ["c"], ["a", "b"]]
    assert parts(data, cut, "w")[0] == ["a", "b"], "two items: train-only"
    assert sorted(cut.test.times.tolist()) == [2, 9] and cut.test.offsets.tolist() == [0, 1, 2]
    third = split(data, protocol_for(data, split="ratio", order="time", ratios=(0.4, 0.3, 0.3)))
    assert parts(data, third, "u") == [list("abcd"), list("efg"), list("hij"), list("abcdefg")]
    assert third.protocol.mask_history and third.data_hash == cut.data_hash


def recbole(length, ratios):
    """The sizes of the parts as RecBole's `_calcu_split_ids` computes them."""
    count = [int(share * length) for share in ratios]
    count[0] = length - sum(count[1:])
    for part in (-1, -2):
        if count[0] <= 1:
            break
        if 0 < ratios[part] * length < 1:
            count[part] += 1
            count[0] -= 1
    return count


@pytest.mark.parametrize("ratios", [(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.1, 0.2, 0.7)])
def test_parts_are_as_large_as_in_recbole_and_disjoint(ratios):
    rng = np.random.default_rng(0)
    lengths = np.arange(3, 64)
    rows = [(f"u{n}", f"i{item}") for n in lengths for item in rng.permutation(80)[:n]]
    data = log(rows, order="none", columns=("user", "item"))
    cut = split(data, protocol_for(data, split="ratio", ratios=ratios))
    users = data.users["raw_id"].str[1:].astype(int)
    expected = np.array([recbole(n, ratios) for n in users])
    assert cut.train.lengths.tolist() == expected[:, 0].tolist()
    assert np.diff(cut.valid.offsets).tolist() == expected[expected[:, 1] > 0, 1].tolist()
    assert np.diff(cut.test.offsets).tolist() == expected[:, 2].tolist()
    assert len(cut.train.items) + len(cut.valid.targets) + len(cut.test.targets) == len(rows)
    assert not cut.test.in_history().any() and not cut.valid.in_history().any()
    assert np.array_equal(cut.valid.histories.items, cut.train.take(np.flatnonzero(expected[:, 1])).items)
    other = split(data, protocol_for(data, split="ratio", ratios=ratios, tie_seed=1))
    assert other.data_hash != cut.data_hash and not np.array_equal(other.test.targets, cut.test.targets)


def test_the_protocols_of_other_splits_are_stored_as_they_were():
    stored = {"split": "leave-one-out", "ties": "hash", "mask_history": False, "min_events": 3, "cuts": [0.8, 0.9],
              "target": "last", "candidates": "full", "tie_seed": 0}  # fmt: skip
    for name in CHOICES["split"][:3]:
        assert Protocol(split=name).dict() == stored | {"split": name}
        assert Protocol(**Protocol(split=name).dict()) == Protocol(split=name)
    more = {"ratio": {"ratios": [0.8, 0.1, 0.1], "order": "random"}, "published": {"ratios": [0.8, 0.1, 0.1]}}
    for name, fields in more.items():
        assert Protocol(split=name).dict() == stored | {"split": name, "mask_history": True} | fields
        assert not Protocol(split=name, mask_history=False).dict()["mask_history"]


@pytest.mark.parametrize("ratios", [
    (0.8, 0.1, 0.2), (0.9, 0.2, -0.1), (1.0, 0.0, 0.0), (0.8, 0.2), (8, 1, 1), "0.8,0.1,0.1", None, (0.8, "0.1", 0.1),
    (float("nan"), 0.1, 0.1), (0.8, 0.1, True),
])  # fmt: skip
def test_bad_ratios(ratios):
    with pytest.raises(UserError, match="must be three positive shares.* add up to 1"):
        Protocol(split="ratio", ratios=ratios)


def test_refusals():
    with pytest.raises(UserError, match="protocol order"):
        Protocol(split="ratio", order="times")
    unordered = log([("u", item) for item in "abcd"], order="none", columns=("user", "item"))
    with pytest.raises(UserError, match="no order to split by.*order=random"):
        split(unordered, protocol_for(unordered, split="ratio", order="time"))
    with pytest.raises(UserError, match="no published test rows.*train-test"):
        split(unordered, protocol_for(unordered, split="published"))


def lightgcn(folder, train, test):
    """Files of LightGCN's layout as a dataset."""
    for name, lines in (("train.txt", train), ("test.txt", test)):
        (folder / name).write_text("\n".join(lines) + "\n")
    return datasets.load("train-test", path=str(folder / "train.txt"), test=str(folder / "test.txt"))


def test_published_train_and_test_files(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        data = lightgcn(tmp_path, ["0 1 2 3 4 5 6 7 8 9 10", "1 1 2", "2 3"], ["0 20 21 1", "1 5", "3 1 2"])
        cut = split(data, protocol_for(data, split="published"))
    assert "1 users have published test rows and no train rows" in caplog.text
    train, valid, test, known = parts(data, cut, "0")
    assert len(train) == 9 and len(valid) == 1 and {*train, *valid} == {*map(str, range(1, 11))} == {*known}
    assert {*test} == {"20", "21", "1"}
    train, valid, test, _ = parts(data, cut, "1")
    assert len(train) == len(valid) == 1 and test == ["5"]
    assert [len(part) for part in parts(data, cut, "2")[:3]] == [1, 0, 0]
    assert parts(data, cut, "3")[:3] == [[], [], []], "no train rows: neither trained on nor tested"
    assert len(cut.test.histories) == 2
    findings = lint(data, cut.protocol).findings.set_index("check")
    assert findings.loc["repeated test targets", "verdict"] == "warning"
    assert findings.loc["repeated test targets", "value"] == pytest.approx(1 / 4), "item 1 of user 0 is in train"
    clean = lightgcn(tmp_path, ["0 1 2 3", "1 1 2"], ["0 20 21", "1 5"])
    assert lint(clean, protocol_for(clean, split="published")).findings.set_index("check").loc[
        "repeated test targets", "verdict"] == "ok"  # fmt: skip
    moved = lightgcn(tmp_path, ["0 1 2 3", "1 1 2 5"], ["0 20 21"])
    hashes = {split(each, protocol_for(each, split="published")).data_hash for each in (clean, moved)}
    assert len(hashes) == 2, "the same events, of which others are held out"


def test_test_rows_with_columns(tmp_path):
    rows = "".join(f"u{u},i{i},{i}\n" for u in "ab" for i in range(5))
    (tmp_path / "train.csv").write_text("user,item,timestamp\n" + rows)
    (tmp_path / "test.csv").write_text("item,timestamp,user\ni7,9,ua\n")
    train = {"path": str(tmp_path / "train.csv"), "layout": "events"}
    data = datasets.load("train-test", test=str(tmp_path / "test.csv"), **train)
    assert data.interactions["held_out"].tolist() == [False] * 10 + [True]
    assert sorted(data.about["files"]) == ["test.csv", "train.csv"]
    cut = split(data, protocol_for(data, split="published"))
    assert parts(data, cut, "ua")[2] == ["i7"] and cut.test.times.tolist() == [9]
    (tmp_path / "other.csv").write_text("item,user\ni7,ua\n")
    with pytest.raises(UserError, match="only one of them has timestamps"):
        datasets.load("train-test", test=str(tmp_path / "other.csv"), **train)
    with pytest.raises(UserError, match="needs two files: path=train.txt and test=test.txt"):
        datasets.load("train-test", **train)


def test_cds_is_published_so(real):
    data = datasets.load("cds")
    cut = split(data, protocol_for(data, split="published"))
    assert len(cut.test.targets) == 172_951 and len(cut.test.histories) == 43_169
    assert len(cut.train.items) + len(cut.valid.targets) == 604_475 and not cut.test.in_history().any()


def test_electronics_is_read_as_cds_is(tmp_path, monkeypatch, home):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    (tmp_path / "electronics").mkdir()
    (tmp_path / "electronics/train.txt").write_text("0 5 7 9\n1 5 9\n")
    (tmp_path / "electronics/test.txt").write_text("0 6\n1 7 5\n")
    data = datasets.load("electronics")
    assert (data.n_users, data.n_items, data.order) == (2, 4, "none")
    assert data.interactions["held_out"].tolist() == [False] * 5 + [True] * 3
    assert data.about["title"].startswith("Amazon Electronics")
    assert set(data.about["files"]) == {"train.txt", "test.txt"}


def test_a_share_that_is_a_whole_number_is_not_rounded_down():
    data = log([("u", f"i{n}", n) for n in range(100)])
    cut = split(data, protocol_for(data, split="ratio", ratios=(0.42, 0.29, 0.29)))
    assert (len(cut.train.items), len(cut.valid.targets), len(cut.test.targets)) == (42, 29, 29), "29 / 100 * 100 < 29"

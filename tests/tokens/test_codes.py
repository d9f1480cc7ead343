"""ItemCodes: shapes, alignment by raw ids, and error messages for invalid codes."""
import json

import numpy as np
import pytest
from toys import raw_ids, toy_codes

from workbench import tokens
from workbench.data import datasets
from workbench.errors import UserError
from workbench.tokens import ItemCodes, item_codes

BENCH = {"options": {"users": 120}, "profile": "smoke"}


def test_rows_prefix_counts_and_code_strings_by_hand():
    codes = item_codes(np.array([[0, 3], [1, 0], [0, 3]]), (2, 4), raw_ids(3))
    assert codes.codes.tolist() == [[-1, -1], [0, 3], [1, 0], [0, 3]] and codes.codes.dtype == np.int32
    assert (codes.levels, codes.n_items, codes.code_string(1), codes.prefix_counts) == (2, 3, "0-3", (2,))
    assert codes.has_collisions and not item_codes(np.array([[0, 3], [1, 0]]), (2, 4), raw_ids(2)).has_collisions


def test_a_saved_folder_loads_by_itself(tmp_path):
    codes = item_codes(toy_codes().codes[1:], (3, 4, 5), raw_ids(24), policy="dedup", version=3, about={"kind": "x"})
    codes.save(tmp_path)
    again = ItemCodes.load(tmp_path)
    assert np.array_equal(again.codes, codes.codes) and again.codes.dtype == np.int32
    assert again.raw_ids.tolist() == codes.raw_ids.tolist()
    assert (again.sizes, again.policy, again.version, again.about) == (codes.sizes, "dedup", 3, {"kind": "x"})


def rewrite(folder, **changes):
    """The saved codes with other arrays, or other words about them."""
    with np.load(folder / "codes.npz") as file:
        arrays = dict(file)
    about = {**json.loads(str(arrays["about"])), **changes.pop("about", {})}
    np.savez(folder / "codes.npz", **{**arrays, "about": np.array(json.dumps(about)), **changes})


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(path.read_bytes()[:200]),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:300] + b"x" + path.read_bytes()[301:]),
    lambda path: np.savez(path, codes=np.zeros((24, 3), int)),
    lambda path: rewrite(path.parent, about={"sizes": "abc"}),
    lambda path: rewrite(path.parent, about={"sizes": [64.5, 64.5, 64.5]}),
    lambda path: rewrite(path.parent, about={"about": "words"}),
    lambda path: rewrite(path.parent, about={"sizes": None}),
])  # fmt: skip
def test_a_damaged_folder_is_refused(tmp_path, spoil):
    toy_codes().save(tmp_path)
    spoil(tmp_path / "codes.npz")
    with pytest.raises(UserError, match="contains no valid item codes"):
        ItemCodes.load(tmp_path)


def test_a_folder_without_codes_is_refused(tmp_path):
    with pytest.raises(UserError, match="contains no valid item codes"):
        ItemCodes.load(tmp_path)


def test_a_file_whose_codes_do_not_fit_its_sizes_is_refused(tmp_path):
    toy_codes().save(tmp_path)
    rewrite(tmp_path, about={"sizes": [3, 4, 2]})
    with pytest.raises(UserError, match=r"level 3, which has codes 0..1"):
        ItemCodes.load(tmp_path)


def test_two_items_of_one_id_are_refused(tmp_path):
    toy_codes().save(tmp_path)
    rewrite(tmp_path, raw_ids=np.array(["same"] * 24))
    with pytest.raises(UserError, match="23 items share their raw id with another item"):
        ItemCodes.load(tmp_path)


def test_saving_over_an_older_folder_is_whole_or_not_at_all(tmp_path, monkeypatch):
    old = toy_codes(seed=0)
    old.save(tmp_path / "new" / "folder")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(UserError, match="Nothing half-written"):
        toy_codes(seed=1).save(tmp_path / "new" / "folder")
    assert np.array_equal(ItemCodes.load(tmp_path / "new" / "folder").codes, old.codes)


def test_for_catalogue_with_another_order_and_fewer_items(caplog):
    codes = toy_codes()
    wanted = codes.raw_ids[[20, 3, 7]]
    part = codes.for_catalogue(wanted)
    assert "21 of the 24 items of these codes are not in this catalogue" in caplog.text
    assert part.codes[1:].tolist() == codes.codes[[21, 4, 8]].tolist() and part.codes[0].tolist() == [-1] * 3
    assert part.raw_ids.tolist() == wanted.tolist() and part.trie.order.size == 3


def test_for_catalogue_of_another_dataset_is_refused():
    with pytest.raises(UserError, match=r"2 of 3 items have no codes, the first is 'x'.*24 items.*another dataset"):
        toy_codes().for_catalogue(np.array(["item 1", "x", "y"], object))


@pytest.mark.parametrize(("codes", "sizes", "complaint"), [
    ([[0, 1]], (2, 2), r"expected integers of shape \(2, 2\)"),
    ([[0], [1]], (2, 2), r"shape \(2, 1\)"),
    ([0, 1], (2,), r"shape \(2,\)"),
    ([[0.0], [1.0]], (2,), "float64"),
    ([[0], [2]], (2,), r"item 2 has code 2 at level 1, which has codes 0..1"),
    ([[0, 0], [0, -1]], (2, 2), r"item 2 has code -1 at level 2"),
])  # fmt: skip
def test_codes_that_do_not_fit(codes, sizes, complaint):
    with pytest.raises(UserError, match=complaint):
        item_codes(np.array(codes), sizes, raw_ids(2))


def test_unknown_policy_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'nearest'"):
        item_codes(np.array([[0]]), (1,), raw_ids(1), policy="nearst")


def test_with_codes_increments_the_version_and_keeps_the_shape():
    codes = toy_codes()
    assert codes.trie.order.size == 24  # the trie of the old codes is cached and must not be carried over
    other = np.roll(codes.codes[1:], 1, axis=0)
    updated = codes.with_codes(other)
    assert (updated.version, codes.version, updated.sizes) == (1, 0, codes.sizes)
    assert np.array_equal(updated.codes[1:], other) and updated.codes[0].tolist() == [-1] * 3
    assert not np.array_equal(updated.trie.group, codes.trie.group)
    assert not np.array_equal(updated.codes, codes.codes)
    for bad in (other[:-1], other[:, :2], other + 5):
        with pytest.raises(UserError):
            codes.with_codes(bad)


def test_permuted_keeps_the_shape_of_the_trie_and_moves_the_items():
    codes = toy_codes(n=40)
    fake = codes.permuted(np.random.default_rng(0))
    assert sorted(fake.codes[1:].tolist()) == sorted(codes.codes[1:].tolist()) and fake.codes[0].tolist() == [-1] * 3
    for a, b in zip(fake.trie.children, codes.trie.children):
        assert np.array_equal(a, b)
    assert (fake.codes[1:] == codes.codes[1:]).all(1).mean() < 0.5
    assert fake.about["permuted"] and "permuted" not in codes.about
    assert np.array_equal(fake.codes, codes.permuted(np.random.default_rng(0)).codes), "the same generator, the same"


@pytest.mark.parametrize(("kind", "settings", "complaint"), [
    ("rq-kmean", {}, "did you mean 'rq-kmeans'"),
    ("random", {"policy": "dedupe"}, "did you mean 'dedup'"),
    ("random", {"policy": "nearest"}, "needs distances, which random codes do not have"),
    ("hash", {"levels": 0}, "1 to 16 levels"),
    ("hash", {"size": 1}, "size >= 2"),
    ("hash", {"size": -4}, "size >= 2"),
    ("hash", {"levels": 17}, "1 to 16 levels"),
    ("hash", {"size": 100_000}, "more codes per level than items; the default size is 64"),
    ("hash", {"levels": "3"}, "whole numbers.*'3'"),
    ("hash", {"levels": True}, "whole numbers"),
    ("rq-kmeans", {"normalize": "no"}, "True or False.*'no'"),
    ("rq-kmeans", {}, "need item vectors"),
    ("rq-kmeans", {"vectors": np.eye(5, 4, dtype=np.float32)}, "expected integers of shape"),
    ("letter", {}, "published no codes for synthetic; available: beauty"),
])  # fmt: skip
def test_make_codes_refuses(kind, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        tokens.make_codes(kind, datasets.load("synthetic", users=120), **settings)


def test_make_codes_dedups_by_default_and_counts_collisions():
    dataset = datasets.load("synthetic", users=120)
    plain, unique = (tokens.make_codes("hash", dataset, levels=2, size=8, policy=p) for p in ("none", "dedup"))
    assert plain.has_collisions and not unique.has_collisions and unique.levels == plain.levels + 1
    assert np.array_equal(unique.codes[:, :2], plain.codes)
    assert unique.about["collided"] == plain.about["collided"] == dataset.n_items - len(plain.trie.group_size)

"""ItemCodes know their own shape, live by raw ids, and say what is wrong with what does not fit."""
import json

import numpy as np
import pytest
from toys import names, toy_codes

from workbench import tokens
from workbench.data import sources
from workbench.errors import UserError
from workbench.experiment import open_bench
from workbench.tokens import ItemCodes, item_codes

BENCH = {"options": {"users": 120}, "profile": "smoke"}


def test_rows_prefixes_and_names_by_hand():
    codes = item_codes(np.array([[0, 3], [1, 0], [0, 3]]), (2, 4), names(3))
    assert codes.codes.tolist() == [[-1, -1], [0, 3], [1, 0], [0, 3]] and codes.codes.dtype == np.int32
    assert (codes.levels, codes.n_items, codes.name(1), codes.prefixes) == (2, 3, "0-3", (2,))
    assert codes.collides and not item_codes(np.array([[0, 3], [1, 0]]), (2, 4), names(2)).collides


def test_a_saved_folder_loads_by_itself(tmp_path):
    codes = item_codes(toy_codes().codes[1:], (3, 4, 5), names(24), policy="dedup", version=3, about={"kind": "x"})
    codes.save(tmp_path)
    again = ItemCodes.load(tmp_path)
    assert np.array_equal(again.codes, codes.codes) and again.codes.dtype == np.int32
    assert again.raw_ids.tolist() == codes.raw_ids.tolist()
    assert (again.sizes, again.policy, again.version, again.about) == (codes.sizes, "dedup", 3, {"kind": "x"})


def spoil(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(("name", "change"), [
    ("codes.npz", lambda data: data[:200]),
    ("codes.npz", lambda data: b""),
    ("codes.json", lambda data: b"{"),
    ("codes.json", lambda data: b"[]"),
    ("codes.json", lambda data: b"{}"),
    ("codes.json", lambda data: data.replace(b'"version"', b'"strange"')),
])  # fmt: skip
def test_a_damaged_folder_is_refused(tmp_path, name, change):
    toy_codes().save(tmp_path)
    spoil(tmp_path, name, change)
    with pytest.raises(UserError, match="holds no item codes"):
        ItemCodes.load(tmp_path)


def test_a_folder_without_codes_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no item codes"):
        ItemCodes.load(tmp_path)


def test_a_file_whose_codes_do_not_fit_its_sizes_is_refused(tmp_path):
    toy_codes().save(tmp_path)
    about = json.loads((tmp_path / "codes.json").read_text())
    (tmp_path / "codes.json").write_text(json.dumps(about | {"sizes": [3, 4, 2]}))
    with pytest.raises(UserError, match=r"level 3, which has codes 0..1"):
        ItemCodes.load(tmp_path)


def test_on_another_order_and_a_smaller_catalogue():
    codes = toy_codes()
    wanted = codes.raw_ids[[20, 3, 7]]
    part = codes.on(wanted)
    assert part.codes[1:].tolist() == codes.codes[[21, 4, 8]].tolist() and part.codes[0].tolist() == [-1] * 3
    assert part.raw_ids.tolist() == wanted.tolist() and part.trie.order.size == 3


def test_on_another_dataset_is_refused():
    with pytest.raises(UserError, match=r"2 of 3 items have no code, the first is 'x'.*24 items.*another dataset"):
        toy_codes().on(np.array(["item 1", "x", "y"], object))


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
        item_codes(np.array(codes), sizes, names(2))


def test_unknown_policy_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'nearest'"):
        item_codes(np.array([[0]]), (1,), names(1), policy="nearst")


def test_renewed_is_one_version_on_and_keeps_the_shape():
    codes = toy_codes()
    assert codes.trie.order.size == 24  # the trie of the old codes is cached and must not be carried over
    other = np.roll(codes.codes[1:], 1, axis=0)
    renewed = codes.renewed(other)
    assert (renewed.version, codes.version, renewed.sizes) == (1, 0, codes.sizes)
    assert np.array_equal(renewed.codes[1:], other) and renewed.codes[0].tolist() == [-1] * 3
    assert not np.array_equal(renewed.trie.group, codes.trie.group)
    assert not np.array_equal(renewed.codes, codes.codes)
    for bad in (other[:-1], other[:, :2], other + 5):
        with pytest.raises(UserError):
            codes.renewed(bad)


def test_permuted_keeps_the_shape_of_the_trie_and_moves_the_items():
    codes = toy_codes(n=40)
    fake = codes.permuted(np.random.default_rng(0))
    assert sorted(fake.codes[1:].tolist()) == sorted(codes.codes[1:].tolist()) and fake.codes[0].tolist() == [-1] * 3
    for a, b in zip(fake.trie.children, codes.trie.children):
        assert np.array_equal(a, b)
    assert (fake.codes[1:] == codes.codes[1:]).all(1).mean() < 0.5
    assert fake.about["permuted"] and "permuted" not in codes.about
    assert np.array_equal(fake.codes, codes.permuted(np.random.default_rng(0)).codes), "the same generator, the same"


def test_the_bench_takes_a_kind_or_a_folder(tmp_path):
    bench = open_bench("synthetic", **BENCH)
    made = bench.codes("rq-kmeans", levels=2, size=8)
    assert made.sizes[:2] == (8, 8) and made.n_items == bench.dataset.n_items
    made.save(tmp_path)
    assert np.array_equal(bench.codes(str(tmp_path)).codes, made.codes)
    fake = bench.codes(str(tmp_path), permuted=True)
    assert np.array_equal(fake.codes, bench.codes("rq-kmeans", levels=2, size=8, permuted=True).codes)
    assert not np.array_equal(fake.codes, made.codes)
    item_codes(made.codes[1:], made.sizes, names(made.n_items)).save(tmp_path)
    with pytest.raises(UserError, match="another dataset"):
        bench.codes(str(tmp_path))


@pytest.mark.parametrize(("kind", "settings", "complaint"), [
    ("rq-kmean", {}, "did you mean 'rq-kmeans'"),
    ("random", {"policy": "dedupe"}, "did you mean 'dedup'"),
    ("random", {"policy": "nearest"}, "needs distances, which random codes have not"),
    ("hash", {"levels": 0}, "levels >= 1"),
    ("hash", {"size": 1}, "size >= 2"),
    ("hash", {"size": -4}, "size >= 2"),
    ("rq-kmeans", {}, "need item vectors"),
    ("rq-kmeans", {"vectors": np.eye(5, 4, dtype=np.float32)}, "expected integers of shape"),
    ("letter", {}, "published no codes for synthetic; there are some for beauty"),
])  # fmt: skip
def test_make_refuses(kind, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        tokens.make(kind, sources.load("synthetic", users=120), **settings)


def test_make_dedups_by_default_and_counts_what_collided():
    dataset = sources.load("synthetic", users=120)
    plain, unique = (tokens.make("hash", dataset, levels=2, size=8, policy=policy) for policy in ("none", "dedup"))
    assert plain.collides and not unique.collides and unique.levels == plain.levels + 1
    assert np.array_equal(unique.codes[:, :2], plain.codes)
    assert unique.about["collided"] == plain.about["collided"] == dataset.n_items - len(plain.trie.group_size)

"""Control codes are uninformative, category codes follow the category tree, published codes match their files."""
import gzip
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench import tokens
from workbench.data import assemble, datasets
from workbench.errors import UserError
from workbench.tokens.kinds.category import category_codes, split_category_path
from workbench.tokens.kinds.hash import hash_codes
from workbench.tokens.kinds.random import random_codes


def shop(*paths):
    """A dataset of an item a path, named by its place, and its items in the order of the paths."""
    events = pd.DataFrame({"user": "u", "item": [f"i{n}" for n in range(len(paths))], "timestamp": range(len(paths))})
    dataset = assemble("shop", events, items=pd.DataFrame({"raw_id": events["item"], "category": list(paths)}))
    return dataset, dataset.items.reset_index().set_index("raw_id").loc[events["item"], "item"].to_numpy() - 1


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_siblings_are_numbered_by_name_under_their_parent(levels):
    dataset, at = shop("All > B > x", "All > A > z", "All > A > y", "All > A", "All > B > y")
    codes, sizes = category_codes(dataset, levels=levels)
    expected = np.array([[1, 0], [0, 2], [0, 1], [0, 0], [1, 1]])[:, :levels]
    assert codes[at].tolist() == expected.tolist(), "the common first step is no level, and there are no more than two"
    assert sizes == (2, 3)[:levels]


def test_an_item_without_a_category_has_codes_too():
    dataset, at = shop("A > x", None, "B > x", " > ", "A > y")
    codes, sizes = category_codes(dataset, levels=2)
    assert codes[at].tolist() == [[1, 0], [0, 0], [2, 0], [0, 0], [1, 1]] and sizes == (3, 2)


def test_category_codes_are_nested(real):
    dataset = datasets.load("beauty")
    codes, sizes = category_codes(dataset, levels=4)
    paths = dataset.items["category"].map(split_category_path).tolist()
    depth = max(map(len, paths))
    table = pd.DataFrame([path + [""] * (depth - len(path)) for path in paths])
    differ = [level for level in table if table[level].nunique() > 1][:4]
    assert codes.shape == (12_101, 4) and codes.dtype == np.int32
    assert sizes == tuple(codes.max(0) + 1)
    for upto in range(1, 5):
        path = table.groupby(differ[:upto]).ngroup()
        code = pd.DataFrame(codes).groupby(list(range(upto))).ngroup()
        assert code.groupby(path).nunique().max() == 1, "the same path, the same code"
        assert path.groupby(code).nunique().max() == 1, "the same code, the same path"
    assert 1 < sizes[0] < 100 and len(np.unique(codes, axis=0)) > sizes[0]


@pytest.mark.parametrize(("paths", "complaint"), [
    ((None, None), "has no categories.*try random or hash"),
    (("", ""), "has no categories"),
    (("A > B", "A > B"), "all items are in one category"),
    ((" > ", ">"), "all items are in one category"),
])  # fmt: skip
def test_without_categories_there_are_no_category_codes(paths, complaint):
    with pytest.raises(UserError, match=complaint):
        category_codes(shop(*paths)[0], levels=2)


def test_a_dataset_without_the_column_has_no_category_codes():
    dataset = shop("A", "B")[0]
    with pytest.raises(UserError, match="shop has no categories"):
        tokens.make_codes("category", replace(dataset, items=dataset.items.drop(columns="category")))


def test_random_codes_are_balanced_at_every_level_and_follow_the_seed():
    codes = random_codes(1_000, levels=3, size=64, seed=0)
    for level in range(3):
        count = np.bincount(codes[:, level], minlength=64)
        assert len(count) == 64 and count.max() - count.min() <= 1
    assert np.array_equal(codes, random_codes(1_000, levels=3, size=64, seed=0))
    assert (codes == random_codes(1_000, levels=3, size=64, seed=1)).mean() < 0.1
    assert (codes[:, 0] == codes[:, 1]).mean() < 0.1, "levels know nothing of each other"


def test_hash_codes_are_an_items_own():
    ids = np.array([f"B{n:05}" for n in range(2_000)], object)
    codes = hash_codes(ids, levels=3, size=64)
    some = np.random.default_rng(0).permutation(2_000)[:300]
    assert np.array_equal(hash_codes(ids[some], levels=3, size=64), codes[some])
    assert codes.min() == 0 and codes.max() == 63 and np.bincount(codes[:, 0]).max() < 3 * 2_000 / 64
    assert (codes[:, 0] == codes[:, 1]).mean() < 0.1
    assert len(np.unique(codes, axis=0)) > 1_980


TABLES = {  # dataset, kind: distinct full codes, distinct 3-level prefixes, items under the largest of those; file
    ("beauty", "apao"): (12_089, 10_743, 20, "amazon_beauty_2014/apao/Beauty.index.rq-kmeans.json"),
    ("beauty", "letter"): (12_088, 11_696, 27, "amazon_beauty_2014/letter/Beauty.index.json"),
    ("office", "apao"): (2_415, None, None, "amazon_office_2014/apao/Office.index.rq-kmeans.json"),
    ("grocery", "apao"): (8_683, None, None, "amazon_grocery_2014/apao/Grocery.index.rq-kmeans.json"),
}
ITEMS = {"beauty": 12_101, "office": 2_420, "grocery": 8_713}


@pytest.fixture(scope="module")
def loaded(real):
    """The three datasets that codes were published for."""
    return {name: datasets.load(name) for name in ITEMS}


@pytest.mark.parametrize(("name", "kind"), TABLES)
def test_published_tables(loaded, real, name, kind):
    full, prefixes, largest, file = TABLES[name, kind]
    codes = tokens.make_codes(kind, loaded[name], policy="none")
    assert codes.sizes == (256,) * 4 and codes.n_items == ITEMS[name]
    assert len(codes.trie.group_size) == full and codes.about["collided"] == ITEMS[name] - full
    assert prefixes is None or (len(codes.trie.counts[3]), codes.trie.counts[3].max()) == (prefixes, largest)
    here = next((real / file).parent.glob(f"{(real / file).name}*"))
    data = here.read_bytes()
    table = json.loads(gzip.decompress(data) if here.suffix == ".gz" else data)
    items = loaded[name].items
    for item in (1, 1_000, ITEMS[name]):
        assert codes.raw_ids[item - 1] == items.loc[item, "raw_id"]
        spelt = [f"<{letter}_{code}>" for letter, code in zip("abcd", codes.codes[item])]
        assert table[str(items.loc[item, "lcrec_id"])] == spelt
    unique = tokens.make_codes(kind, loaded[name])
    assert not unique.has_collisions and np.array_equal(unique.codes[:, :4], codes.codes)
    assert unique.sizes == (256,) * 4 + (int(codes.trie.group_size.max()),)


def test_similar_items_share_published_codes(loaded):
    """The join is right: with the first code of an item goes its category, and no longer when the rows are moved."""
    dataset = loaded["beauty"]
    first = tokens.make_codes("apao", dataset, policy="none").codes[1:, 0]
    kind = category_codes(dataset, levels=1)[0][:, 0]

    def purity(codes):
        return pd.crosstab(codes, kind).max(axis=1).sum() / len(codes)

    assert purity(first) > purity(np.roll(first, 1)) + 0.15


def test_published_codes_of_another_catalogue_are_refused(loaded):
    office = loaded["office"]
    strange = replace(office, items=office.items.assign(lcrec_id=office.items["lcrec_id"] + 1))
    with pytest.raises(UserError, match="1 items of the file are unknown here, such as 0, and 1 items here have"):
        tokens.make_codes("apao", strange)
    cut = replace(office, items=office.items.iloc[:-3])
    with pytest.raises(UserError, match="3 items of the file are unknown here"):
        tokens.make_codes("apao", cut)
    with pytest.raises(UserError, match="has no lcrec_id"):
        tokens.make_codes("apao", replace(office, items=office.items.drop(columns="lcrec_id")))
    with pytest.raises(UserError, match="letter published no codes for office; available: beauty"):
        tokens.make_codes("letter", office)
    with pytest.raises(UserError, match="unknown kind of item codes 'apo'; did you mean 'apao'"):
        tokens.make_codes("apo", office)

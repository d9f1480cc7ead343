"""Attributes that a user can be asked about: what every item has is left out, and without any there is one error."""
from dataclasses import replace

import numpy as np
import pytest

from workbench import experiment
from workbench.data import datasets
from workbench.data.links.attributes import item_attributes
from workbench.errors import UserError
from workbench.train import PROFILES

KINDS = ["category", "brand", "tags", "price_band", "year"]


def with_columns(**columns):
    """A dataset with these and no other attributes of its items; a list is repeated over them."""
    dataset = datasets.load("synthetic", users=60, items=30)
    columns = {name: np.resize(values, len(dataset.items)) for name, values in columns.items()}
    items = dataset.items.drop(columns=[name for name in KINDS if name in dataset.items]).assign(**columns)
    return replace(dataset, items=items)


def test_an_attribute_that_every_item_has_is_left_out():
    found = item_attributes(with_columns(category=["A|B", "A"], year=["1994", "2001.0"]))
    assert found.names == ["category B", "decade 1990", "decade 2000"]
    counts = np.asarray(found.matrix.sum(axis=0)).ravel()
    n = found.matrix.shape[0] - 1
    assert counts.tolist() == [(n + 1) // 2, (n + 1) // 2, n // 2] and not found.matrix[0].toarray().any()


@pytest.mark.parametrize("columns, found", [
    ({}, "0"), ({"category": ["A"]}, "1"), ({"brand": [f"b{n}" for n in range(99)]}, r"\d\d")])
def test_without_any_that_tells_items_apart_there_is_one_error(columns, found):
    with pytest.raises(UserError, match=f"no attribute of items.*of {found} found.*movielens-small"):
        item_attributes(with_columns(**columns))


@pytest.mark.parametrize("name", ["greatest_entropy", "scpr", "unicorn", "bot_play"])
def test_a_policy_says_so_before_anything_is_trained(name):
    bench = experiment.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 60})
    bench = replace(bench, given={"dataset": with_columns(), "split": bench.split})
    with pytest.raises(UserError, match="no attribute of items that a user could be asked about"):
        bench.build(name)

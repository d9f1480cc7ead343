"""The list report: each figure against lists that should show it, and unmeasured metrics with their reason."""
import numpy as np
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.diagnose.models.beyond_accuracy import popular_lists
from workbench.diagnose.models.codes import item_categories
from workbench.diagnose.models.list_report import lists_card
from workbench.errors import UserError


@pytest.fixture(scope="module")
def cut():
    dataset = datasets.load("synthetic")
    return split(dataset, protocol_for(dataset), users=600), item_categories(dataset)


def last_items(cut, k=10):
    """Lists of each user's last items, filled up with popular items."""
    out = popular_lists(cut.test.histories, cut, k)
    for row in range(len(out)):
        own = list(dict.fromkeys([*cut.test.histories.row(row)[::-1].tolist(), *out[row].tolist()]))
        out[row] = own[:k]
    return out


def test_the_popularity_baseline_is_its_own_null(cut):
    cut, labels = cut
    card = lists_card(popular_lists(cut.test.histories, cut, 10), cut.test, cut, categories=labels)
    lists = card.tables["lists"]
    assert (lists["recommender"] - lists["popularity"]).abs().max() < 1e-12
    n = f"@10 of {len(cut.test.targets):,} lists"
    assert card["coverage" + n].value == pytest.approx(10 / cut.n_items) and card["gini" + n].significant
    assert card["arp"].significant and not card["miscalibration"].significant
    assert not card["ndcg of tail targets"].significant
    assert {"ild", "prefix diversity"} <= set(card.unmeasured)


def test_lists_of_the_own_history_are_calibrated(cut):
    cut, labels = cut
    card = lists_card(last_items(cut), cut.test, cut, categories=labels, vectors=np.eye(cut.n_items + 1)[:, :40])
    assert card["miscalibration"].significant and card["popularity distance"].significant
    assert card["ild"].value <= 1 and card["arp"].low <= card["arp"].value <= card["arp"].high
    assert card.tables["ndcg by popularity"]["cases"].sum() == len(cut.test.targets)


def test_masked_popularity_excludes_the_history():
    dataset = datasets.load("synthetic")
    cut = split(dataset, protocol_for(dataset, mask_history=True), users=50)
    own = cut.test.histories
    items = popular_lists(own, cut, 10)
    assert not any(set(own.row(row)) & set(items[row]) for row in range(len(items)))


def test_lists_of_one_item_raise(cut):
    with pytest.raises(UserError, match="need a list of 2 or more"):
        lists_card(np.ones((3, 1), int), cut[0].test, cut[0])

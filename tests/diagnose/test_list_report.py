"""The card of lists: each figure against lists made to show it, and what is missing is said."""
import numpy as np
import pytest

from workbench.data import datasets, protocol_for, split
from workbench.diagnose.models.beyond_accuracy import popular_lists
from workbench.diagnose.models.codes import categories
from workbench.diagnose.models.list_report import lists_card
from workbench.errors import UserError


@pytest.fixture(scope="module")
def cut():
    dataset = datasets.load("synthetic")
    return split(dataset, protocol_for(dataset), users=600), categories(dataset)


def last_items(cut, k=10):
    """Lists of what each user read last, filled up with what is popular."""
    out = popular_lists(cut.test.histories, cut, k)
    for row in range(len(out)):
        own = list(dict.fromkeys([*cut.test.histories.row(row)[::-1].tolist(), *out[row].tolist()]))
        out[row] = own[:k]
    return out


def test_the_floor_is_its_own_null(cut):
    cut, labels = cut
    card = lists_card(popular_lists(cut.test.histories, cut, 10), cut.test, cut, categories=labels)
    lists = card.tables["lists"]
    assert (lists["recommender"] - lists["popularity"]).abs().max() < 1e-12
    n = f"@10 of {len(cut.test.targets):,} lists"
    assert card["coverage" + n].value == pytest.approx(10 / cut.n_items) and card["gini" + n].found
    assert card["arp"].found and not card["miscalibration"].found and not card["ndcg of tail targets"].found
    assert {"ild", "prefix diversity"} <= set(card.unmeasured)


def test_lists_of_the_own_history_fit_their_user(cut):
    cut, labels = cut
    card = lists_card(last_items(cut), cut.test, cut, categories=labels, vectors=np.eye(cut.n_items + 1)[:, :40])
    assert card["miscalibration"].found and card["popularity distance"].found
    assert card["ild"].value <= 1 and card["arp"].low <= card["arp"].value <= card["arp"].high
    assert card.tables["ndcg by popularity"]["cases"].sum() == len(cut.test.targets)


def test_masked_floor_leaves_the_history_out():
    dataset = datasets.load("synthetic")
    cut = split(dataset, protocol_for(dataset, mask_history=True), users=50)
    own = cut.test.histories
    items = popular_lists(own, cut, 10)
    assert not any(set(own.row(row)) & set(items[row]) for row in range(len(items)))


def test_lists_that_cannot_be_measured_are_refused(cut):
    with pytest.raises(UserError, match="a list of 2 or more"):
        lists_card(np.ones((3, 1), int), cut[0].test, cut[0])

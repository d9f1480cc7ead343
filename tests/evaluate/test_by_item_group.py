"""Metrics by the group of the target, against values by hand."""
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from toys import make_histories

from workbench.data import Cases, Protocol, Split, assemble
from workbench.errors import UserError
from workbench.evaluate.by_item_group import item_groups, metrics_by_item_group, per_case_by_item_group, ranks_within

GROUPS = np.array(["", "food", "food", "home", "home", "food"])
HISTORIES = make_histories([1], [2, 3], [4], [5])


def split(targets, offsets=None) -> Split:
    cases = Cases(HISTORIES, np.array(targets), None, offsets)
    return Split(HISTORIES, cases, cases, 4, 5, Protocol(), "")


@dataclass
class Ranked:
    """An evaluation by hand."""

    ranks: np.ndarray
    seed: int = 0
    label: str = "ours"
    groups: None = None
    info: dict = field(default_factory=dict)

    def __post_init__(self):
        self.info = {"seed": self.seed, "protocol": Protocol().dict(), "dataset": "d", "data_hash": "", "users": 4}

    def per_case(self, metric):
        raise AssertionError("not asked for")


class Scores:
    """Scores of five items, the same for every history."""

    def __init__(self, row):
        self.row = np.array(row, np.float32)

    def score(self, histories):
        return np.tile(self.row, (len(histories), 1))


def test_cases_of_each_group_by_hand():
    found = per_case_by_item_group(Ranked(np.array([1, 3, 0, 2])), split([1, 3, 2, 4]), GROUPS, "mrr@10")
    assert found["food"].tolist() == [1, 0] and found["home"].tolist() == pytest.approx([1 / 3, 1 / 2])


def test_a_table_of_systems_and_seeds():
    runs = [Ranked(np.array([1, 3, 0, 2])), Ranked(np.array([1, 1, 0, 0]), seed=1),
            Ranked(np.array([0, 0, 0, 0]), label="other")]  # fmt: skip
    table = metrics_by_item_group(runs, split([1, 3, 2, 4]), GROUPS, metric="recall@1")
    assert table["mean"].to_dict() == {("ours", "food"): 0.5, ("ours", "home"): 0.25, ("other", "food"): 0,
                                       ("other", "home"): 0}  # fmt: skip
    assert table.loc[("ours", "food"), ["cases", "seeds"]].tolist() == [2, 2]
    assert (table["low"] <= table["mean"]).all() and (table["mean"] <= table["high"]).all()


def test_sets_of_targets_count_those_of_the_group_alone():
    cases = split([1, 3, 2, 4, 4], np.array([0, 2, 3, 4, 5]))
    found = per_case_by_item_group(Ranked(np.array([5, 1, 1, 0, 1])), cases, GROUPS, "recall@1")
    assert found["food"].tolist() == [0, 1] and found["home"].tolist() == [1, 0, 1]


def test_ranks_within_a_group_by_hand():
    """Items 1, 2, 5 are food with scores 3, 9, 3; 3 and 4 are home with 8 and 8; column 0 is no item."""
    model, cases = Scores([99, 3, 9, 8, 8, 3]), split([1, 3, 5, 4]).test
    assert ranks_within(model, cases, GROUPS).tolist() == [2, 1, 3, 2]
    assert ranks_within(model, cases, GROUPS, batch=1).tolist() == [2, 1, 3, 2]
    # two of the targets are in their own history
    assert ranks_within(model, cases, GROUPS, masked=True).tolist() == [0, 0, 3, 2]
    assert ranks_within(model, cases, np.array(["", *"aaaaa"])).tolist() == [4, 2, 5, 3]


def test_groups_are_a_column_of_the_items():
    items = pd.DataFrame({"raw_id": ["x", "y"], "domain": ["home", None]})
    dataset = assemble("small", pd.DataFrame({"user": ["u", "u"], "item": ["x", "y"]}), items=items)
    by_raw = dict(zip(dataset.items["raw_id"], item_groups(dataset)[1:], strict=True))
    assert by_raw == {"x": "home", "y": ""} and item_groups(dataset)[0] == ""
    with pytest.raises(UserError, match="column of the items of small 'domian'; did you mean 'domain'"):
        item_groups(dataset, "domian")
    with pytest.raises(UserError, match="scores no items"):
        ranks_within(object(), split([1, 3, 2, 4]).test, GROUPS)

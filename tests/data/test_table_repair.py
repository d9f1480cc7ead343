"""Faults of tables of links: each is mended and counted, or refused with one error."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, datasets
from workbench.data.links.repair import on_cycle, repaired
from workbench.data.lint.table_lints import table_findings
from workbench.data.tables import attach_tables
from workbench.errors import UserError


def ring(n=6, number=str):
    """Users and items 0..n-1, each user with two items."""
    user = np.repeat(np.arange(n), 2)
    events = pd.DataFrame({"user": user, "item": (user + np.tile([0, 1], n)) % n})
    return assemble("ring", events.map(number))


def attached(**tables):
    return attach_tables(ring(), {name: pd.DataFrame(table) for name, table in tables.items()})


def links(dataset, name="social", columns=("user", "friend")):
    """The links of a table in raw ids."""
    ids = dataset.users["raw_id"]
    return list(zip(*(ids[dataset.tables[name][column]] for column in columns), strict=True))


def test_links_of_unknown_users_are_left_out_and_counted():
    data = attached(social={"user": ["0", "1", "99", "2", None], "friend": ["1", "77", "0", "0", "1"]})
    assert links(data) == [("0", "1"), ("2", "0")]
    assert data.about["dropped"] == {"rows of social about unknown ids": 3}


def test_repeated_and_self_links_are_left_out_and_counted_and_opposite_ones_stay():
    table = {"user": [0, 0, 1, 3, 3, 0, 4], "friend": [1, 1, 0, 3, 3, 1, 5], "weight": [1, 2, 3, 4, 5, 6, 7]}
    data = attached(social=table)
    assert links(data) == [("0", "1"), ("1", "0"), ("4", "5")]
    assert data.tables["social"]["weight"].tolist() == [1, 3, 7], "the first of equal links is kept"
    assert data.about["dropped"] == {"self links in social": 2, "repeated links in social": 2}
    found = {each.check: each.value for each in table_findings(data)}
    assert found["social: self links"] == found["social: duplicated links"] == found["social: unknown ids"] == 0


def test_the_same_link_as_text_and_as_number_is_repeated():
    data = attached(social={"user": ["1", 1, 1.0], "friend": [2, "2", 2]})
    assert links(data)[:1] == [("1", "2")] and data.about["dropped"]["repeated links in social"] >= 1


def test_triples_without_head_relation_or_tail_and_repeated_ones_are_left_out():
    data = attached(relations={
        "head": ["0", "0", None, "1", "2", "3", "3", None], "relation": ["a", "a", "a", None, "a", "b", "c", "a"],
        "tail": ["x", "x", "x", "x", None, "3", "y", "x"],
    })  # fmt: skip
    assert data.tables["relations"]["relation"].tolist() == ["a", "b", "c"], "a triple may link an entity to itself"
    assert data.about["dropped"] == {
        "rows without a relation in relations": 1, "repeated links in relations": 1,
        "rows of relations about unknown ids": 3,
    }  # fmt: skip
    assert {each.check: each.value for each in table_findings(data)}["relations: self links"] == 1


@pytest.mark.parametrize("child, parent, named", [
    (["a", "b", "c", "d"], ["b", "c", "b", "a"], "b -> c -> b .child -> parent.; 2 of its nodes"),
    (["a", "b"], ["a", None], "a -> a .child -> parent.; 1 of its nodes"),
    ([1, 2, 3, 4], [2, 3, 1, None], "1 -> 2 -> 3 -> 1"),
    (["x", "a", "b"], ["a", "b", "a"], "a -> b -> a"),
    ([*range(20)], [*range(1, 20), 0], r"0 -> 1 -> 2 -> 3 -> 4 -> \.\.\. -> 0 .*; 20 of its nodes"),
])  # fmt: skip
def test_a_tree_with_a_cycle_is_refused(child, parent, named):
    with pytest.raises(UserError, match=f"ring: table 'tree' has a cycle, {named}") as caught:
        attached(tree={"child": child, "parent": parent})
    assert caught.value.code == 3


def test_a_tree_without_a_cycle_is_kept_with_its_roots_and_second_parents():
    table = {"child": ["a", "b", "c", "c", "d"], "parent": [None, "a", "a", "b", "c"]}
    data = attached(tree=table)
    assert len(data.tables["tree"]) == 5 and data.about["dropped"] == {}
    assert not on_cycle(pd.DataFrame(table)).any()
    assert not on_cycle(pd.DataFrame({"child": [], "parent": []})).any()


def test_other_tables_are_left_as_they_are():
    table = pd.DataFrame({"user": ["1", "1"], "friend": ["1", "1"]})
    kept, counts = repaired("ring", "trust", table)
    assert kept is table and counts == {}


def test_bundled_tables_are_as_they_were(real, monkeypatch):
    """Nothing of the links that were bundled before the checks is left out by them."""
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    for name, dropped in (("lastfm", {}), ("grocery", {"rows of relations about unknown ids": 2_110})):
        assert datasets.load(name).about["dropped"] == dropped


def test_counts_add_up_over_two_attachments():
    twice = pd.DataFrame({"user": ["0", "0"], "friend": ["1", "1"]})
    data = attach_tables(attach_tables(ring(), {"social": twice}), {"social": twice})
    assert data.about["dropped"] == {"repeated links in social": 2} and len(data.tables["social"]) == 1

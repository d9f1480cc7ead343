"""Every figure about codes against a value worked out by hand, and against what chance must give."""
import numpy as np
import pandas as pd
import pytest

from workbench.data.histories import gather
from workbench.data.schema import assemble
from workbench.diagnose.models import codes as diagnose
from workbench.tokens import item_codes


def made(rows, sizes, **more):
    rows = np.array(rows)
    return item_codes(rows, sizes, np.array([f"raw{n}" for n in range(len(rows))], object), **more)


TOY = made([(0, 0), (0, 1), (1, 0), (1, 0)], (2, 2))


def test_usage_of_a_level():
    codes = made([(n % 4,) for n in range(8)], (8,))
    row = diagnose.by_level(codes).loc[1]
    assert (row["used"], row["dead"], row["perplexity"], row["perplexity_share"]) == (4, 4, 4, 0.5)
    skewed = diagnose.by_level(made([(2,), (3,), (3,), (3,)], (4,))).loc[1]
    assert skewed["gini"] == 0.625  # over all four; without the two that are never used it would be .25


def test_entropies_add_up_and_leave_bits_over():
    table = diagnose.by_level(TOY)
    assert table["entropy"].tolist() == [1, 0.5] and table["ambiguity"].tolist() == [2, 1.5]
    assert diagnose.overall(TOY).loc["left_over"].tolist() == [0.5]
    assert table["children"].tolist() == [2, 1.5] and table["single"].tolist() == [0, 0.5]


def test_collisions_of_groups_of_3_2_and_1():
    whole = diagnose.overall(made([(0,), (0,), (0,), (1,), (1,), (2,)], (3,)))["code"]
    assert whole["distinct"] == 3 and whole["excess"] == 0.5 and whole["largest"] == 3
    assert whole["in_collision"] == pytest.approx(5 / 6) and whole["pair"] == pytest.approx(8 / 30)


def test_before_and_after_the_dedup_digit():
    plain = made([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 1)], (2, 2, 2), policy="dedup", about={"collided": 1})
    table = diagnose.overall(plain)
    assert diagnose.digits(plain) == 2 and table.loc["distinct"].tolist() == [3, 4]
    assert table.loc["in_collision"].tolist() == [0.5, 0]
    unique = made([(0, 0), (0, 1)], (2, 2), policy="dedup", about={"collided": 0})
    assert diagnose.digits(unique) == 2 and list(diagnose.overall(unique)) == ["code"]  # a name, for a table to show


def test_purity_weighs_items_and_knows_chance():
    codes = made([(0,), (0,), (0,), (1,), (1,), (1,)], (2,))
    labels = np.array(["", "a", "a", "b", "a", "a", ""], object)  # prefixes {2, 1} and {2}; the last item has none
    table = diagnose.purity(codes, labels)
    assert table["purity"].tolist() == [0.8] and 0.8 <= table["chance"][1] <= 1
    names, share = diagnose.dominant(codes, 1, labels)
    assert names.tolist() == ["a", "a"] and share.tolist() == pytest.approx([2 / 3, 1])
    rng = np.random.default_rng(0)
    many = made(rng.integers(0, 8, (2000, 1)), (8,))
    unrelated = np.concatenate([[""], rng.choice(["x", "y", "z"], 2000)]).astype(object)
    related = np.array(["", *(f"c{code}" for code in many.codes[1:, 0])], object)
    assert abs(diagnose.purity(many, unrelated)["above"][1]) < 0.02
    assert diagnose.purity(many, related)["above"][1] == 1


def test_pairs_that_follow_each_other():
    histories = gather(np.repeat([0, 1], [4, 2]), np.array([1, 2, 2, 3, 3, 4]), 2)
    table = diagnose.together(TOY, histories)  # pairs 1-2, 2-3, 3-4; the repeat and the seam are no pairs
    assert table["shared"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert table["chance"].tolist() == pytest.approx([4 / 12, 2 / 12])
    draws = [diagnose.together(TOY.permuted(np.random.default_rng(seed)), histories)["shared"] for seed in range(600)]
    assert np.mean(draws, axis=0) == pytest.approx(table["chance"].to_numpy(), abs=0.03)


def world(categories):
    events = pd.DataFrame({"user": [1, 1, 2, 2], "item": ["a", "b", "c", "d"], "timestamp": range(4)})
    items = None if categories is None else pd.DataFrame({"raw_id": list("abcd"), "category": categories})
    return assemble("toy", events, items=items)


def test_categories_start_where_items_differ():
    dataset = world(["All > x > 1", "All > x > 2", "All > y", None])
    names = dict(zip(dataset.items["raw_id"], diagnose.categories(dataset, level=2)[1:]))
    assert names == {"a": "x", "b": "x", "c": "y", "d": ""}
    assert set(diagnose.categories(world(["All > x"] * 2 + ["All > y"] * 2))) == {"", "x", "y"}
    assert diagnose.categories(world(["one"] * 4)) is None and diagnose.categories(world(None)) is None


def test_controls_are_there_where_they_can_be():
    dataset = world(["All > x > 1", "All > x > 2", "All > y", "All > y"])
    codes = made([(0, 0), (0, 1), (1, 0), (1, 1)], (2, 2), about={"kind": "rq-kmeans"})
    kinds = diagnose.beside_controls(codes, dataset)
    assert list(kinds) == ["rq-kmeans", "category", "random", "permuted"]
    assert sorted(kinds["permuted"].codes[1:].tolist()) == codes.codes[1:].tolist()
    assert "category" not in diagnose.beside_controls(codes, world(None))


def test_newcomers_land_among_their_own():
    rng, kind = np.random.default_rng(0), np.repeat(np.arange(4), 50)
    vectors = np.zeros((201, 8), np.float32)
    vectors[1:] = np.eye(4, 8)[kind] + 0.05 * rng.standard_normal((200, 8))
    labels = np.array(["", *(f"kind {k}" for k in kind)], object)
    items = np.arange(10, 201, 10)
    shape = made(np.zeros((200, 2), int), (4, 4))
    codes = diagnose.unseen(vectors, shape, items)
    table = diagnose.newcomers_right(codes, items, labels)
    assert table.loc[1].tolist() == pytest.approx([1, 1, 0.25])
    changed = vectors.copy()
    changed[items] = 0  # what newcomers are like moves nobody else's name
    again = diagnose.unseen(changed, shape, items)
    rest = np.setdiff1d(np.arange(1, 201), items)
    assert (again.codes[rest] == codes.codes[rest]).all() and (again.codes[items] != codes.codes[items]).any()


def test_side_by_side_has_what_it_was_given():
    labels = np.array(["", "a", "a", "b", "b"], object)
    histories = gather(np.zeros(4, int), np.array([1, 2, 3, 4]), 1)
    table = diagnose.side_by_side({"ours": TOY, "same": TOY}, labels=labels, histories=histories)
    assert table.loc["ours"].equals(table.loc["same"]) and table["category_above_chance"].tolist() == [1, 1]
    assert table["together_lift"].iloc[0] == pytest.approx(2) and table["bits"].tolist() == [1, 1]
    assert "category_above_chance" not in diagnose.side_by_side({"ours": TOY})


def test_closeness_of_items_that_share_codes():
    kind = np.repeat([0, 1], 20)
    codes = made(np.column_stack([kind, np.tile(np.arange(20), 2)]), (2, 20))
    vectors = np.concatenate([np.zeros((1, 2)), np.eye(2)[kind]]).astype(np.float32)
    table = diagnose.closeness(vectors, codes)
    assert table["mean"][1] == 1 and table["mean"][0] == pytest.approx(19 / 39, abs=0.03)
    assert table.index.tolist() == [0, 1]  # no two items share both codes
    assert not len(diagnose.closeness(np.zeros((41, 2)), codes))

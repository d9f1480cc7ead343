"""Statistics of semantic IDs against values by hand and against their expectation by chance."""
import numpy as np
import pandas as pd
import pytest
from toys import codes_of

from workbench.data.histories import group_by_user
from workbench.data.schema import assemble
from workbench.diagnose.models import codes as diagnose

TOY = codes_of([(0, 0), (0, 1), (1, 0), (1, 0)], (2, 2))


def test_usage_of_a_level():
    codes = codes_of([(n % 4,) for n in range(8)], (8,))
    row = diagnose.usage_by_level(codes).loc[1]
    assert (row["used"], row["dead"], row["perplexity"], row["perplexity_share"]) == (4, 4, 4, 0.5)
    skewed = diagnose.usage_by_level(codes_of([(2,), (3,), (3,), (3,)], (4,))).loc[1]
    assert skewed["gini"] == 0.625  # over all four; without the two that are never used it would be .25


def test_entropies_add_up_and_leave_residual_bits():
    table = diagnose.usage_by_level(TOY)
    assert table["entropy"].tolist() == [1, 0.5] and table["ambiguity"].tolist() == [2, 1.5]
    assert diagnose.collision_table(TOY).loc["residual_bits"].tolist() == [0.5]
    assert table["children"].tolist() == [2, 1.5] and table["single_child"].tolist() == [0, 0.5]


def test_collisions_of_groups_of_3_2_and_1():
    collisions = diagnose.collision_table(codes_of([(0,), (0,), (0,), (1,), (1,), (2,)], (3,)))["code"]
    assert collisions["distinct"] == 3 and collisions["collision_rate"] == 0.5 and collisions["largest"] == 3
    assert collisions["in_collision"] == pytest.approx(5 / 6) and collisions["colliding_pairs"] == pytest.approx(8 / 30)


def test_before_and_after_the_dedup_digit():
    plain = codes_of([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 1)], (2, 2, 2), policy="dedup", about={"collided": 1})
    table = diagnose.collision_table(plain)
    assert diagnose.content_levels(plain) == 2 and table.loc["distinct"].tolist() == [3, 4]
    assert table.loc["in_collision"].tolist() == [0.5, 0]
    unique = codes_of([(0, 0), (0, 1)], (2, 2), policy="dedup", about={"collided": 0})
    assert diagnose.content_levels(unique) == 2 and list(diagnose.collision_table(unique)) == ["code"]


def test_purity_and_its_chance_level():
    codes = codes_of([(0,), (0,), (0,), (1,), (1,), (1,)], (2,))
    labels = np.array(["", "a", "a", "b", "a", "a", ""], object)  # prefixes {2, 1} and {2}; the last item has none
    table = diagnose.prefix_purity(codes, labels)
    assert table["purity"].tolist() == [0.8] and 0.8 <= table["chance"][1] <= 1
    names, share = diagnose.majority_label(codes, 1, labels)
    assert names.tolist() == ["a", "a"] and share.tolist() == pytest.approx([2 / 3, 1])
    rng = np.random.default_rng(0)
    many = codes_of(rng.integers(0, 8, (2000, 1)), (8,))
    unrelated = np.concatenate([[""], rng.choice(["x", "y", "z"], 2000)]).astype(object)
    related = np.array(["", *(f"c{code}" for code in many.codes[1:, 0])], object)
    assert abs(diagnose.prefix_purity(many, unrelated)["above_chance"][1]) < 0.02
    assert diagnose.prefix_purity(many, related)["above_chance"][1] == 1


def test_prefix_sharing_of_transitions():
    histories = group_by_user(np.repeat([0, 1], [4, 2]), np.array([1, 2, 2, 3, 3, 4]), 2)
    table = diagnose.transition_sharing(TOY,
                                        histories)  # transitions 1-2, 2-3, 3-4; a repeat and a user boundary are none
    assert table["shared"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert table["chance"].tolist() == pytest.approx([4 / 12, 2 / 12])
    draws = [diagnose.transition_sharing(TOY.permuted(np.random.default_rng(seed)),
                                         histories)["shared"] for seed in range(600)]
    assert np.mean(draws, axis=0) == pytest.approx(table["chance"].to_numpy(), abs=0.03)


def world(categories):
    events = pd.DataFrame({"user": [1, 1, 2, 2], "item": ["a", "b", "c", "d"], "timestamp": range(4)})
    items = None if categories is None else pd.DataFrame({"raw_id": list("abcd"), "category": categories})
    return assemble("toy", events, items=items)


def test_categories_start_where_items_differ():
    dataset = world(["All > x > 1", "All > x > 2", "All > y", None])
    names = dict(zip(dataset.items["raw_id"], diagnose.item_categories(dataset, level=2)[1:]))
    assert names == {"a": "x", "b": "x", "c": "y", "d": ""}
    assert set(diagnose.item_categories(world(["All > x"] * 2 + ["All > y"] * 2))) == {"", "x", "y"}
    assert diagnose.item_categories(world(["one"] * 4)) is None and diagnose.item_categories(world(None)) is None


def test_category_control_needs_categories():
    dataset = world(["All > x > 1", "All > x > 2", "All > y", "All > y"])
    codes = codes_of([(0, 0), (0, 1), (1, 0), (1, 1)], (2, 2), about={"kind": "rq-kmeans"})
    kinds = diagnose.with_control_codes(codes, dataset)
    assert list(kinds) == ["rq-kmeans", "category", "random", "permuted"]
    assert sorted(kinds["permuted"].codes[1:].tolist()) == codes.codes[1:].tolist()
    assert "category" not in diagnose.with_control_codes(codes, world(None))


def test_unseen_items_are_encoded_near_their_category():
    rng, kind = np.random.default_rng(0), np.repeat(np.arange(4), 50)
    vectors = np.zeros((201, 8), np.float32)
    vectors[1:] = np.eye(4, 8)[kind] + 0.05 * rng.standard_normal((200, 8))
    labels = np.array(["", *(f"kind {k}" for k in kind)], object)
    items = np.arange(10, 201, 10)
    shape = codes_of(np.zeros((200, 2), int), (4, 4))
    codes = diagnose.encode_unseen(vectors, shape, items)
    table = diagnose.unseen_accuracy(codes, items, labels)
    assert table.loc[1].tolist() == pytest.approx([1, 1, 0.25])
    changed = vectors.copy()
    changed[items] = 0  # vectors of unseen items do not change the codes of others
    refit = diagnose.encode_unseen(changed, shape, items)
    rest = np.setdiff1d(np.arange(1, 201), items)
    assert (refit.codes[rest] == codes.codes[rest]).all() and (refit.codes[items] != codes.codes[items]).any()


def test_compare_codes_has_columns_for_its_inputs():
    labels = np.array(["", "a", "a", "b", "b"], object)
    histories = group_by_user(np.zeros(4, int), np.array([1, 2, 3, 4]), 1)
    table = diagnose.compare_codes({"ours": TOY, "same": TOY}, labels=labels, histories=histories)
    assert table.loc["ours"].equals(table.loc["same"]) and table["category_above_chance"].tolist() == [1, 1]
    assert table["transition_lift"].iloc[0] == pytest.approx(2) and table["bits"].tolist() == [1, 1]
    assert "category_above_chance" not in diagnose.compare_codes({"ours": TOY})


def test_similarity_of_items_that_share_codes():
    kind = np.repeat([0, 1], 20)
    codes = codes_of(np.column_stack([kind, np.tile(np.arange(20), 2)]), (2, 20))
    vectors = np.concatenate([np.zeros((1, 2)), np.eye(2)[kind]]).astype(np.float32)
    table = diagnose.similarity_by_prefix(vectors, codes)
    assert table["mean"][1] == 1 and table["mean"][0] == pytest.approx(19 / 39, abs=0.03)
    assert table.index.tolist() == [0, 1]  # no two items share both codes
    assert not len(diagnose.similarity_by_prefix(np.zeros((41, 2)), codes))

"""The tokenizer card: figures against values by hand, and nulls against what their control has on average."""
import numpy as np
import pandas as pd
import pytest
from toys import codes_of, make_histories

from workbench.diagnose.models import code_figures as figures
from workbench.diagnose.models.code_card import PERMUTED, RANDOM, cards_side_by_side, code_card
from workbench.tokens.collisions import append_dedup_code


def values(codes, **given):
    return code_card(codes, **given)["value"]


def test_how_codes_are_used():
    used = values(codes_of([(n % 4,) for n in range(8)], (8,)))
    assert used[["used share", "dead codes", "perplexity share"]].tolist() == [0.5, 4, 0.5]
    assert values(codes_of([(2,), (3,), (3,), (3,)], (4,)))["Gini"] == 0.625  # unused codes count


def test_information_of_each_code_and_what_is_left():
    card = values(codes_of([(0, 0), (0, 1), (1, 0), (1, 0)], (2, 2)))
    assert card[["bits, code 1", "bits, code 2", "leftover bits"]].tolist() == [1, 0.5, 0.5]
    assert card[["ambiguity, code 1", "ambiguity, code 2"]].tolist() == [2, 1.5]
    assert card[["children, code 2", "single child, code 2"]].tolist() == [1.5, 0.5]
    assert "hourglass" not in card  # which two levels do not have


def test_collisions_of_groups_of_3_2_and_1_and_what_the_dedup_digit_holds():
    rows = np.array([(0,), (0,), (0,), (1,), (1,), (2,)])
    plain = values(codes_of(rows, (3,)))
    assert plain.filter(like="collisions").tolist() == pytest.approx([5 / 6, 0.5, 8 / 30])
    finished, sizes = append_dedup_code(rows, (3,))
    card = code_card(codes_of(finished, sizes, policy="dedup", about={"collided": 3}))
    assert card.loc[plain.index, "value"].tolist() == plain.tolist()  # a digit that says nothing changes no figure
    bits = 3 / 6 * np.log2(3) + 2 / 6  # H(item | code)
    assert card["value"]["dedup digit"] == pytest.approx(bits / np.log2(6))


def test_hourglass():
    shares = [(n % 4, n % 2, n // 4) for n in range(16)]  # bits 2, 1, 2 of 2
    assert values(codes_of(shares, (4, 4, 4)))["hourglass"] == 0.5
    parallel = codes_of(shares, (4, 4, 4), about={"parallel": True})
    assert "hourglass" not in values(parallel)  # no level is the middle one


def test_categories():
    codes = codes_of([(0,), (0,), (0,), (1,), (1,), (1,)], (2,))
    card = code_card(codes, labels=np.array(["", "a", "a", "b", "a", "a", ""], object))  # prefixes {2, 1} and {2}
    assert card["value"]["purity"] == 0.8
    assert card["value"]["purity above chance"] == pytest.approx(0)  # "a" is the majority wherever it goes
    assert card.loc["collisions, same category"].tolist()[:2] == pytest.approx([(2 + 2) / (6 + 2), 12 / 20])
    told = values(codes, labels=np.array(["", *"aaabbb"], object))
    assert told[["purity", "category information, code 1"]].tolist() == [1, 1]
    assert "purity" not in values(codes, labels=np.array([""] * 7, object))


def test_neighbours_in_expectation_where_items_tie():
    vectors = np.array([[0, 0], [1, 0], [1, 0.1], [1, 0.5]])
    tied = codes_of([(0,), (0,), (0,)], (2,))  # the nearest item is one of two that have as many codes in common
    assert figures.neighbour_preservation(vectors, tied, k=1) == (0.5, 0.5)
    rows = [(0, 0), (0, 1), (1, 1)]
    # by prefix: 1-2, 2-1, and 3 ties with both; its nearest is 2. Parallel: 1-2, 2 ties 1 with 3, 3-2.
    assert figures.neighbour_preservation(vectors, codes_of(rows, (2, 2)), k=1)[0] == pytest.approx(2.5 / 3)
    parallel = codes_of(rows, (2, 2), about={"parallel": True})
    assert figures.neighbour_preservation(vectors, parallel, k=1)[0] == pytest.approx(2.5 / 3)
    swapped = codes_of([(0, 1), (0, 0), (1, 1)], (2, 2), about={"parallel": True})  # 1 ties, 2-1, 3-1
    assert figures.neighbour_preservation(vectors, swapped, k=1)[0] == pytest.approx(1.5 / 3)


def test_co_occurrence_popularity_and_exposure():
    codes, histories = codes_of([(0,), (0,), (0,), (1,)], (2,)), make_histories([1, 2, 1], [3, 4])
    assert figures.collaborative_alignment(codes, histories) == (0.5, 0.5)  # 1-2 share a code, 3-4 do not
    assert np.isnan(figures.collaborative_alignment(codes, make_histories([1], [2]))[0])
    popularity = np.array([0, 1, 1, 1, 9])
    card = code_card(codes, popularity=popularity)
    assert card.loc["ambiguity, head", ["value", "null"]].tolist() == [1, 2.5]  # item 4 alone
    assert card.loc["collisions, tail", ["value", "null"]].tolist() == [1, 0.75]  # items 2 and 3
    assert card["value"]["exposure"] == pytest.approx(0.5 * (9 - 3) / 12 - 0.5 * (3 - 1) / 4)


@pytest.fixture(scope="module")
def toy():
    """A catalogue of 60 items whose codes say what the vectors and histories say."""
    rng = np.random.default_rng(1)
    topic = np.repeat(np.arange(6), 10)
    rows = np.column_stack([topic, rng.integers(0, 4, 60), rng.integers(0, 4, 60) ** 2 // 3])
    vectors = np.vstack([np.zeros(6), np.eye(6)[topic] + 0.3 * rng.normal(size=(60, 6))])
    baskets = [1 + 10 * rng.integers(0, 6) + rng.integers(0, 10, 5) for _ in range(80)]
    given = {"vectors": vectors, "labels": np.array(["", *(f"c{n}" for n in topic // 2)], object),
             "histories": make_histories(*baskets), "popularity": np.append(0, rng.integers(1, 40, 60))}  # fmt: skip
    return codes_of(rows, (6, 4, 4)), given


def test_codes_that_mean_something_are_far_from_their_null(toy):
    card = code_card(toy[0], **toy[1])
    for name in ("purity", "category information, code 1", "neighbours kept", "co-occurrence", "transitions"):
        assert card["value"][name] > 1.5 * card["null"][name], name


@pytest.mark.parametrize("control", [PERMUTED, RANDOM])
def test_a_null_is_what_its_control_has_on_average(toy, control):
    codes, given = toy
    card, rng = code_card(codes, **given), np.random.default_rng(2)
    make = {PERMUTED: lambda: codes.permuted(rng), RANDOM: lambda: figures.balanced_random(codes, rng)}[control]
    drawn = pd.DataFrame([values(make(), **given) for _ in range(40)])
    names, of_null = card.index[card["control"] == control], {PERMUTED: 20, RANDOM: 5}[control]  # draws
    assert len(names) >= 10
    for name in names:
        close = 4 * drawn[name].std() * np.sqrt(1 / 40 + 1 / of_null) + 1e-9
        assert drawn[name].mean() == pytest.approx(card["null"][name], abs=close), name


def test_the_variance_that_random_codes_leave(toy):
    codes, vectors = toy[0], toy[1]["vectors"][1:]
    rng, left = np.random.default_rng(3), []
    for _ in range(200):
        rest, shares = vectors - vectors.mean(0), []
        for column in figures.balanced_random(codes, rng).codes[1:].T:
            rest = rest - pd.DataFrame(rest).groupby(column).transform("mean").to_numpy()
            shares.append((rest**2).sum() / ((vectors - vectors.mean(0)) ** 2).sum())
        left.append(shares)
    assert np.mean(left, axis=0) == pytest.approx(figures.unexplained_by_chance(codes), abs=0.005)
    known = codes_of(codes.codes[1:], codes.sizes, about={"unexplained_variance": [0.5, 0.4, 0.3]})
    assert values(known).filter(like="unexplained").tolist() == [0.5, 0.4, 0.3]


def test_kinds_side_by_side(toy):
    codes, given = toy
    table = cards_side_by_side({"short": code_card(figures.first_codes(codes, 1)), "long": code_card(codes, **given)})
    assert list(table) == ["short", "short null", "long", "long null"]
    assert np.isnan(table["short"]["bits, code 3"]) and table["long"].notna().all()
    assert table.index[0] == "used share" and cards_side_by_side({}).empty

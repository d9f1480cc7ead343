"""The floors that walk the train graph, on graphs drawn by hand."""

import numpy as np
import pandas as pd
import pytest
from small_bench import N_ITEMS, Table, fitted, histories, random_rows

from workbench import systems
from workbench.data import Histories
from workbench.errors import UserError
from workbench.recommenders import count_based
from workbench.systems.baselines import graph_heuristic, graph_walk

DRAWN = histories([1, 2], [1, 2], [1, 2, 4], [1, 3, 4, 5], [5, 6], [7])


def drawn(**changes):
    return fitted("graph_heuristic", Table(DRAWN, n_items=7), features="none", **changes)


def test_rings_of_a_graph_drawn_by_hand():
    assert drawn().rings(np.array([1, 6]), 3, 2).tolist() == [[[2, 3], [4, 0], [5, 0]], [[0, 0], [0, 0], [0, 0]]]
    first = drawn().recommend(histories([6, 1]), 7).items[0].tolist()
    assert first[:4] == [2, 3, 4, 5] and set(first[4:6]) == {1, 6} and first[6] == 7, "7 has no edge: last resort"
    second = drawn(form="tgh2").recommend(histories([3, 1], [4, 3]), 4).items.tolist()
    assert second == [[2, 3, 4, 5], [4, 5, 6, second[1][3]]], "rings 1 and 2 of the last, then of the one before it"


def test_excluded_items_are_skipped_in_every_ring():
    asked = histories([1])
    assert drawn().recommend(asked, 3, histories([2])).items.tolist() == [[3, 4, 5]]
    assert drawn().recommend(asked, 2, histories([3, 2, 5])).items[0, 0] == 4
    with pytest.raises(UserError, match="fewer than 6"):
        drawn().recommend(asked, 6, histories([2, 3]))


def test_likeness_and_edge_counts_share_ring_one():
    table = np.eye(8, dtype=np.float32)
    table[3] = table[1]  # 3 is like 1, but 1 -> 2 is the heavier edge
    bench = Table(DRAWN, n_items=7, table=table, items=pd.DataFrame({"title": ["a"] * 7}))
    assert fitted("graph_heuristic", bench).recommend(histories([1]), 2).items.tolist() == [[3, 2]]
    assert fitted("graph_heuristic", bench, alpha=3.0).recommend(histories([1]), 2).items.tolist() == [[2, 3]]


def test_repeats_stay_in_ring_one():
    bench = Table(histories([1, 1, 1, 2]), n_items=3)
    assert fitted("graph_heuristic", bench, features="none").recommend(histories([1]), 2).items.tolist() == [[1, 2]]


def rings(*lists: list[int]) -> np.ndarray:
    out = np.zeros((1, len(lists), 12), np.int64)
    for ring, items in enumerate(lists):
        out[0, ring, : len(items)] = items
    return out


@pytest.mark.parametrize(
    ("given", "shares", "expected"),
    [
        (([1, 2, 3, 4, 5, 6, 7, 8], [21, 22, 23], [31, 32]), (7, 2, 1), [1, 2, 3, 4, 5, 6, 7, 21, 22, 31]),
        (([1, 2, 3, 4, 5, 6, 7, 8, 9], [21], []), (7, 2, 1), [1, 2, 3, 4, 5, 6, 7, 8, 21, 9]),  # the 8th fills in first
        (([1, 2], [21, 22, 23, 24], [31, 32]), (7, 2, 1), [1, 2, 21, 22, 31, 23, 24, 32, 0, 0]),  # leftovers in order
        (([1, 2, 3], [4], [2, 5], [6]), (5, 1, 3, 1), [1, 2, 3, 4, 5, 6, 0, 0, 0, 0]),  # 2 is taken once
        (([1, 2, 3, 4, 5, 6, 7, 8], [], [7, 9], []), (5, 1, 3, 1), [1, 2, 3, 4, 5, 6, 7, 9, 8, 0]),
    ],
)
def test_shares_leftovers_and_the_order_of_the_list(given, shares, expected):
    given = rings(*given)
    assert graph_heuristic.concatenate(given, given > 0, shares, 10).tolist() == [expected]
    for k in (3, 8):
        assert graph_heuristic.concatenate(given, given > 0, shares, k).tolist() == [expected[:k]]


@pytest.mark.parametrize("form", ["tgh1", "tgh2"])
def test_graph_lists_do_not_depend_on_the_batch_or_on_k(form):
    asked, bench = histories(*random_rows(8, 300), []), Table(histories(*random_rows(9)))
    floor = fitted("graph_heuristic", bench, features="none", form=form)
    whole, masked = floor.recommend(asked, N_ITEMS), floor.recommend(asked, 3, asked)
    fresh = fitted("graph_heuristic", bench, features="none", form=form)
    for index in (0, 150, 300):
        one = asked.take([index])
        for k in (1, 7):
            assert np.array_equal(fresh.recommend(one, k).items, whole.items[[index], :k])
        assert np.array_equal(fresh.recommend(one, 3, one).items, masked.items[[index]])
    assert (np.sort(whole.items, axis=1) == np.arange(1, N_ITEMS + 1)).all()


def test_graph_heuristic_without_text_says_so(caplog):
    with caplog.at_level("INFO", logger="workbench"):
        floor = fitted("graph_heuristic", Table(DRAWN, n_items=7))
    assert "no text" in caplog.text and floor.features is None
    with pytest.raises(UserError, match="unknown form 'tgh3'"):
        systems.build("graph_heuristic", Table(DRAWN), form="tgh3")
    with pytest.raises(UserError, match="alpha must be at least 0, not -1.0"):
        systems.build("graph_heuristic", Table(DRAWN), alpha=-1.0)
    with pytest.raises(UserError, match="unknown features 'txt'; did you mean 'text'"):
        systems.build("graph_heuristic", Table(DRAWN), features="txt")


FORK = histories([1, 2], [1, 2], [1, 2], [1, 3])
ALIKE = np.array([[0, 0], [1, 0], [0, 1], [1, 0]], np.float32)  # 1 is like 3 and nothing like 2


def walk(train: Histories = FORK, table: np.ndarray = ALIKE, **changes):
    bench = Table(train, n_items=len(table) - 1, table=table, items=pd.DataFrame({"title": ["a"] * (len(table) - 1)}))
    return fitted("graph_walk", bench, **changes)


def test_a_walk_weighs_counts_with_likeness():
    asked = histories([1])
    assert walk().score(asked)[0, 2:] == pytest.approx([(1 + np.log(4)) / 2, 1 + np.log(2)])
    assert walk().recommend(asked, 2).items.tolist() == [[3, 2]]
    assert walk(features="none").recommend(asked, 2).items.tolist() == [[2, 3]]
    assert walk(hops=0).score(asked)[0, 1:] == pytest.approx([0, 0.5, 1], abs=1e-8), "all but the seed are candidates"


def test_a_walk_is_its_formula():
    rows, asked, rng = random_rows(10, 30), random_rows(11, 20), np.random.default_rng(0)
    table = rng.standard_normal((N_ITEMS + 1, 4)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    table[0] = 0
    C = np.zeros((N_ITEMS + 1, N_ITEMS + 1))
    for row in rows:
        np.add.at(C, (row[:-1], row[1:]), 1)
    widest = np.minimum(C[:, :, None], C[None]).max(axis=1)
    walks = [np.where(c > 0, decay * (1 + np.log1p(c)), 0) for c, decay in ((C, 1), (widest, 0.3))]
    pull = np.maximum(*walks) * (1 + table @ table.T) / 2
    np.fill_diagonal(pull, np.where(C.diagonal() > 0, pull.diagonal(), 0))
    expected = [pull[row[-1]] + (0.7 * pull[row[-2]] if len(row) > 1 else 0) for row in asked]
    found = walk(histories(*rows), table, decay=0.3, older=0.7)
    np.testing.assert_allclose(found.score(histories(*asked))[:, 1:], np.array(expected)[:, 1:], rtol=1e-5, atol=2e-9)
    last = walk(histories(*rows), table, decay=0.3, older=0.0).score(histories(*asked))
    np.testing.assert_allclose(last[:, 1:], pull[[row[-1] for row in asked]][:, 1:], rtol=1e-5, atol=2e-9)


def test_a_walk_forgets_no_answer(monkeypatch):
    asked, bench = histories(*random_rows(12, 200), []), Table(histories(*random_rows(13)))
    floor = fitted("graph_walk", bench, features="none")
    whole, popular = floor.recommend(asked, 5), fitted("popularity", bench)
    monkeypatch.setattr(graph_walk, "LIMIT", 0)
    monkeypatch.setattr(count_based, "CELLS", 7 * (N_ITEMS + 1))
    assert np.array_equal(whole.items, fitted("graph_walk", bench, features="none").recommend(asked, 5).items)
    assert np.array_equal(whole.items[-1:], popular.recommend(asked.take([200]), 5).items), "who has no history"
    alone = fitted("graph_walk", bench, features="none", hops=0)
    assert np.array_equal(alone.recommend(asked, 5).items, popular.recommend(asked, 5).items)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"hops": -1}, "hops must be at least 0"), ({"fan_out": 0}, "fan_out must be"), ({"features": "txt"}, "'text'")],
)
def test_a_bad_walk_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        systems.build("graph_walk", Table(FORK), **changes)

"""The baselines on the train graph, on small hand-made graphs."""
import numpy as np
import pandas as pd
import pytest
from small_bench import N_ITEMS, SmallBench, fitted, make_histories, random_rows

from workbench import systems
from workbench.data import Histories
from workbench.errors import UserError
from workbench.recommenders import count_based
from workbench.systems.baselines import graph_heuristic, graph_walk

TRAIN = make_histories([1, 2], [1, 2], [1, 2, 4], [1, 3, 4, 5], [5, 6], [7])


def heuristic(**changes):
    return fitted("graph_heuristic", SmallBench(TRAIN, n_items=7), features="none", **changes)


def test_hop_items_of_a_small_graph():
    of_1, of_6 = heuristic().hop_items(np.array([1, 6]), 3, 2).tolist()
    assert of_1 == [[2, 3], [4, 0], [5, 0]] and of_6 == [[0, 0]] * 3
    first = heuristic().recommend(make_histories([6, 1]), 7).items[0].tolist()
    assert first[:4] == [2, 3, 4, 5] and set(first[4:6]) == {1, 6} and first[6] == 7, "7 has no edge, so it comes last"
    second = heuristic(form="tgh2").recommend(make_histories([3, 1], [4, 3]), 4).items.tolist()
    assert second == [[2, 3, 4, 5], [4, 5, 6, second[1][3]]], "hops 1 and 2 of the last item, then of the one before it"


def test_excluded_items_are_skipped_in_every_hop_set():
    queries = make_histories([1])
    assert heuristic().recommend(queries, 3, make_histories([2])).items.tolist() == [[3, 4, 5]]
    assert heuristic().recommend(queries, 2, make_histories([3, 2, 5])).items[0, 0] == 4
    with pytest.raises(UserError, match="fewer than 6"):
        heuristic().recommend(queries, 6, make_histories([2, 3]))


def test_similarity_and_edge_counts_are_combined_in_hop_one():
    vectors = np.eye(8, dtype=np.float32)
    vectors[3] = vectors[1]  # 3 is similar to 1, but 1 -> 2 has the higher count
    bench = SmallBench(TRAIN, n_items=7, item_vectors=vectors, items=pd.DataFrame({"title": ["a"] * 7}))
    assert fitted("graph_heuristic", bench).recommend(make_histories([1]), 2).items.tolist() == [[3, 2]]
    assert fitted("graph_heuristic", bench, alpha=3.0).recommend(make_histories([1]), 2).items.tolist() == [[2, 3]]


def test_repeated_items_are_in_hop_one():
    bench = SmallBench(make_histories([1, 1, 1, 2]), n_items=3)
    model = fitted("graph_heuristic", bench, features="none")
    assert model.recommend(make_histories([1]), 2).items.tolist() == [[1, 2]]


def hop_sets(*lists: list[int]) -> np.ndarray:
    out = np.zeros((1, len(lists), 12), np.int64)
    for hop, items in enumerate(lists):
        out[0, hop, : len(items)] = items
    return out


@pytest.mark.parametrize(
    ("hop_items", "shares", "expected"),
    [
        (([1, 2, 3, 4, 5, 6, 7, 8], [21, 22, 23], [31, 32]), (7, 2, 1), [1, 2, 3, 4, 5, 6, 7, 21, 22, 31]),
        (([1, 2, 3, 4, 5, 6, 7, 8, 9], [21], []), (7, 2, 1), [1, 2, 3, 4, 5, 6, 7, 8, 21, 9]),  # hop 1 fills hop 2
        (([1, 2], [21, 22, 23, 24], [31, 32]), (7, 2, 1), [1, 2, 21, 22, 31, 23, 24, 32, 0, 0]),  # then all in order
        (([1, 2, 3], [4], [2, 5], [6]), (5, 1, 3, 1), [1, 2, 3, 4, 5, 6, 0, 0, 0, 0]),  # 2 is used once
        (([1, 2, 3, 4, 5, 6, 7, 8], [], [7, 9], []), (5, 1, 3, 1), [1, 2, 3, 4, 5, 6, 7, 9, 8, 0]),
    ],
)
def test_shares_leftovers_and_the_order_of_the_list(hop_items, shares, expected):
    hop_items = hop_sets(*hop_items)
    assert graph_heuristic.concatenate_hops(hop_items, hop_items > 0, shares, 10).tolist() == [expected]
    for k in (3, 8):
        assert graph_heuristic.concatenate_hops(hop_items, hop_items > 0, shares, k).tolist() == [expected[:k]]


@pytest.mark.parametrize("form", ["tgh1", "tgh2"])
def test_graph_lists_do_not_depend_on_the_batch_or_on_k(form):
    queries, bench = make_histories(*random_rows(8, 300), []), SmallBench(make_histories(*random_rows(9)))
    baseline = fitted("graph_heuristic", bench, features="none", form=form)
    expected, masked = baseline.recommend(queries, N_ITEMS), baseline.recommend(queries, 3, queries)
    other = fitted("graph_heuristic", bench, features="none", form=form)
    for index in (0, 150, 300):
        one = queries.take([index])
        for k in (1, 7):
            assert np.array_equal(other.recommend(one, k).items, expected.items[[index], :k])
        assert np.array_equal(other.recommend(one, 3, one).items, masked.items[[index]])
    assert (np.sort(expected.items, axis=1) == np.arange(1, N_ITEMS + 1)).all()


def test_graph_heuristic_without_text_is_logged(caplog):
    with caplog.at_level("INFO", logger="workbench"):
        baseline = fitted("graph_heuristic", SmallBench(TRAIN, n_items=7))
    assert "no text" in caplog.text and baseline.features is None
    with pytest.raises(UserError, match="unknown form 'tgh3'"):
        systems.build("graph_heuristic", SmallBench(TRAIN), form="tgh3")
    with pytest.raises(UserError, match="alpha must be at least 0, not -1.0"):
        systems.build("graph_heuristic", SmallBench(TRAIN), alpha=-1.0)
    with pytest.raises(UserError, match="unknown features 'txt'; did you mean 'text'"):
        systems.build("graph_heuristic", SmallBench(TRAIN), features="txt")


FORK = make_histories([1, 2], [1, 2], [1, 2], [1, 3])
VECTORS = np.array([[0, 0], [1, 0], [0, 1], [1, 0]], np.float32)  # 1 is similar to 3 and orthogonal to 2


def walk(train: Histories = FORK, vectors: np.ndarray = VECTORS, **changes):
    n_items = len(vectors) - 1
    items = pd.DataFrame({"title": ["a"] * n_items})
    bench = SmallBench(train, n_items=n_items, item_vectors=vectors, items=items)
    return fitted("graph_walk", bench, **changes)


def test_a_walk_multiplies_counts_and_similarity():
    queries = make_histories([1])
    assert walk().score(queries)[0, 2:] == pytest.approx([(1 + np.log(4)) / 2, 1 + np.log(2)])
    assert walk().recommend(queries, 2).items.tolist() == [[3, 2]]
    assert walk(features="none").recommend(queries, 2).items.tolist() == [[2, 3]]
    assert walk(hops=0).score(queries)[0, 1:] == pytest.approx([0, 0.5, 1], abs=1e-8), "all items but the seed"


def test_a_walk_equals_its_formula():
    rows, queries, rng = random_rows(10, 30), random_rows(11, 20), np.random.default_rng(0)
    vectors = rng.standard_normal((N_ITEMS + 1, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[0] = 0
    C = np.zeros((N_ITEMS + 1, N_ITEMS + 1))
    for row in rows:
        np.add.at(C, (row[:-1], row[1:]), 1)
    widest = np.minimum(C[:, :, None], C[None]).max(axis=1)
    walks = [np.where(c > 0, decay * (1 + np.log1p(c)), 0) for c, decay in ((C, 1), (widest, 0.3))]
    scores = np.maximum(*walks) * (1 + vectors @ vectors.T) / 2
    np.fill_diagonal(scores, np.where(C.diagonal() > 0, scores.diagonal(), 0))
    expected = [scores[row[-1]] + (0.7 * scores[row[-2]] if len(row) > 1 else 0) for row in queries]
    model = walk(make_histories(*rows), vectors, decay=0.3, older=0.7)
    np.testing.assert_allclose(
        model.score(make_histories(*queries))[:, 1:], np.array(expected)[:, 1:], rtol=1e-5, atol=2e-9
    )
    last_only = walk(make_histories(*rows), vectors, decay=0.3, older=0.0)
    last = last_only.score(make_histories(*queries))
    np.testing.assert_allclose(last[:, 1:], scores[[row[-1] for row in queries]][:, 1:], rtol=1e-5, atol=2e-9)


def test_a_walk_does_not_depend_on_its_cache(monkeypatch):
    queries, bench = make_histories(*random_rows(12, 200), []), SmallBench(make_histories(*random_rows(13)))
    baseline = fitted("graph_walk", bench, features="none")
    cached, popular = baseline.recommend(queries, 5), fitted("popularity", bench)
    monkeypatch.setattr(graph_walk, "MAX_CACHED", 0)
    monkeypatch.setattr(count_based, "MAX_SCORES", 7 * (N_ITEMS + 1))
    uncached = fitted("graph_walk", bench, features="none")
    assert np.array_equal(cached.items, uncached.recommend(queries, 5).items)
    assert np.array_equal(cached.items[-1:], popular.recommend(queries.take([200]), 5).items), "an empty history"
    alone = fitted("graph_walk", bench, features="none", hops=0)
    assert np.array_equal(alone.recommend(queries, 5).items, popular.recommend(queries, 5).items)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"hops": -1}, "hops must be at least 0"), ({"fan_out": 0}, "fan_out must be"), ({"features": "txt"}, "'text'")],
)
def test_bad_settings_of_a_walk_are_errors(changes, message):
    with pytest.raises(UserError, match=message):
        systems.build("graph_walk", SmallBench(FORK), **changes)

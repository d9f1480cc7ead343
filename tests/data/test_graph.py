"""Item graphs against plain loops on random histories, a hand-made graph, and the published Beauty graph."""
import numpy as np
import pytest

from workbench import experiment
from workbench.data import Histories
from workbench.data.graph import cooccurrence, hop_distances, top_k_per_row, transitions, user_item_matrix

N_ITEMS = 9


def histories(*rows: list[int]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))


def random_rows(seed: int, n: int = 40) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, N_ITEMS + 1, rng.integers(0, 8)).tolist() for _ in range(n)]


@pytest.mark.parametrize(("window", "decay"), [(1, 1.0), (3, 1.0), (10, 0.5), (4, 0.0)])
def test_transitions_are_the_sum_over_all_pairs(window, decay):
    rows = random_rows(window)
    expected = np.zeros((N_ITEMS + 1, N_ITEMS + 1))
    for row in rows:
        for i, a in enumerate(row):
            for gap, b in enumerate(row[i + 1 : i + 1 + window], start=1):
                expected[a, b] += gap**-decay
    result = transitions(histories(*rows), N_ITEMS, window=window, decay=decay)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result.toarray(), expected, rtol=1e-12)
    assert not expected[0].any() and expected.diagonal().any(), "the example holds repeats"


def test_transitions_of_histories_shorter_than_the_window():
    assert transitions(histories([1], [2], []), N_ITEMS, window=10).nnz == 0
    assert transitions(histories(), N_ITEMS, window=10).shape == (N_ITEMS + 1, N_ITEMS + 1)


def test_user_item_weights_decay_with_age():
    result = user_item_matrix(histories([1, 2, 1], [], [3]), 3, decay=0.5).toarray()
    assert result.tolist() == [[0, 1.25, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    result = user_item_matrix(histories([1, 2, 1], [], [3]), 3, last=2, decay=0.5).toarray()
    assert result.tolist() == [[0, 1, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_cooccurrence_counts_users_not_events():
    rows = random_rows(7)
    expected = np.zeros((N_ITEMS + 1, N_ITEMS + 1))
    for row in map(set, rows):
        for a in row:
            for b in row:
                expected[a, b] += 1
    assert np.array_equal(cooccurrence(histories(*rows), N_ITEMS).toarray(), expected)


def test_top_k_per_row_keeps_the_largest_of_each_row():
    weights = cooccurrence(histories(*random_rows(3)), N_ITEMS)
    kept, dense = top_k_per_row(weights, 3).toarray(), weights.toarray()
    for row, full in zip(kept, dense, strict=True):
        order = np.lexsort((np.arange(len(full)), -full))[:3]
        assert set(np.flatnonzero(row)) == {i for i in order if full[i] > 0}
        assert np.array_equal(row[row > 0], full[row > 0])


def test_hop_distances_of_a_hand_made_graph():
    graph = transitions(histories([1, 2, 4, 5, 6], [1, 3, 4], [2, 1], [7, 7]), 8)
    steps = hop_distances(graph, np.array([1, 6, 7, 0]), 3)
    assert steps[0].tolist() == [4, 0, 1, 1, 2, 3, 4, 4, 4]
    assert steps[1].tolist() == [4, 4, 4, 4, 4, 4, 0, 4, 4], "6 has no successors"
    assert steps[2, 7] == 0 and (np.delete(steps[2], 7) == 4).all(), "a self-loop adds no distance"
    assert (np.delete(steps[3], 0) == 4).all(), "padding has no neighbours"


def test_the_beauty_graph_is_the_published_one(real):
    part = experiment.open_bench("beauty", profile="paper").split
    graph = transitions(part.train, part.n_items)
    assert graph.nnz == 114_582
    out_degree = np.diff(graph.indptr)
    assert np.median(out_degree[out_degree > 0]) == 5
    newest = part.test.histories.items[part.test.histories.offsets[1:] - 1]
    some = np.arange(0, len(newest), 8)  # users are in hash order, so every eighth is a sample
    steps = hop_distances(graph, newest[some], 2)
    hops = steps[np.arange(len(some)), part.test.targets[some]]
    assert (hops == 1).mean() == pytest.approx(0.086, abs=0.01)
    assert (hops == 2).mean() == pytest.approx(0.162, abs=0.015)
    assert np.median((steps == 1).sum(axis=1)) == pytest.approx(11, abs=1)
    assert np.median((steps == 2).sum(axis=1)) == pytest.approx(217, abs=15)

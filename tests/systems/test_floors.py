"""The floors against plain loops and independent algebra, a graph drawn by hand, and the numbers known of Beauty."""
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from workbench import experiment, systems
from workbench.data import Histories, Protocol, Split
from workbench.data.graph import cooccurrence
from workbench.data.splits import Cases
from workbench.errors import UserError
from workbench.evaluate import evaluate
from workbench.recommenders import scored
from workbench.systems.floors import ease, graph_heuristic, graph_walk, item_knn

N_ITEMS = 12


def histories(*rows: list[int]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))


@dataclass(frozen=True)
class Table:
    """What floors ask of a bench: a split, a seed, vectors, and whether items have text."""

    train: Histories
    n_items: int = N_ITEMS
    seed: int = 0
    table: np.ndarray | None = None
    items: pd.DataFrame = field(default_factory=pd.DataFrame)
    name: str = "drawn by hand"

    @property
    def split(self) -> Split:
        none = Cases(self.train, np.zeros(0, np.int32))
        return Split(self.train, none, none, len(self.train), self.n_items, Protocol(), "")

    @property
    def dataset(self) -> "Table":
        return self

    def vectors(self, kind: str, *, dim: int) -> np.ndarray:
        assert kind == "text" and dim == 256
        return self.table


def fitted(name: str, bench: Table, **changes):
    recommender = systems.build(name, bench, **changes)
    assert recommender.fit(bench.split, None) == []
    return recommender


def random_rows(seed: int = 0, n: int = 60) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, N_ITEMS + 1, rng.integers(1, 9)).tolist() for _ in range(n)]


def test_popularity_counts_and_breaks_ties_by_id():
    found = fitted("popularity", Table(histories([3, 3, 2], [5, 2], [7]))).recommend(histories([1], []), 4)
    assert found.items.tolist() == [[2, 3, 5, 7]] * 2 and found.scores.tolist() == [[2, 2, 1, 1]] * 2


def test_item_transitions_is_its_formula():
    rows, asked = random_rows(1), random_rows(2, 8)
    counts = np.bincount(sum(rows, []), minlength=N_ITEMS + 1)
    for shrinkage in (0.0, 5.0):
        T = np.zeros((N_ITEMS + 1, N_ITEMS + 1))
        for row in rows:
            for i, a in enumerate(row):
                for gap, b in enumerate(row[i + 1 : i + 4], start=1):
                    T[a, b] += 1 / gap
        T /= np.maximum(T.sum(axis=1, keepdims=True) + shrinkage, 1e-300)
        expected = [sum(0.5**age * T[item] for age, item in enumerate(row[::-1][:5])) + counts * 1e-9 for row in asked]
        found = fitted("item_transitions", Table(histories(*rows)), window=3, last=5, shrinkage=shrinkage)
        scores = found.score(histories(*asked))
        assert scores.dtype == np.float64
        np.testing.assert_allclose(scores[:, 1:], np.array(expected)[:, 1:], rtol=1e-12)


@pytest.mark.parametrize("at_a_time", [2048, 3])
def test_item_knn_is_its_formula(at_a_time, monkeypatch):
    monkeypatch.setattr(item_knn, "ROWS", at_a_time)
    rows, asked = random_rows(3), random_rows(4, 8)
    C = np.zeros((N_ITEMS + 1, N_ITEMS + 1))
    for row in map(set, rows):
        for a in row:
            for b in row:
                C[a, b] += 1
    norm = np.sqrt(C.diagonal())
    S = C / (np.outer(norm, norm) + 2)
    np.fill_diagonal(S, 0)
    for row in S:
        row[np.lexsort((np.arange(len(row)), -row))[4:]] = 0
    ties = np.bincount(sum(rows, []), minlength=N_ITEMS + 1) * 1e-9
    expected = [sum(0.6**age * S[item] for age, item in enumerate(row[::-1])) + ties for row in asked]
    found = fitted("item_knn", Table(histories(*rows)), neighbours=4, shrinkage=2.0, decay=0.6)
    np.testing.assert_allclose(found.score(histories(*asked))[:, 1:], np.array(expected)[:, 1:], rtol=1e-12)


@pytest.mark.parametrize("users", [60, 8])  # more than items, and fewer
def test_ease_regresses_each_item_on_all_others(users):
    rows = random_rows(5, users)
    gram = cooccurrence(histories(*rows), N_ITEMS).astype(np.float32)
    G = gram.toarray().astype(np.float64)
    B = np.zeros_like(G)
    for j in range(N_ITEMS + 1):
        others = np.arange(N_ITEMS + 1) != j
        B[others, j] = np.linalg.solve(G[np.ix_(others, others)] + 3 * np.eye(N_ITEMS), G[others, j])
    np.testing.assert_allclose(ease.solve(gram, 3.0), B, atol=2e-6)
    score = fitted("ease", Table(histories(*rows)), ridge=3.0).score(histories([2, 2, 5]))
    np.testing.assert_allclose(score[0], B[2] + B[5], atol=2e-6)


def test_ease_says_what_it_would_need():
    many = Histories(np.arange(300_001), np.ones(300_000, np.int32), np.arange(300_000, dtype=np.int32))
    with pytest.raises(UserError, match=r"200,000 items need 320\.0 GB.*max_gb=8\.0"):
        systems.build("ease", Table(many, n_items=200_000))
    with pytest.raises(UserError, match=r"300,000 users need 1440\.0 GB.*max_gb=8\.0"):
        systems.build("ease", Table(many, n_items=400_000))
    with pytest.raises(UserError, match="ridge must be positive"):
        systems.build("ease", Table(histories([1])), ridge=0.0)


@pytest.mark.parametrize("name, users", [
    ("ease", 60), ("ease", 9), ("item_knn", 60), ("item_transitions", 60), ("popularity", 60),
])
def test_scored_rows_do_not_depend_on_the_batch(name, users, monkeypatch):
    asked, bench = histories(*random_rows(6, 200)), Table(histories(*random_rows(7, users)))
    floor = fitted(name, bench)
    whole = floor.recommend(asked, 5)
    monkeypatch.setattr(scored, "CELLS", 3 * (N_ITEMS + 1))
    small = floor.recommend(asked, 5)
    assert np.array_equal(whole.items, small.items)
    masked = floor.recommend(asked.take([150]), 3, asked.take([150]))
    assert np.array_equal(masked.items, floor.recommend(asked, 3, asked).items[[150]])
    assert not set(masked.items[0].tolist()) & set(asked.row(150).tolist())
    assert floor.recommend(asked.take([]), 3).items.shape == (0, 3)
    with pytest.raises(UserError, match="leaves fewer than 12"):
        floor.recommend(asked, N_ITEMS, asked)


#                1 -> 2 three times, 1 -> 3 once, 2 -> 4, 3 -> 4, 4 -> 5, 5 -> 6; 7 stands alone
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
    monkeypatch.setattr(scored, "CELLS", 7 * (N_ITEMS + 1))
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


@pytest.mark.parametrize(
    ("name", "masked", "ndcg", "recall"),
    [
        ("popularity", False, 0.0053, 0.0114),
        ("item_transitions", False, 0.0485, 0.0774),
        ("item_transitions", True, 0.0514, 0.0809),
    ],
)
def test_known_numbers_of_beauty(real, name, masked, ndcg, recall):
    bench = experiment.open_bench("beauty", profile="paper", protocol={"mask_history": masked})
    part = bench.split
    assert (part.n_users, part.n_items) == (22_363, 12_101) and part.protocol.ties == "file"
    floor = bench.build(name)
    floor.fit(part, None)
    metrics = evaluate(floor, part.test, part, quiet=True).metrics(part.test, part)
    # ties among equal scores are settled by the hash of raw ids, which moves the list of a few users in ten thousand
    assert metrics["ndcg@10"] == pytest.approx(ndcg, abs=2e-4)
    assert metrics["recall@10"] == pytest.approx(recall, abs=4e-4)


def test_a_floor_that_cannot_be_counted_here_is_left_out_with_the_reason(home, monkeypatch, caplog):
    bench = experiment.open_bench("synthetic", profile="smoke", options={"users": 200, "items": 60})
    assert all(map(bench.can, systems.names("floors"))) and "left out" not in caplog.text

    def refuse(bench, **_):
        raise UserError("ease: 60 items need 9 GB")

    monkeypatch.setattr(ease, "build", refuse)
    assert not bench.can("ease") and "left out: ease: 60 items need 9 GB" in caplog.text
    with pytest.raises(UserError, match="did you mean 'ease'"):
        bench.can("eas")

"""Ranking among what was live: windows against a loop, ranks by hand and against a full ranking, and the two rules."""
import numpy as np
import pytest

from workbench.data import Cases, Histories
from workbench.errors import UserError
from workbench.evaluate.live.rules import popular_live, watched_and_live
from workbench.evaluate.live.time_valid import rank_among_live
from workbench.evaluate.live.windows import LiveWindows


def histories(*rows):
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Histories(offsets, np.array(sum(rows, []), np.int32), np.arange(len(rows), dtype=np.int32))


def some_windows(seed: int, n: int = 300, items: int = 40) -> LiveWindows:
    """Windows that overlap, some of them far longer than the others."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(-50, 1000, n)
    lengths = np.where(rng.random(n) < 0.02, 800, rng.integers(1, 40, n))
    return LiveWindows(rng.integers(1, items + 1, n), starts, starts + lengths)


@pytest.mark.parametrize("seed", range(3))
def test_candidates_equal_those_of_a_loop(seed, monkeypatch):
    windows, rng = some_windows(seed), np.random.default_rng(seed)
    times = rng.integers(-100, 1900, 400)
    expected = [sorted({int(item) for item, start, end in zip(windows.items, windows.starts, windows.ends)
                        if start <= t < end}) for t in times]  # fmt: skip
    for at_once in (1 << 24, 64):
        monkeypatch.setattr("workbench.evaluate.live.windows.AT_ONCE", at_once)
        offsets, items = windows.candidates(times)
        assert [items[a:b].tolist() for a, b in zip(offsets[:-1], offsets[1:])] == expected
    asked = rng.integers(0, 43, 400)
    assert windows.is_live(asked, times).tolist() == [item in live for item, live in zip(asked, expected)]
    for first, last in ((0, 0), (100, 130), (-99, 5000), (3000, 4000)):
        met = (windows.starts <= last) & (windows.ends > first)
        assert np.array_equal(windows.between(first, last), np.flatnonzero(met))


def test_no_times_and_times_before_all():
    windows = LiveWindows([1], [10], [20])
    for times in ([], [9, 20]):
        offsets, items = windows.candidates(np.array(times, np.int64))
        assert offsets.tolist() == [0] * (len(times) + 1) and not len(items)


@pytest.mark.parametrize("arrays, said", [
    (([1, 2], [0, 5], [3, 5]), "1 of 2 windows end at or before their start, such as that of item 2, 5 to 5"),
    (([1, 2], [0.0, 5.0], [3.0, np.nan]), "1 of 2 windows end at or before"),
    (([], [], []), "need an item"), (([1], [0, 1], [2]), "need an item"),
])  # fmt: skip
def test_windows_that_cannot_be(arrays, said):
    with pytest.raises(UserError, match=said):
        LiveWindows(*arrays)


# items 1 to 4; live at 5: 1, 2, 3, at 15: 2, 4; item 3 is live twice
WINDOWS = LiveWindows(np.array([1, 2, 3, 3, 4]), np.array([0, 0, 4, 30, 10]), np.array([10, 20, 6, 40, 20]))
CASES = Cases(histories([2, 2, 4], [3], [1, 4], [4]), np.array([1, 3, 4, 4]), np.array([5, 5, 15, 5]))
COUNTS = np.array([0, 5, 5, 1, 9])


def test_ranks_by_hand():
    """The fourth target is not live. Of 1 and 2, equally popular, 1 comes first; user 0 has watched 2 twice."""
    popular = rank_among_live(popular_live(COUNTS), CASES, WINDOWS)
    assert popular.ranks.tolist() == [1, 3, 1, 0] and popular.live.tolist() == [3, 3, 2, 0]
    assert popular.valid.tolist() == [True, True, True, False]
    watched = rank_among_live(watched_and_live(COUNTS), CASES, WINDOWS)
    assert watched.ranks.tolist() == [2, 1, 1, 0]
    assert watched.per_case("mrr@10").tolist() == [0.5, 1, 1]
    assert watched.chance("recall@1") == pytest.approx([1 / 3, 1 / 3, 1 / 2])
    assert watched.chance("recall@10").tolist() == [1, 1, 1]


def test_rooms_are_as_popular_as_their_streamer_and_were_watched_if_it_was():
    """Items 1, 2 and 4 are rooms of streamers 1, 1 and 2; item 3 of nobody known."""
    groups = np.array([0, 1, 1, 0, 2])
    popular = popular_live(COUNTS, groups)(histories([1]), np.array([1, 2, 3, 4]))
    assert popular.tolist() == [[10, 10, 1, 9]]
    scores = watched_and_live(COUNTS, groups)(histories([1, 1], [4], [3]), np.array([2, 3, 4]))
    assert scores.tolist() == [[10 + 2 * 11, 1, 9], [10, 1, 9 + 11], [10, 1, 9]]


def test_ranks_do_not_depend_on_batches_and_equal_a_full_ranking_where_all_is_live(monkeypatch):
    rng = np.random.default_rng(5)
    scores = np.round(rng.standard_normal((60, 41)), 1)
    users = Histories(np.arange(61), rng.integers(1, 41, 60).astype(np.int32), np.arange(60, dtype=np.int32))
    cases = Cases(users, rng.integers(1, 41, 60), rng.integers(0, 900, 60))

    def score(of, items):
        return scores[of.users][:, items]

    windows = some_windows(5)
    once = rank_among_live(score, cases, windows)
    monkeypatch.setattr("workbench.evaluate.live.time_valid.AT_ONCE", 50)
    assert np.array_equal(once.ranks, rank_among_live(score, cases, windows, batch=7).ranks)
    assert 0 < once.valid.sum() < 60
    everything = LiveWindows(np.arange(1, 41), np.zeros(40, int), np.full(40, 1000))
    own = scores[np.arange(60), cases.targets][:, None]
    before = (scores > own) | ((scores == own) & (np.arange(41) < cases.targets[:, None]))
    found = rank_among_live(score, cases, everything)
    assert np.array_equal(found.ranks, 1 + before[:, 1:].sum(1)) and (found.live == 40).all()


def test_a_recommender_is_ranked_by_its_scores_and_bad_cases_are_refused():
    class Scores:
        def score(self, of):
            return np.tile(COUNTS, (len(of), 1))

    assert rank_among_live(Scores(), CASES, WINDOWS).ranks.tolist() == [1, 3, 1, 0]
    for cases in (CASES._replace(times=None), CASES._replace(offsets=np.arange(5))):
        with pytest.raises(UserError, match="one target with times"):
            rank_among_live(popular_live(COUNTS), cases, WINDOWS)
    for wrong in (lambda of, items: np.zeros((len(of), 1)), lambda of, items: np.full((len(of), len(items)), np.nan)):
        with pytest.raises(UserError, match="score"):
            rank_among_live(wrong, CASES, WINDOWS)

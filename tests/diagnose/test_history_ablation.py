"""Histories read otherwise: only what is meant to change changes, masks and code groups stay, and shares are paired."""
from dataclasses import replace

import numpy as np
import pytest
from toys import random_rows, rows, toy

from workbench.data import Cases, Protocol, Split, perturbations
from workbench.diagnose.shortcuts.history_ablation import ask, jaccard, memory, sample
from workbench.diagnose.shortcuts.solvability import solvability
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.bootstrap import share
from workbench.evaluate.top_k import top_k

DAY = 86_400
RNG = np.random.default_rng


class Newest:
    """Recommends what lies just above the last item on a ring of n items."""

    def __init__(self, n: int):
        self.n = n

    def recommend(self, histories, k, exclude=None):
        last = histories.items[histories.offsets[1:] - 1].astype(int)
        gap = (np.arange(1, self.n + 1) - last[:, None]) % self.n
        scores = np.column_stack([np.zeros(len(last)), -np.where(gap == 0, self.n, gap).astype(float)])
        return top_k(scores, k, exclude)


def ring(users: int = 400, n: int = 40, masked: bool = False) -> Split:
    """Walks of 2 to 9 events, each item one above the one before; the target is the next one."""
    rng = RNG(0)
    lengths, starts = rng.integers(2, 10, users), rng.integers(0, n, users)
    walks = [(np.arange(length) + start) % n + 1 for length, start in zip(lengths, starts)]
    histories = rows(*[walk.tolist() for walk in walks])
    test = Cases(histories, np.array([walk[-1] % n + 1 for walk in walks], np.int32))
    return Split(histories, test, test, users, n, Protocol(mask_history=masked), "ring")


def test_a_shuffle_moves_items_within_their_history_and_keeps_the_newest():
    histories = random_rows(200, 50, 8)
    for keep in (0, 1, 2):
        read = perturbations.shuffled(histories, RNG(1), keep_last=keep)
        assert (read.offsets == histories.offsets).all() and (read.items != histories.items).any()
        for row in range(200):
            assert sorted(read.row(row)) == sorted(histories.row(row))
            assert (read.row(row)[::-1][:keep] == histories.row(row)[::-1][:keep]).all()
    assert [list(perturbations.backwards(rows([1, 2, 3], [], [4, 5])).row(n)) for n in range(3)] == [
        [3, 2, 1],
        [],
        [5, 4],
    ]


def test_days_are_shuffled_apart_and_times_stay():
    histories = replace(rows([1, 2, 3, 4], [5, 6]), times=np.array([0, 1, 2, DAY, DAY, 3 * DAY]))
    reads = [perturbations.shuffled_within_days(histories, RNG(seed)) for seed in range(20)]
    assert {tuple(sorted(read.items[:3])) for read in reads} == {(1, 2, 3)} and len({tuple(r.items) for r in reads}) > 1
    assert all((read.items[3:] == [4, 5, 6]).all() and (read.times == histories.times).all() for read in reads)
    with pytest.raises(UserError, match="no times"):
        perturbations.shuffled_within_days(rows([1, 2]), RNG(0))
    with pytest.raises(UserError, match="on one day"):
        perturbations.shuffled_within_days(replace(rows([1, 2]), times=np.array([0, DAY])), RNG(0))


def test_a_swap_keeps_the_last_item_and_takes_the_past_of_another():
    histories = rows([1, 2, 3], [4, 5, 6], [7, 8], [9, 10, 11, 12])
    read = perturbations.swapped(histories, RNG(0))
    past = [list(read.row(n)[:-1]) for n in range(4)]
    assert [read.row(n)[-1] for n in range(4)] == [3, 6, 8, 12]
    assert past[2] in ([2], [5]) and past[3] in ([1, 2], [4, 5]) and [10, 11] in past[:2] and past[0] != [1, 2]
    with pytest.raises(UserError, match="one history"):
        perturbations.swapped(rows([1, 2]), RNG(0))


def test_a_walk_needs_its_last_item_and_nothing_else():
    card = memory(Newest(40), ring(), shuffles=2)
    assert card["HD_1"].value == 1 and card["effective memory"].value == 1
    assert card["OS keep last 1"].value == card["OS prefix swap"].value == card["user content"].value == 0
    assert card["OS full shuffle"].found and card["recency share"].value == 1
    assert card["Jaccard@10 keep last 1"].value == 1 > card["Jaccard@10 reverse"].value
    assert set(card.unmeasured) == {"OS within a day"}
    assert card.tables["readings"].loc["last 10", "unchanged"] == 1


def test_what_is_masked_does_not_depend_on_what_is_read():
    cut = ring(masked=True)
    answers = ask(Newest(40), cut.test, cut, read=cut.test.histories.last(1))
    seen = [np.isin(answers.lists[n], cut.test.histories.row(n)).any() for n in range(400)]
    assert not any(seen) and answers.values.min() == 1


@pytest.mark.parametrize("masked", [False, True])
def test_colliding_codes_are_scored_as_the_evaluation_scores_them(masked):
    model, histories = toy("encoder-decoder"), random_rows(60, 24)
    cases = Cases(histories, RNG(0).integers(1, 25, 60).astype(np.int32))
    cut = Split(histories, cases, cases, 60, 24, Protocol(mask_history=masked), "toy")
    whole = ask(model, cases, cut)
    found = evaluate(model, cases, cut, depth=10, quiet=True)
    assert found.groups.max() > 1 and np.allclose(whole.values, per_case("ndcg@10", found.ranks, found.groups))
    part = ask(model, cases, cut, read=histories.last(2), known=whole)
    assert np.allclose(part.values, ask(model, cases, cut, read=histories.last(2)).values)


def test_cases_are_drawn_by_a_hash():
    cases = ring().test
    some = sample(cases, 50, seed=1)
    assert len(some.targets) == 50 and (np.diff(some.histories.users) > 0).all()
    assert (some.targets == sample(cases, 50, seed=1).targets).all()
    assert sample(cases, 0) is cases and not np.array_equal(some.histories.users, sample(cases, 50).histories.users)


def test_shares_are_paired():
    x = RNG(0).random(500)
    value, low, high = share(0.75 * x, x)
    assert value == pytest.approx(0.75) and low == pytest.approx(0.75) and high == pytest.approx(0.75)
    value, low, high = share(RNG(1).permutation(x), x)
    assert low < 0.96 and high > 1.04, "unpaired cases make the interval wide"
    with pytest.raises(UserError, match="nothing is found"):
        share(x, 0 * x)
    assert jaccard(np.array([[1, 2, 0]]), np.array([[2, 3, 0]])) == pytest.approx(1 / 3)


def test_solvability_chooses_on_validation_and_names_its_null():
    weak, good, best = (np.repeat(value, 200) for value in (0.01, 0.03, 0.04))
    card = solvability({"chain": good, "walk": weak}, {"net": best}, nulls={"popularity": weak})
    assert card["SSI"].value == pytest.approx(0.75) and card["SSI"].null == pytest.approx(0.25) and card["SSI"].found
    assert card["SSI popularity"].value == pytest.approx(0.25)
    valid = {"chain": 0.1, "walk": 0.2, "net": 0.3}
    assert solvability({"chain": good, "walk": weak}, {"net": best}, valid=valid)["SSI"].value == pytest.approx(0.25)
    assert not solvability({"chain": good}, {"net": best})["SSI"].found, "without a null nothing is found"
    for wrong in ({"heuristics": {}}, {"models": {"net": best[1:]}}, {"nulls": {"other": weak}}, {"valid": {}}):
        with pytest.raises(UserError):
            solvability(**{"heuristics": {"chain": good}, "models": {"net": best}} | wrong)

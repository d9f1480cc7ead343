"""Weighted hit rate and NDCG: by hand, with equal weights, of a perfect ranking, and the actions on targets."""
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, protocol_for, split
from workbench.errors import UserError
from workbench.evaluate.actions.weighted import target_values, weighted_mean, weighted_metrics
from workbench.evaluate.metrics import per_case


def run(ranks):
    """What `weighted_metrics` reads of a run."""
    return SimpleNamespace(per_case=lambda metric: per_case(metric, np.array(ranks)))


def test_by_hand():
    """Ranks 1 of a click, 3 of a conversion, a miss of a click, 2 of an exposure, which counts nothing."""
    found = weighted_metrics(run([1, 3, 0, 2]), np.array([1, 2, 1, 0]))
    assert found.hit == pytest.approx(3.5 / 4.5) and found.ndcg == pytest.approx((1 + 2.5 / 2) / 4.5)
    assert found.score == pytest.approx(0.31 * 3.5 / 4.5 + 0.69 * 2.25 / 4.5) and (found.weight, found.n) == (4.5, 4)
    conversions = weighted_metrics(run([0, 3]), np.array([1, 2]), weights=(0, 0, 1))
    assert conversions.hit == 1 and conversions.ndcg == pytest.approx(0.5)
    assert weighted_metrics(run([11, 1]), np.array([1, 1])).hit == 0.5, "the cutoff is 10"


def test_equal_weights_are_the_plain_metric_to_the_bit_and_a_perfect_ranking_is_1():
    rng = np.random.default_rng(0)
    for n in (1, 7, 1000, 12_345):
        ranks, actions = rng.integers(0, 21, n), rng.integers(0, 3, n)
        found = weighted_metrics(run(ranks), actions, weights=(1, 1, 1))
        assert found.hit == per_case("recall@10", ranks).mean() and found.ndcg == per_case("ndcg@10", ranks).mean()
        perfect = weighted_metrics(run(np.ones(n, int)), np.maximum(actions, 1))
        assert (perfect.hit, perfect.ndcg, perfect.score) == (1, 1, 1)


def test_weights_that_cannot_be():
    for values, weights in (([1.0], [1.0, 2.0]), ([1.0], [-1.0]), ([1.0], [np.nan]), ([1.0, 0.0], [0.0, 0.0])):
        with pytest.raises(UserError, match="weights"):
            weighted_mean(np.array(values), np.array(weights))
    for actions in ([3], [-1], [0.5]):
        with pytest.raises(UserError, match="actions are whole numbers"):
            weighted_metrics(run([1]), np.array(actions))


@pytest.fixture(scope="module")
def shown():
    rng = np.random.default_rng(1)
    events = pd.DataFrame({"user": np.repeat(np.arange(30), 8), "item": rng.integers(0, 40, 240),
                           "timestamp": rng.permutation(240) * 10, "action": rng.integers(0, 3, 240)})  # fmt: skip
    return assemble("shown", events)


@pytest.mark.parametrize("changes", [{}, {"split": "global-time"}, {"split": "random"}])
def test_actions_of_targets_are_those_of_their_events(shown, changes):
    cut = split(shown, protocol_for(shown, **changes))
    events = shown.interactions
    for cases in (cut.valid, cut.test):
        actions = target_values(shown, cut, cases)
        assert len(actions) == len(cases.targets)
        one = events.set_index("timestamp").loc[cases.times]
        assert (one["action"].to_numpy() == actions).all() and (one["item"].to_numpy() == cases.targets).all()


def test_actions_need_the_cases_of_the_split(shown):
    cut = split(shown, protocol_for(shown))
    with pytest.raises(UserError, match="other targets follow in"):
        target_values(shown, cut, cut.test._replace(targets=cut.test.targets % 40 + 1))
    with pytest.raises(UserError, match="event column 'clicked'"):
        target_values(shown, cut, cut.test, "clicked")
    sets = split(shown, protocol_for(shown, split="ratio"))
    with pytest.raises(UserError, match="one target"):
        target_values(shown, sets, sets.test)

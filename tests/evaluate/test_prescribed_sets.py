"""Measures of prescribed sets against values by hand and scikit-learn, the choice of a threshold, and the folds."""
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.errors import UserError
from workbench.evaluate.sets.cases import by_user, cases_of, checked
from workbench.evaluate.sets.measures import best_threshold, choose, conflict_rate, f1, jaccard, prauc


def sets(*members: set[int], width: int = 5) -> np.ndarray:
    found = np.zeros((len(members), width), bool)
    for row, each in enumerate(members):
        found[row, list(each)] = True
    return found


def test_jaccard_and_f1_by_hand():
    chosen, truth = sets({1, 2, 3}, {1}, {4}, set()), sets({2, 3, 4}, {1}, {1, 2}, set())
    np.testing.assert_allclose(jaccard(chosen, truth), [2 / 4, 1, 0, 0])
    np.testing.assert_allclose(f1(chosen, truth), [2 * 2 / 6, 1, 0, 0])


def test_the_area_under_precision_and_recall_by_hand_and_as_scikit_learn_has_it():
    # ranks 1 and 3 hit: (1/1 + 2/3) / 2; two hits among three equal scores: precision 2/3 at both
    scores = np.array([[0, 0.9, 0.5, 0.4, 0.1], [0, 0.3, 0.3, 0.3, 0.1]])
    truth = sets({1, 3}, {1, 2})
    np.testing.assert_allclose(prauc(scores, truth), [(1 + 2 / 3) / 2, 2 / 3])
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 5, (20, 13)) / 5, rng.random((20, 13)) < 0.4
    truth[:, 1] = True
    wanted = [average_precision_score(t[1:], s[1:]) for s, t in zip(scores, truth)]
    np.testing.assert_allclose(prauc(scores, truth), wanted)


def test_the_rate_of_interactions_by_hand():
    """1 and 2 conflict, and 2 and 4: of {1, 2, 4} two of three pairs do, of {1, 3} none, and one item has no pair."""
    found = conflict_rate(sets({1, 2, 4}, {1, 3}, {2}, set()), np.array([[1, 2], [2, 4]]))
    np.testing.assert_allclose(found, [2 / 3, 0, 0, 0])


def test_a_set_is_never_empty_and_the_best_threshold_is_found():
    scores = np.array([[0.9, 0.30, 0.20, 0.05, 0.01], [0.9, 0.6, 0.25, 0.04, 0.02]])
    assert choose(scores, 0.99).sum(axis=1).tolist() == [1, 1] and not choose(scores, 0.0)[:, 0].any()
    truth = sets({1, 2}, {1, 2})
    threshold = best_threshold(scores, truth)
    assert 0.05 < threshold <= 0.20 and np.array_equal(choose(scores, threshold), truth)


def test_every_visit_is_tested_once_apart_from_its_user():
    users = np.repeat(np.arange(10, 21), [1, 3, 2, 1, 1, 4, 2, 1, 1, 1, 5])
    folds = by_user(users, 4, seed=1)
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in folds])), np.arange(len(users)))
    for fold in folds:
        parts = [set(users[rows]) for rows in (fold.train, fold.valid, fold.test)]
        assert all(parts) and len(set.union(*parts)) == sum(map(len, parts)) == 11


def test_what_is_no_set_and_folds_that_cannot_be_are_errors():
    cases = SimpleNamespace(visits=SimpleNamespace(n_items=4))
    for scores, chosen, message in (
        (np.zeros((2, 5)), np.zeros((2, 4), bool), "there must be .2, 5. of both"),
        (np.full((2, 5), 1.5), np.zeros((2, 5), bool), "not from 0 to 1"),
        (np.zeros((2, 5)), np.ones((2, 5), bool), "without column 0"),
    ):
        found = SimpleNamespace(scores=scores, chosen=chosen)
        with pytest.raises(UserError, match=message):
            checked(SimpleNamespace(prescribe=lambda rows, found=found: found, cases=cases), np.arange(2))
    with pytest.raises(UserError, match="2 users with visits are fewer than 3 folds"):
        by_user(np.array([1, 1, 2]), 3, seed=0)
    with pytest.raises(UserError, match="folds=2 is a whole number of 3 or more"):
        cases_of(None, folds=2)

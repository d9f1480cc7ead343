"""Factor models: negatives nobody has to be asked twice for, users that are unknown, and what a user's vector is."""
from types import SimpleNamespace

import numpy as np
import pytest
from toys import random_rows, rows

from workbench import systems
from workbench.data import Cases, Histories, Protocol, Split
from workbench.errors import UserError
from workbench.recommenders.matrix_factorization import Unread
from workbench.train import Recipe
from workbench.train.fit import Session

N_ITEMS = 12


def split(train):
    none = Cases(train, np.zeros(0, np.int32))
    return Split(train, none, none, len(train), N_ITEMS, Protocol(), "")


def fitted(train, epochs=3, **changes):
    part = split(train)
    model = systems.build("bpr_mf", SimpleNamespace(split=part, seed=0), **{"width": 8} | changes)
    return model, model.fit(part, Session(Recipe(epochs=epochs, batch_size=64, lr=0.02)))


def of(*users: int) -> Histories:
    return Histories(np.zeros(len(users) + 1, np.int64), np.zeros(0, np.int32), np.array(users, np.int32))


def test_unread_items_are_drawn_evenly_and_no_others():
    train = rows([1, 3, 3, 12], [5], list(range(1, 12)), [], [2, 1])
    unread, rng = Unread(train, N_ITEMS), np.random.default_rng(0)
    for user in (0, 1, 2, 4):
        expected = sorted(set(range(1, 13)) - set(train.row(user).tolist()))
        found, counts = np.unique(unread.draw(np.full(12_000, user), rng), return_counts=True)
        assert found.tolist() == expected and unread.left(np.array([user])) == len(expected)
        assert np.abs(counts - 12_000 / len(expected)).max() < 5 * np.sqrt(12_000 / len(expected))


def test_it_learns_who_took_what():
    """Two tastes: even users take items of the first half, odd ones of the second; half of each is held back."""
    rng = np.random.default_rng(0)
    model, curve = fitted(rows(*[(rng.permutation(6)[:3] + 1 + 6 * (u % 2)).tolist() for u in range(80)]), epochs=40)
    scores = model.score(of(*range(80)))[:, 1:]
    first, second = scores[:, :6].mean(1), scores[:, 6:].mean(1)
    assert ((first > second) == (np.arange(80) % 2 == 0)).mean() > 0.95
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def test_whoever_is_unknown_gets_the_mean_user():
    model, _ = fitted(rows([1, 2], [], [3], [4, 5, 6]))
    table = model.module.user.weight.detach().numpy()
    mean = table[[0, 2, 3]].mean(0)
    for user in (1, 4, 99, -1):
        assert np.allclose(model.states(of(user)).detach(), mean, atol=1e-6)
    assert np.array_equal(model.states(of(2)).detach()[0], table[2]) and not np.allclose(table[2], mean, atol=1e-4)


def test_scores_are_products_and_biases():
    for bias in (True, False):
        model, _ = fitted(random_rows(20, N_ITEMS, seed=2), bias=bias)
        state = model.state()
        expected = state["user.weight"][[4, 7]] @ state["item.weight"].T + (state["bias.weight"][:, 0] if bias else 0)
        assert np.allclose(model.score(of(4, 7)), expected, atol=1e-6) and ("bias.weight" in state) == bias
        assert np.array_equal(model.recommend(of(4), 12).items[0], np.argsort(-expected[0, 1:], kind="stable") + 1)


def test_a_penalty_shortens_vectors():
    free, held = (fitted(random_rows(60, N_ITEMS, seed=2), epochs=20, l2=l2)[0] for l2 in (0.0, 0.5))
    assert np.abs(held.state()["item.weight"]).mean() < 0.5 * np.abs(free.state()["item.weight"]).mean()


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(UserError, match="every user has every item"):
        fitted(rows(list(range(1, 13))))
    with pytest.raises(UserError, match="l2 at least 0"):
        fitted(rows([1]), l2=-1.0)

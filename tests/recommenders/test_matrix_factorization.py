"""Matrix factorization: negative sampling, unknown users, scores and regularisation."""
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from toys import make_histories, random_histories

from workbench import systems
from workbench.data import Cases, Histories, Protocol, Split
from workbench.errors import UserError
from workbench.recommenders.triples import NegativeSampler
from workbench.train import Recipe, seeded_torch
from workbench.train.fit import TrainingSession

N_ITEMS = 12


def split(train):
    none = Cases(train, np.zeros(0, np.int32))
    return Split(train, none, none, len(train), N_ITEMS, Protocol(), "")


def fitted(train, epochs=3, **changes):
    data = split(train)
    bench = SimpleNamespace(split=data, seed=0, init=partial(seeded_torch, 0, "init"))
    model = systems.build("bpr_mf", bench, **{"width": 8} | changes)
    return model, model.fit(data, TrainingSession(Recipe(epochs=epochs, batch_size=64, lr=0.02)))


def users_only(*users: int) -> Histories:
    return Histories(np.zeros(len(users) + 1, np.int64), np.zeros(0, np.int32), np.array(users, np.int32))


def test_negatives_are_uniform_over_items_without_a_train_event():
    train = make_histories([1, 3, 3, 12], [5], list(range(1, 12)), [], [2, 1])
    sampler, rng = NegativeSampler(train, N_ITEMS), np.random.default_rng(0)
    for user in (0, 1, 2, 4):
        expected = sorted(set(range(1, 13)) - set(train.row(user).tolist()))
        sampled, counts = np.unique(sampler.sample(np.full(12_000, user), rng), return_counts=True)
        assert sampled.tolist() == expected and sampler.n_candidates(np.array([user])) == len(expected)
        assert np.abs(counts - 12_000 / len(expected)).max() < 5 * np.sqrt(12_000 / len(expected))


def test_it_learns_preferences():
    """Two groups: even users have items of the first half, odd ones of the second; half of each is held out."""
    rng = np.random.default_rng(0)
    items = [(rng.permutation(6)[:3] + 1 + 6 * (user % 2)).tolist() for user in range(80)]
    model, curve = fitted(make_histories(*items), epochs=40)
    scores = model.score(users_only(*range(80)))[:, 1:]
    first, second = scores[:, :6].mean(1), scores[:, 6:].mean(1)
    assert ((first > second) == (np.arange(80) % 2 == 0)).mean() > 0.95
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def test_unknown_users_get_the_mean_user_embedding():
    model, _ = fitted(make_histories([1, 2], [], [3], [4, 5, 6]))
    table = model.module.user.weight.detach().numpy()
    mean = table[[0, 2, 3]].mean(0)
    for user in (1, 4, 99, -1):
        assert np.allclose(model.states(users_only(user)).detach(), mean, atol=1e-6)
    assert np.array_equal(model.states(users_only(2)).detach()[0], table[2]) and not np.allclose(
        table[2], mean, atol=1e-4
    )


def test_scores_are_inner_products_plus_biases():
    for bias in (True, False):
        model, _ = fitted(random_histories(20, N_ITEMS, seed=2), bias=bias)
        state = model.state()
        expected = state["user.weight"][[4, 7]] @ state["item.weight"].T
        if bias:
            expected += state["bias.weight"][:, 0]
        assert np.allclose(model.score(users_only(4, 7)), expected, atol=1e-6) and ("bias.weight" in state) == bias
        best = np.argsort(-expected[0, 1:], kind="stable") + 1
        assert np.array_equal(model.recommend(users_only(4), 12).items[0], best)


def test_l2_shrinks_embeddings():
    train = random_histories(60, N_ITEMS, seed=2)
    free, regularised = (fitted(train, epochs=20, l2=l2)[0] for l2 in (0.0, 0.5))
    assert np.abs(regularised.state()["item.weight"]).mean() < 0.5 * np.abs(free.state()["item.weight"]).mean()


def test_unusable_train_data_and_settings_are_errors():
    with pytest.raises(UserError, match="every user has every item"):
        fitted(make_histories(list(range(1, 13))))
    with pytest.raises(UserError, match="l2 at least 0"):
        fitted(make_histories([1]), l2=-1.0)

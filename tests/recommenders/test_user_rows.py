"""Recommenders of rows: what is read of a history, what an epoch learns, and users who are not in train."""
import numpy as np
import pytest
import torch
from toys import make_histories, random_histories

from workbench.data import Cases, Histories, Protocol, Split
from workbench.errors import UserError
from workbench.losses.multinomial import multinomial_nll
from workbench.nets.rows.autoencoder import RowAutoencoder
from workbench.recommenders.rows.user_rows import StepNoise, distinct_items, item_bag, user_rows
from workbench.train import Recipe, seeded_torch
from workbench.train.fit import TrainingSession

N_ITEMS = 12
CPU = torch.device("cpu")


def split(train: Histories) -> Split:
    none = Cases(train, np.zeros(0, np.int32))
    return Split(train, none, none, len(train), N_ITEMS, Protocol(), "")


def autoencoder(loss=None):
    with seeded_torch(0, "init"):
        net = RowAutoencoder(N_ITEMS, width=8, latent=4, dropout=0.3)

    def likelihood(module, rows, step, share):
        bag = item_bag(rows, CPU)
        return multinomial_nll(module.logits(module.encoder(bag)[0]), bag.rows(), bag.ids).mean()

    return user_rows(net, loss=loss or likelihood)


def test_a_row_is_a_set_of_items_and_columns_stay_in_step():
    histories = make_histories([3, 1, 3, 3], [], [7], [2, 5, 2, 1])
    timed = Histories(histories.offsets, histories.items, histories.users, {"timestamp": np.arange(9)})
    rows = distinct_items(timed)
    assert [rows.row(i).tolist() for i in range(4)] == [[1, 3], [], [7], [1, 2, 5]]
    assert rows.columns["timestamp"].tolist() == [1, 0, 4, 8, 5, 6] and rows.users.tolist() == [0, 1, 2, 3]
    bag = item_bag(rows, CPU)
    assert bag.rows().tolist() == [0, 0, 2, 3, 3, 3] and bag.ids.tolist() == rows.items.tolist()
    assert torch.zeros(4).index_add(0, bag.rows(), bag.weights**2).tolist() == pytest.approx([1, 0, 1, 1])


def test_an_epoch_has_every_row_once_and_counts_its_share():
    train = random_histories(50, N_ITEMS, seed=1)
    seen, shares = [], []

    def loss(module, rows, step, share):
        seen.append(rows)
        shares.append((step, share))
        return module.item.weight.square().sum()

    autoencoder(loss).fit(split(train), TrainingSession(Recipe(epochs=2, batch_size=16, lr=0.01)))
    users = np.flatnonzero(train.lengths)
    steps = -(-len(users) // 16)
    assert len(seen) == 2 * steps and shares == [(step, step / (2 * steps)) for step in range(2 * steps)]
    for epoch in (seen[:steps], seen[steps:]):
        assert sorted(np.concatenate([rows.users for rows in epoch]).tolist()) == users.tolist()
    assert all(np.array_equal(rows.row(0), np.unique(train.row(rows.users[0]))) for rows in seen)
    assert seen[0].users.tolist() != seen[steps].users.tolist(), "another order each epoch"


def test_a_user_is_what_the_history_says():
    model = autoencoder()
    model.fit(split(random_histories(60, N_ITEMS, seed=2)), TrainingSession(Recipe(epochs=2, batch_size=16, lr=0.01)))
    histories = make_histories([4, 9, 2], [2, 4, 9, 9], [])
    strangers = Histories(histories.offsets, histories.items, np.array([999, -1, 7], np.int32))
    scores = model.score(histories)
    assert np.array_equal(scores, model.score(strangers)), "no user is looked up"
    assert np.allclose(scores[0], scores[1], atol=1e-6), "neither order nor repeats are read"
    weights = model.state()
    state = model.states(histories).numpy()
    mean = weights["encoder.mean.weight"] @ np.tanh(weights["encoder.shift"]) + weights["encoder.mean.bias"]
    assert np.allclose(state[2], np.tanh(weights["decoder.weight"] @ mean + weights["decoder.bias"]), atol=1e-5)
    assert np.allclose(scores, state @ weights["item.weight"].T + weights["bias.weight"][:, 0], atol=1e-5)
    readout = model.trace(histories)
    assert readout.mask.tolist() == [True, True, False] and readout.event.tolist() == [2, 6]


def test_it_learns_which_items_go_together():
    """Two groups: even users have items of the first half, odd ones of the second; a stranger shows one item."""
    rng = np.random.default_rng(0)
    items = [(rng.permutation(6)[:4] + 1 + 6 * (user % 2)).tolist() for user in range(80)]
    model = autoencoder()
    curve = model.fit(split(make_histories(*items)), TrainingSession(Recipe(epochs=40, batch_size=16, lr=0.02)))
    scores = model.score(make_histories(*[[item] for item in range(1, 13)]))[:, 1:]
    first, second = scores[:, :6].mean(1), scores[:, 6:].mean(1)
    assert ((first > second) == (np.arange(12) < 6)).all() and curve[-1]["loss"] < 0.9 * curve[0]["loss"]


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(UserError, match="train has no event"):
        autoencoder().fit(split(make_histories([], [])), TrainingSession(Recipe(epochs=1)))


def test_noise_is_named_by_step():
    first, again, later = (StepNoise(3, step).gaussian("z", (500, 4), CPU) for step in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, later)
    assert first.dtype == torch.float32 and abs(first.mean()) < 0.1 and first.std() == pytest.approx(1, abs=0.1)
    other = StepNoise(3, 1).gumbel("shares", (20_000, 2), CPU)
    larger = (torch.tensor([0.8, 0.2]).log() + other).argmax(1)
    assert (larger == 0).float().mean() == pytest.approx(0.8, abs=0.02), "the largest is drawn by the shares"

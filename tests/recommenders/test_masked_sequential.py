"""Masked item prediction: which positions are masked, what a mask attends to, and bit-exact resuming."""
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toys import make_histories, random_histories

from workbench import systems
from workbench.data import Cases, Protocol, Split
from workbench.errors import UserError
from workbench.interfaces import Likelihood, Scorer
from workbench.recommenders.masked_sequential import MASK, cloze_mask, newest_first
from workbench.recommenders.sequential import token_batches
from workbench.train import Recipe, named_rng, seeded_torch
from workbench.train.fit import TrainingSession

N_ITEMS = 24
TRAIN = random_histories(50, N_ITEMS, longest=9, seed=1)


def split(train=TRAIN):
    none = Cases(train, np.zeros(0, np.int32))
    return Split(train, none, none, len(train), N_ITEMS, Protocol(), "")


def bench() -> SimpleNamespace:
    """What a build() needs of a bench."""
    return SimpleNamespace(split=split(), seed=0, init=partial(seeded_torch, 0, "init"))


def build(name="bert4rec", **changes):
    return systems.build(name, bench(), **{"max_length": 4, "width": 16} | changes)


def test_masked_positions():
    real = newest_first(TRAIN.items, TRAIN.offsets[:-1], TRAIN.offsets[1:]) > 0
    real = real[real.any(1)]
    rate = np.mean([cloze_mask(real, 0.4, 0.0, named_rng(0, i))[real].mean() for i in range(200)])
    masked = cloze_mask(real, 0.4, 0.0, named_rng(0, 1))
    assert masked.any(1).all() and not masked[~real].any() and 0.4 < rate < 0.46, "at least one per row raises the rate"
    assert (cloze_mask(real, 1e-9, 0.0, named_rng(0, 1)).sum(1) == 1).all()
    assert np.array_equal(
        cloze_mask(real, 0.4, 1.0, named_rng(0, 1)), np.arange(real.shape[1]) == np.zeros((len(real), 1))
    )
    newest_only = [(cloze_mask(real, 0.9, 0.5, named_rng(0, i)).sum(1) == 1) & real[:, 1] for i in range(20)]
    assert 0.5 < np.mean(newest_only) / real[:, 1].mean() < 0.65


def test_the_loss_is_at_masked_positions_only():
    """The loss of a step is the mean cross-entropy at masked positions, of a forward pass without the masked items."""
    model, fresh, inputs = build(dropout=0.0), build(dropout=0.0).module, []
    model.module.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    curve = model.fit(split(), TrainingSession(Recipe(epochs=1, batch_size=1000)))
    windows = TRAIN.windows(5)
    windows = windows.take(token_batches(windows.lengths, 1e9, named_rng(0, "order", 0))[0])
    true = torch.from_numpy(newest_first(windows.items, windows.offsets[:-1], windows.offsets[1:]))
    masked = inputs[0] == MASK
    assert len(inputs) == 1 and torch.equal(inputs[0], true.masked_fill(masked, MASK))
    assert 0 < masked.sum() < (true > 0).sum()
    logits = (fresh(inputs[0]) @ fresh.item.weight[1:].T)[masked]
    assert curve[0]["loss"] == pytest.approx(F.cross_entropy(logits, true[masked] - 1).item(), rel=1e-5)


def test_without_position_embeddings_a_history_is_a_set():
    model = build()
    with torch.no_grad():
        model.module.position.weight.zero_()
    a, b = model.score(make_histories([3, 1, 4])), model.score(make_histories([4, 3, 1]))
    assert np.allclose(a, b, atol=1e-6) and not np.allclose(a, model.score(make_histories([3, 1, 5])), atol=1e-6)
    a, b = (build().score(make_histories(items)) for items in ([3, 1, 4], [4, 3, 1]))
    assert not np.allclose(a, b, atol=1e-6)


def test_it_reads_the_newest_events_and_scores_every_item():
    model = build()
    assert isinstance(model, Scorer) and isinstance(model, Likelihood)
    longer, cut = model.score(make_histories([9, 8, 1, 2, 3, 4])), model.score(make_histories([1, 2, 3, 4]))
    assert np.array_equal(longer, cut) and longer.shape == (1, N_ITEMS + 1)
    p = np.exp(model.log_prob(make_histories([3, 1], []), np.tile(np.arange(1, N_ITEMS + 1), (2, 1))))
    assert np.allclose(p.sum(1), 1, atol=1e-5)
    best = np.argsort(-model.score(make_histories([3, 1]))[0, 1:])[:3] + 1
    assert np.array_equal(model.recommend(make_histories([3, 1]), 3).items[0], best)


@pytest.mark.parametrize("name", ["bert4rec", "bpr_mf"])
def test_resuming_is_bit_exact(name, tmp_path):
    changes = {"max_length": 4, "width": 16} if name == "bert4rec" else {"width": 16}
    recipe = Recipe(epochs=4, batch_size=16, patience=99)

    def train(folder=None, stop=99):
        model, calls = systems.build(name, bench(), **changes), []

        def validate(current):
            calls.append(1)
            if len(calls) == stop:
                raise KeyboardInterrupt
            return {"ndcg@10": float(current.score(TRAIN).std())}

        model.fit(split(), TrainingSession(recipe, validate=validate, folder=folder))
        return model.state()

    uninterrupted = train()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=3)
    resumed = train(tmp_path)
    assert all(np.array_equal(uninterrupted[key], resumed[key]) for key in uninterrupted)


def test_unusable_train_data_and_settings_are_errors():
    with pytest.raises(UserError, match="no train history has two events"):
        build().fit(split(make_histories([1], [2])), TrainingSession(Recipe(epochs=1)))
    with pytest.raises(UserError, match="mask"):
        build(mask=0.0)

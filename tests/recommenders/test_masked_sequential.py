"""Filling gaps: which places are masked, what a mask sees, and that a run that was cut goes on bit for bit."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toys import random_rows, rows

from workbench import systems
from workbench.data import Cases, Protocol, Split
from workbench.errors import UserError
from workbench.interfaces import Likelihood, Scorer
from workbench.recommenders.masked_sequential import MASK, drawn, newest_first
from workbench.recommenders.sequential import token_batches
from workbench.train import Recipe, stream
from workbench.train.fit import Session

N_ITEMS = 24
TRAIN = random_rows(50, N_ITEMS, longest=9, seed=1)


def split(train=TRAIN):
    none = Cases(train, np.zeros(0, np.int32))
    return Split(train, none, none, len(train), N_ITEMS, Protocol(), "")


def build(name="bert4rec", **changes):
    return systems.build(name, SimpleNamespace(split=split(), seed=0), **{"max_length": 4, "width": 16} | changes)


def test_places_that_are_masked():
    real = newest_first(TRAIN.items, TRAIN.offsets[:-1], TRAIN.offsets[1:]) > 0
    real = real[real.any(1)]
    found = np.mean([drawn(real, 0.4, 0.0, stream(0, i))[real].mean() for i in range(200)])
    hidden = drawn(real, 0.4, 0.0, stream(0, 1))
    assert hidden.any(1).all() and not hidden[~real].any() and 0.4 < found < 0.46, "at least one a row is a little more"
    assert (drawn(real, 1e-9, 0.0, stream(0, 1)).sum(1) == 1).all()
    assert np.array_equal(drawn(real, 0.4, 1.0, stream(0, 1)), np.arange(real.shape[1]) == np.zeros((len(real), 1)))
    some = [(drawn(real, 0.9, 0.5, stream(0, i)).sum(1) == 1) & real[:, 1] for i in range(20)]
    assert 0.5 < np.mean(some) / real[:, 1].mean() < 0.65


def test_only_masked_places_are_learned_from():
    """The loss of a step is the mean cross-entropy at the places that were drawn, of a pass that never saw them."""
    model, fresh, read = build(dropout=0.0), build(dropout=0.0).module, []
    model.module.register_forward_pre_hook(lambda module, args: read.append(args[0]))
    curve = model.fit(split(), Session(Recipe(epochs=1, batch_size=1000)))
    windows = TRAIN.windows(5)
    windows = windows.take(token_batches(windows.lengths, 1e9, stream(0, "order", 0))[0])
    true = torch.from_numpy(newest_first(windows.items, windows.offsets[:-1], windows.offsets[1:]))
    hidden = read[0] == MASK
    assert len(read) == 1 and torch.equal(read[0], true.masked_fill(hidden, MASK))
    assert 0 < hidden.sum() < (true > 0).sum()
    logits = (fresh(read[0]) @ fresh.item.weight[1:].T)[hidden]
    assert curve[0]["loss"] == pytest.approx(F.cross_entropy(logits, true[hidden] - 1).item(), rel=1e-5)


def test_without_places_a_mask_sees_a_set():
    model = build()
    with torch.no_grad():
        model.module.position.weight.zero_()
    a, b = model.score(rows([3, 1, 4])), model.score(rows([4, 3, 1]))
    assert np.allclose(a, b, atol=1e-6) and not np.allclose(a, model.score(rows([3, 1, 5])), atol=1e-6)
    assert not np.allclose(build().score(rows([3, 1, 4])), build().score(rows([4, 3, 1])), atol=1e-6)


def test_it_reads_the_newest_and_scores_every_item():
    model = build()
    assert isinstance(model, Scorer) and isinstance(model, Likelihood)
    long, cut = model.score(rows([9, 8, 1, 2, 3, 4])), model.score(rows([1, 2, 3, 4]))
    assert np.array_equal(long, cut) and long.shape == (1, N_ITEMS + 1)
    p = np.exp(model.log_prob(rows([3, 1], []), np.tile(np.arange(1, N_ITEMS + 1), (2, 1))))
    assert np.allclose(p.sum(1), 1, atol=1e-5)
    best = np.argsort(-model.score(rows([3, 1]))[0, 1:])[:3] + 1
    assert np.array_equal(model.recommend(rows([3, 1]), 3).items[0], best)


@pytest.mark.parametrize("name", ["bert4rec", "bpr_mf"])
def test_a_run_that_was_cut_goes_on_bit_for_bit(name, tmp_path):
    changes = {"max_length": 4, "width": 16} if name == "bert4rec" else {"width": 16}
    recipe = Recipe(epochs=4, batch_size=16, patience=99)

    def train(folder=None, stop=99):
        model, calls = systems.build(name, SimpleNamespace(split=split(), seed=0), **changes), []

        def validate(current):
            calls.append(1)
            if len(calls) == stop:
                raise KeyboardInterrupt
            return {"ndcg@10": float(current.score(TRAIN).std())}

        model.fit(split(), Session(recipe, validate=validate, folder=folder))
        return model.state()

    whole = train()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=3)
    again = train(tmp_path)
    assert all(np.array_equal(whole[key], again[key]) for key in whole)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(UserError, match="no train history holds two events"):
        build().fit(split(rows([1], [2])), Session(Recipe(epochs=1)))
    with pytest.raises(UserError, match="mask"):
        build(mask=0.0)

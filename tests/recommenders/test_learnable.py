"""Preferences of any kind of recommender: scores with a gradient are its log-probabilities, the reference is frozen,
and for sasrec it is the training of dynamic_po bit for bit."""
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from math import log

import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.losses.preference import dmpo, s_dpo
from workbench.recommenders.own_network import OwnNetwork
from workbench.recommenders.preference.learnable import fit_preferences, gap_loss, learnable
from workbench.recommenders.preference.preferences import targets_of
from workbench.train import PROFILES, Recipe
from workbench.train.fit import TrainingSession

PROFILE = replace(PROFILES["smoke"], epochs=3, users=None)
SMALL = {"sasrec": {"width": 16, "layers": 1}, "tiger": {"width": 32, "layers": 1, "beam": 20},
         "bert4rec": {"width": 16, "layers": 1}, "gru4rec": {"width": 16}, "bpr_mf": {"width": 16}}  # fmt: skip
KINDS = [*SMALL, "own network"]
RATES = {"tiger": 1e-3}
each_kind = pytest.mark.parametrize("kind", KINDS)


@lru_cache
def bench():
    return experiment.open_bench("synthetic", profile=PROFILE, options={"users": 80, "items": 60})


class LastItem(torch.nn.Module):
    """Scores the next item after every event by the event alone."""

    def __init__(self, n_items):
        super().__init__()
        self.item = torch.nn.Embedding(n_items + 1, 8, padding_idx=0)
        self.out = torch.nn.Linear(8, n_items + 1)

    def forward(self, items):
        return self.out(self.item(items))


def trained(kind):
    if kind == "own network":
        torch.manual_seed(0)
        n_items = bench().split.n_items
        return OwnNetwork(LastItem(n_items), n_items=n_items, every_position=True, max_length=20)
    return bench().fit(kind, **SMALL[kind]).recommender()


def session(**changes):
    return TrainingSession(Recipe(**{"epochs": 2, "batch_size": 16, "lr": 1e-2} | changes), 0, "cpu", None)


def some_rows(candidates, n=6):
    train = bench().split.train
    rows = train.windows(candidates.max_length + 1) if candidates.every else train.prefixes(candidates.max_length + 1)
    return rows.take(np.arange(n))


@each_kind
def test_scores_are_log_probabilities_but_for_a_constant_of_each_target(kind):
    model = trained(kind)
    candidates, rng = learnable(model), np.random.default_rng(0)
    rows = some_rows(candidates)
    targets = targets_of(rows, candidates.every)
    items = np.column_stack([targets, rng.integers(1, bench().split.n_items + 1, (len(targets), 5))])
    found = candidates.scores(model.module.eval(), rows, torch.from_numpy(items)).detach().numpy()
    past = rows.without_last(1)
    if candidates.every:  # every prefix, as a history
        past = past.take(np.repeat(np.arange(len(rows)), rows.lengths - 1))
        seen = np.concatenate([np.arange(1, n) for n in rows.lengths])
        past = past.without_last(past.lengths - seen)
    expected = model.log_prob(past, items)
    assert np.allclose(found - found[:, :1], expected - expected[:, :1], atol=1e-4)


@each_kind
@pytest.mark.parametrize("loss", [dmpo, s_dpo])
def test_a_policy_that_is_its_reference_begins_at_log_two_and_learns_while_the_reference_stays(kind, loss):
    """With one negative both losses are DPO: -log sigmoid(0) at first. Chosen items rise above what they were."""
    model, values = trained(kind), []
    before = deepcopy(model)

    def watched(policy, reference, generator):
        value = gap_loss(loss, beta=1.0)(policy, reference, generator)
        (gradient,) = torch.autograd.grad(value, policy, retain_graph=True)
        assert gradient.abs().sum() > 0 and not reference.requires_grad
        values.append((value.item(), (policy - reference).abs().max().item()))
        return value

    curve = fit_preferences(model, bench().split, session(lr=RATES.get(kind, 1e-2)), watched, negatives=1)
    assert values[0] == pytest.approx((log(2), 0.0), abs=1e-5), "dropout is off and both are the same"
    assert curve[-1]["loss"] < log(2) - 0.02 and values[-1][1] > 0.01
    assert len(curve) == 2 and not model.likelihood and before.likelihood == trained(kind).likelihood
    learned, old = model.state(), before.state()
    assert learned.keys() == old.keys() and any(not np.array_equal(learned[name], old[name]) for name in old)
    again = trained(kind).state()
    assert all(np.array_equal(again[name], old[name]) for name in old)


def test_of_sasrec_it_is_dynamic_po_bit_for_bit():
    """DMPO, with the recipe and the streams of the phase in which dynamic_po learns."""
    settings, recipe = bench().plan("dynamic_po", **SMALL["sasrec"], boundary="all", dynamic=False, beta=0.7)
    own = bench().build("dynamic_po", **settings)
    curve = own.fit(bench().split, TrainingSession(recipe, 0, "cpu", None))
    sizes = {name: settings[name] for name in ("width", "layers", "max_length", "dropout")}
    model = bench().teacher("sasrec", **sizes).recommender()
    phase = TrainingSession(recipe, 0, "cpu", None).phase("dmpo", lr=0.1 * recipe.lr, schedule="constant")

    def plain(policy, reference, generator):
        gains = policy - reference
        return dmpo(0.7 * torch.ones_like(gains[:, 1:]) * (gains[:, :1] - gains[:, 1:]),
                    torch.ones_like(gains[:, 1:], dtype=torch.bool))  # fmt: skip

    general = fit_preferences(model, bench().split, phase, plain, negatives=15)
    assert [row["loss"] for row in general] == [row["loss"] for row in curve]
    assert all(np.array_equal(array, model.state()[name]) for name, array in own.state().items())


def test_what_has_no_gradient_or_no_likelihood_is_one_error():
    for model, message in ((bench().build("lightgcn"), "have no gradient"), (object(), "object gives no log-prob")):
        with pytest.raises(UserError, match=message):
            learnable(model)
    knn = bench().fit("item_knn").recommender()
    with pytest.raises(UserError, match="gives no log-probabilities"):
        fit_preferences(knn, bench().split, session(), gap_loss(dmpo, beta=1.0), negatives=1)
    with pytest.raises(UserError, match="beta=0 must be above 0"):
        gap_loss(dmpo, beta=0)

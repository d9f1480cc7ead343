"""The likelihood of a click among what was shown beside that of all items: planted logs by hand, and Open Bandit."""
from dataclasses import replace

import numpy as np
import pytest

from workbench.data import datasets
from workbench.errors import UserError
from workbench.recommenders.slates.logged import LoggedSlates
from workbench.recommenders.slates.logged_likelihoods import compare_likelihoods, fitted, shown_slates

ITEMS = 12
LIKED = np.linspace(-1, 1, ITEMS)  # logits of a click, best last
SELDOM = np.linspace(1.5, -1.5, ITEMS)  # log chance of being shown: the best are shown least


def planted(n, *, exposure, seed):
    """Slates of three slots of which one stays empty, shown with an exposure that has nothing to do with clicks."""
    rng = np.random.default_rng(seed)
    chance = np.exp(exposure) / np.exp(exposure).sum()
    shown = np.stack([rng.choice(ITEMS, 3, replace=False, p=chance) + 1 for _ in range(n)])
    shown[np.arange(n), rng.integers(0, 3, n)] = 0
    weight = np.where(shown > 0, np.exp(LIKED[shown - 1] + [0.5, 0, -0.5]), 0)
    p = weight / (weight.sum(axis=1, keepdims=True) + 3)
    u = rng.random((n, 1))
    clicked = np.where((u < p.cumsum(axis=1)).any(axis=1), (u < p.cumsum(axis=1)).argmax(axis=1) + 1, 0)
    return LoggedSlates(shown[:, None], clicked[:, None])


def biases(log, *, over_all):
    module = fitted(log, ITEMS, over_all=over_all)
    return module.bias.weight[1:, 0].detach().numpy(), module


def test_the_likelihood_of_the_slate_finds_what_is_liked_and_that_of_all_items_what_was_shown():
    log = planted(4_000, exposure=SELDOM, seed=0)
    (own, module), (everything, _) = biases(log, over_all=False), biases(log, over_all=True)
    assert np.corrcoef(own, LIKED)[0, 1] > 0.9 and np.corrcoef(everything, LIKED)[0, 1] < 0
    assert np.corrcoef(everything, SELDOM)[0, 1] > 0.8
    assert module.places().detach().numpy() == pytest.approx([0, -0.5, -1.0], abs=0.25)


def test_on_other_slates_it_predicts_better_and_constant_is_no_match():
    learned, tested = planted(3_000, exposure=SELDOM, seed=0), planted(2_000, exposure=-SELDOM, seed=1)
    found = compare_likelihoods(learned, tested, ITEMS)
    assert found.loc["all-items", "outcome low"] > 0 and found.loc["all-items", "shown low"] > 0
    assert found.loc["slate", "auc"] > max(0.6, found.loc["all-items", "auc"], found.loc["constant", "auc"])
    assert found.loc["slate", "outcome"] < found.loc["constant", "outcome"]
    assert found.loc["slate", "outcome"] == pytest.approx(found.loc["slate", "shown"]), "nothing else was in it"


def test_a_constant_chance_by_hand():
    """One slot of two is filled and one of four slates is clicked: 1/4 of a click, whatever the item."""
    log = LoggedSlates(np.array([[[1, 0]], [[0, 2]], [[1, 0]], [[2, 0]]]), np.array([[1], [0], [0], [0]]))
    found = compare_likelihoods(log, log, 2)
    assert found.loc["constant", "outcome"] == pytest.approx(-(np.log(0.25) + 3 * np.log(0.75)) / 4)
    assert found.loc["constant", "auc"] == 0.5


def test_open_bandit(real):
    """The two logs of Open Bandit: an item of the learned policy is liked as it is shown, by a likelihood of all."""
    dataset = datasets.load("open-bandit")
    logs = {source: shown_slates(dataset, source=source) for source in ("random", "bts")}
    table = dataset.tables["slates"]
    for source, log in logs.items():
        own = table[table["source"] == source]
        assert log.shown.shape == (10_000, 1, 3) and ((log.shown > 0).sum(axis=2) == 1).all()
        assert (log.clicked > 0).sum() == own["clicked"].sum()
    for learned, tested in (("random", "bts"), ("bts", "random")):
        found = compare_likelihoods(logs[learned], logs[tested], dataset.n_items)
        assert found.loc["all-items", "outcome low"] > 0.01 and found.loc["all-items", "shown low"] > 0.005
    exposure = np.log(np.bincount(logs["bts"].shown.ravel(), minlength=35)[1:])
    slate, everything = (fitted(logs["bts"], 34, over_all=over_all).bias.weight[1:, 0].detach()
                         for over_all in (False, True))  # fmt: skip
    assert np.corrcoef(everything, exposure)[0, 1] > np.corrcoef(slate, exposure)[0, 1] + 0.2


def test_what_cannot_be_is_one_error():
    dataset = datasets.load("synthetic", users=30, items=20)
    with pytest.raises(UserError, match="no table of slates.*open-bandit has"):
        shown_slates(dataset)
    log = planted(50, exposure=SELDOM, seed=0)
    with pytest.raises(UserError, match="there are none such"):
        compare_likelihoods(log, log._replace(clicked=np.zeros_like(log.clicked)), ITEMS)


def test_slates_of_a_table_with_two_clicks_or_another_source_are_errors(real):
    dataset = datasets.load("open-bandit")
    with pytest.raises(UserError, match="did you mean 'random'"):
        shown_slates(dataset, source="randm")
    twice = dataset.tables["slates"].head(2).assign(slate=0, position=[1, 2], clicked=True)
    with pytest.raises(UserError, match="two clicks"):
        shown_slates(replace(dataset, tables=dataset.tables | {"slates": twice}))

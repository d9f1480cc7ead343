"""Parts of slate policies: the posterior against closed forms, the click model by hand, rankings read across."""
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.nets.slates.click_model import ClickModel
from workbench.recommenders.slates.in_slate import best_items, read_across
from workbench.recommenders.slates.posterior import Posterior, choice_evidence, prior


def test_a_linear_gaussian_observation_is_bayes_rule():
    rng, noise = np.random.default_rng(0), 0.5
    x, y = rng.normal(size=(2, 7, 3)), rng.normal(size=(2, 7))  # seven observations of each of two users
    posterior = prior(2, 3)
    for t in range(7):
        gradient = x[:, t] * (y[:, t] - (x[:, t] * posterior.mean).sum(1))[:, None] / noise
        posterior = posterior.updated(gradient, x[:, t, :, None] * x[:, t, None] / noise)
    for user in range(2):  # ridge regression
        precision = np.eye(3) + x[user].T @ x[user] / noise
        assert posterior.precision[user] == pytest.approx(precision)
        assert posterior.mean[user] == pytest.approx(np.linalg.solve(precision, x[user].T @ y[user] / noise))


def test_the_evidence_of_a_choice_is_gradient_and_curvature_of_its_log_probability():
    rng = np.random.default_rng(1)
    vectors, z, step = rng.normal(size=(4, 2)), rng.normal(size=2), 1e-4

    def log_prob(at, chosen):  # option -1 is no choice, of utility 0
        utility = np.append(vectors @ at, 0.0)
        return utility[chosen] - np.log(np.exp(utility).sum())

    p = np.exp([log_prob(z, option) for option in range(4)])[None]
    for chosen in (2, -1):
        vector = np.zeros((1, 2)) if chosen < 0 else vectors[None, chosen]
        gradient, information = choice_evidence(p, vectors[None], vector)
        basis = np.eye(2) * step
        slope = [(log_prob(z + e, chosen) - log_prob(z - e, chosen)) / (2 * step) for e in basis]
        assert gradient[0] == pytest.approx(slope, abs=1e-6)
        bend = [[(log_prob(z + a + b, chosen) - log_prob(z + a, chosen) - log_prob(z + b, chosen)
                  + log_prob(z, chosen)) / step**2 for a in basis] for b in basis]  # fmt: skip
        assert information[0] == pytest.approx(-np.array(bend), abs=1e-2)
        shared = choice_evidence(p, vectors, vector)  # the same options for everybody
        assert shared[0] == pytest.approx(gradient) and shared[1] == pytest.approx(information)


def test_samples_have_the_covariance_and_the_placebo_its_mean_variance():
    precision = np.array([[[4.0, 1.2], [1.2, 1.0]]])
    posterior, covariance = Posterior(np.array([[1.0, -2.0]]), precision), np.linalg.inv(precision[0])
    noise = np.random.default_rng(0).standard_normal((1, 40_000, 2))
    drawn = posterior.samples(noise, variance=0.25, isotropic=False)[0]
    assert drawn.mean(axis=0) == pytest.approx([1, -2], abs=0.02)
    assert np.cov(drawn.T) == pytest.approx(covariance / 4, abs=0.02)
    even = np.cov(posterior.samples(noise, variance=0.25, isotropic=True)[0].T)
    assert even == pytest.approx(np.eye(2) * np.trace(covariance) / 8, abs=0.02)
    still = posterior.samples(noise[:, :3], variance=0.0, isotropic=False)
    assert np.array_equal(still, np.tile(posterior.mean[:, None], (1, 3, 1)))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), samples=st.integers(1, 5), k=st.integers(1, 4))
def test_a_slate_read_across_has_k_items_and_every_first_place_that_fits(seed, samples, k):
    ranked = best_items(np.random.default_rng(seed).normal(size=(6, samples, 8)), k)
    slates = read_across(ranked)
    assert slates.shape == (6, k) and slates.min() >= 1 and all(len(set(slate)) == k for slate in slates.tolist())
    for slate, rankings in zip(slates.tolist(), ranked.tolist()):
        first = list(dict.fromkeys(ranking[0] for ranking in rankings))[:k]
        assert slate[: len(first)] == first
    alike = np.repeat(ranked[:, :1], 3, axis=1)
    assert np.array_equal(read_across(alike), ranked[:, 0]), "samples that agree are the ranking itself"


def test_rankings_by_hand():
    assert best_items(np.array([9.0, 1, 3, 3, 2]), 3).tolist() == [2, 3, 4]
    ranked = np.array([[[1, 2, 3], [4, 1, 2]], [[1, 2, 3], [1, 3, 5]]])
    assert read_across(ranked).tolist() == [[1, 4, 2], [1, 2, 3]]


@pytest.fixture
def model():
    made = ClickModel(2, np.array([0, 0, 0, 1]), slots=2, width=1)
    with torch.no_grad():
        made.centre.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        made.own.weight.copy_(torch.tensor([[0.0], [0.5], [0.0], [0.0]]))
        made.bias.weight.copy_(torch.tensor([[9.0], [0.0], [0.2], [0.0]]))
        made.place.fill_(-0.5), made.none.copy_(torch.tensor([0.3, 2.0]))
    return made


def test_the_click_model_by_hand(model):
    z, shown = torch.tensor([[2.0]]), torch.tensor([[[2, 1], [3, 0]]])
    none, utility = 0.3 + 2 * np.log(2), np.array([2 * 1 + 0.2, 2 * 1.5 - 0.5])
    found = model.log_probs(z, shown, all_items=False)[0].exp().detach().numpy()
    weight = np.exp([none, *utility])
    assert found[0] == pytest.approx(weight / weight.sum(), rel=1e-5)
    alone = np.exp([0.3, -2.0, -np.inf])  # the other slot is empty
    assert found[1] == pytest.approx(alone / alone.sum(), rel=1e-5)
    every = np.exp([none, 3.0, 2.2, -2.0])  # no click and the three items, shown or not; no slot has a weight
    found = model.log_probs(z, shown, all_items=True)[0, 0].exp().detach().numpy()
    assert found == pytest.approx(every[[0, 2, 1]] / every.sum(), rel=1e-5) and found.sum() < 1


def test_the_bound_by_hand(model):
    with torch.no_grad():
        model.mean.weight.copy_(torch.tensor([[1.0], [2.0]])), model.log_deviation.weight.fill_(np.log(0.5))
    shown, clicked, noise = torch.tensor([[[2, 1], [3, 0]]]), torch.tensor([[2, 0]]), torch.tensor([[1.0]])
    found = model.loss(torch.tensor([0]), shown, clicked, noise, all_items=False, total=10).item()
    log_probs = model.log_probs(torch.tensor([[1.5]]), shown, all_items=False)[0]
    surprise = -(log_probs[0, 2] + log_probs[1, 0]).item() / 2
    divergence = 0.5 * (1 + 0.25 - 1) - np.log(0.5)  # of N(1, 1/4) from N(0, 1)
    penalty = (0.5 / 0.5) ** 2 / 2 + (1 + 1) / 2 + (81 + 0.04) / 2
    assert found == pytest.approx(surprise + divergence / 2 + penalty / 10, rel=1e-5)

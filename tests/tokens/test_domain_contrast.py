"""The contrast of domains: its value by hand, what it does to a tokenizer, and that one domain has none."""
import math

import numpy as np
import pytest
import torch

from workbench.errors import UserError
from workbench.tokens.alignment.domain_contrast import TEMPERATURE, DomainContrast, domain_contrast, domain_purity
from workbench.tokens.rq_vae import RQVAE


def test_value_by_hand_and_a_step_that_draws_domains_together():
    latent = torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]], requires_grad=True)
    loss = domain_contrast(latent, torch.tensor([0, 0, 1]))
    similar, opposite = 1.0, math.exp(-1 / TEMPERATURE)  # of a right angle and of opposite directions, exponentiated
    first, second = similar / (similar + opposite), similar / (similar + similar)
    assert loss.item() == pytest.approx(-(math.log(first) + math.log(second)) / 2, abs=1e-6)
    loss.backward()
    moved = torch.nn.functional.normalize(latent - 0.1 * latent.grad, dim=1).detach()
    assert moved[0] @ moved[1] > 0 > moved[1] @ moved[2], "nearer to its own domain, farther from the other"


@pytest.mark.parametrize("domains", [[1, 1, 1], [0, 1, 2]])
def test_nothing_to_tell_apart_or_to_draw_together(domains):
    latent = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = domain_contrast(latent, torch.tensor(domains))
    loss.backward()
    assert loss.item() == 0 and not latent.grad.any()


def test_purity_by_hand():
    assert domain_purity(np.array([0, 0, 0, 2, 2]), np.array([1, 1, 0, 0, 0])) == pytest.approx(4 / 5)


@pytest.fixture(scope="module")
def shop():
    """Rows of clusters that two domains share; the domain is one direction, weak beside them."""
    rng = np.random.default_rng(0)
    domains, centres = rng.integers(0, 2, 300), 2 * rng.standard_normal((8, 12))
    centres[:, 0] = 0
    rows = centres[rng.integers(0, 8, 300)] + 0.4 * rng.standard_normal((300, 12))
    rows[:, 0] += 2 * domains
    return rows.astype(np.float32), domains


def fitted(shop, weight):
    rows, domains = shop
    regulariser = None if weight is None else DomainContrast(domains, weight=weight)
    return RQVAE(levels=2, size=8, width=8, hidden=(32,), steps=150, seed=0).fit(rows, regulariser).encode(rows)


def test_purity_of_first_codes_rises_with_the_weight(shop):
    purity = [domain_purity(fitted(shop, weight)[:, 0], shop[1]) for weight in (0.0, 0.1, 1.0)]
    assert purity[0] < purity[1] - 0.1 < purity[2] - 0.15, purity


def test_a_weight_of_0_is_the_plain_tokenizer(shop):
    assert np.array_equal(fitted(shop, 0.0), fitted(shop, None))


@pytest.mark.parametrize("domains, weight", [(np.zeros((2, 2)), 0.1), (np.zeros(3), -0.1)])
def test_bad_settings_are_errors(domains, weight):
    with pytest.raises(UserError, match="one for each item"):
        DomainContrast(domains, weight=weight)

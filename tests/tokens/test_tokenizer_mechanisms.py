"""The one idea of each tokenizer: restarts of RQ-VAE, capacities, digits of FSQ, and the rotation of PQ."""
import logging

import numpy as np
import pytest
import torch
from test_tokenizers import QUICK, planted, unexplained

from workbench.errors import UserError
from workbench.tokens.balanced_kmeans import BalancedKMeans, assign_within_capacity
from workbench.tokens.fsq import FSQ, digit_values, round_bounded
from workbench.tokens.pq import PQ
from workbench.tokens.rq_vae import RQVAE, restart_dead_codes


def test_dead_codes_restart_at_residuals_of_their_level():
    tables, share = torch.zeros(2, 4, 3), torch.tensor([[0.5, 0.5, 0.0, 0.01], [0.25] * 4])
    residuals = torch.arange(30.0).reshape(5, 2, 3) + 1
    assert restart_dead_codes(tables, share, residuals, torch.Generator().manual_seed(0)) == 2
    assert (tables[0, :2] == 0).all() and (tables[1] == 0).all(), "codes in use stay"
    for row in tables[0, 2:].tolist():
        assert row in residuals[:, 0].tolist()
    assert share.tolist() == [[0.5, 0.5, 0.25, 0.25], [0.25] * 4]


def test_restarts_bring_more_codes_into_use(monkeypatch):
    """From codebooks whose codes all but one lie far away, as a bad start leaves them."""
    vectors = planted(300)[0]
    monkeypatch.setattr(RQVAE, "_first_codebooks", lambda self, latent: torch.cat(
        [torch.zeros(2, 1, 8), torch.full((2, 15, 8), 50.0)], 1))  # fmt: skip
    used = {restart: RQVAE(levels=2, size=16, width=8, restart=restart, **QUICK).fit(vectors).used
            for restart in (False, True)}
    assert used[False][0] == 1 and min(used[True]) >= 8, used


def test_a_collapsed_codebook_warns_with_the_remedy(monkeypatch, caplog):
    monkeypatch.setattr(RQVAE, "_first_codebooks", lambda self, latent: torch.cat(
        [torch.zeros(1, 1, 8), torch.full((1, 15, 8), 50.0)], 1))  # fmt: skip
    with caplog.at_level(logging.WARNING, logger="workbench"):
        RQVAE(levels=1, size=16, width=8, restart=False, **QUICK | {"steps": 5}).fit(planted(100)[0])
    assert "rq-vae: level 1 uses 1 of 16 codes (6 %): choose a smaller size" in caplog.text


@pytest.mark.parametrize(("n", "slack"), [(400, 0.0), (397, 0.0), (400, 0.25)])
def test_no_code_exceeds_its_capacity(n, slack):
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(n, 6)) * rng.pareto(2, (n, 1))).astype(np.float32)  # a crowd and far outliers
    tokenizer = BalancedKMeans(levels=3, size=16, slack=slack).fit(vectors)
    assert tokenizer.capacity == np.ceil(n / 16 * (1 + slack))
    for level in range(3):
        assert np.bincount(tokenizer.codes[:, level], minlength=16).max() <= tokenizer.capacity
    assert min(tokenizer.perplexity) > (15.9 if not slack else 12)
    priced = (tokenizer.encode(vectors)[:, 0] == tokenizer.codes[:, 0]).mean()
    tokenizer.prices = torch.zeros_like(tokenizer.prices)
    assert priced > (tokenizer.encode(vectors)[:, 0] == tokenizer.codes[:, 0]).mean() + 0.1 and priced > 0.7


def test_capacities_are_kept_at_little_cost():
    """Against the least cost there is, of a linear program."""
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(0)
    cost = torch.from_numpy(rng.random((60, 5)))
    cost[:, 0] -= 0.5  # nearly all want the first
    assigned = assign_within_capacity(cost, 12)
    assert torch.bincount(assigned, minlength=5).tolist() == [12] * 5
    rows, columns = linear_sum_assignment(np.repeat(cost.numpy(), 12, axis=1))
    least = np.repeat(cost.numpy(), 12, axis=1)[rows, columns].sum()
    found = cost[torch.arange(60), assigned].sum().item()
    at_random = cost.mean(1).sum().item()
    assert least <= found < least + 0.25 * (at_random - least)
    with pytest.raises(UserError, match="5 clusters of at most 11 rows cannot hold 60"):
        assign_within_capacity(cost, 11)


def test_copies_of_a_vector_count_once():
    vectors = np.concatenate([planted(64)[0], np.repeat(planted(64)[0][:1], 100, axis=0)])
    tokenizer = BalancedKMeans(levels=2, size=8).fit(vectors)
    assert tokenizer.capacity == 8 and (tokenizer.codes[64:] == tokenizer.codes[0]).all()
    with pytest.raises(UserError, match="slack=-1"):
        BalancedKMeans(slack=-1)


@pytest.mark.parametrize("size", [2, 3, 8, 16, 100, 256, 1024])
def test_digits_use_nearly_all_of_a_size(size):
    product = np.prod(digit_values(size))
    assert 0.85 * size <= product <= size and min(digit_values(size)) >= min(size, 5)


@pytest.mark.parametrize("values", [2, 3, 4, 5, 8])
def test_every_value_of_a_digit_can_be_reached_and_none_beyond(values):
    latent = torch.linspace(-20, 20, 4001, requires_grad=True)
    digits = round_bounded(latent[:, None], torch.tensor([values]))
    assert digits.detach().unique().tolist() == list(range(-(values // 2), (values - 1) // 2 + 1))
    assert round_bounded(torch.zeros(1, 1), torch.tensor([values])).item() == 0, "a latent of 0 is digit 0"
    (slope,) = torch.autograd.grad(digits.sum(), latent)
    assert (slope >= 0).all() and slope.max() > 0.4, "rounding passes the gradient of the bound"


def test_fsq_codes_are_their_digits_and_back():
    vectors = planted(100)[0]
    tokenizer = FSQ(levels=2, size=40, **QUICK | {"steps": 30}).fit(vectors)
    assert tokenizer.digits == (8, 5) or np.prod(tokenizer.digits) <= 40
    assert tokenizer.sizes == (int(np.prod(tokenizer.digits)),) * 2
    every = np.stack([np.arange(tokenizer.sizes[0])] * 2, 1)
    assert len(np.unique(tokenizer.decode(every).round(5), axis=0)) == len(every)
    codes = tokenizer.encode(vectors)
    assert unexplained(vectors, tokenizer.decode(codes)) == pytest.approx(tokenizer.unexplained_variance[1], abs=1e-4)


def test_the_rotation_is_orthogonal_and_finds_the_planted_sub_spaces():
    """Two independent sets of 4 centres in sub-spaces of an unknown rotation: 2 codes of 4 explain nearly all."""
    rng = np.random.default_rng(0)
    pieces = [(rng.normal(size=(4, 3)) * 3)[rng.integers(0, 4, 500)] for _ in range(2)]
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    vectors = (np.hstack(pieces) @ turn + rng.normal(size=(500, 6)) * 0.02 + 5).astype(np.float32)
    first, learned = (PQ(levels=2, size=4, rounds=rounds).fit(vectors) for rounds in (0, 30))
    assert torch.allclose(learned.rotation @ learned.rotation.T, torch.eye(6), atol=1e-4)
    assert learned.unexplained_variance[1] < first.unexplained_variance[1]
    assert learned.unexplained_variance[1] < 0.1


def test_pq_codes_are_parallel_and_need_columns():
    vectors = planted()[0]
    tokenizer = PQ(levels=3, size=8).fit(vectors)
    codes, changed = tokenizer.encode(vectors), tokenizer.encode(vectors)
    changed[:, 0] = (changed[:, 0] + 1) % 8
    moved = (tokenizer.decode(changed) - tokenizer.decode(codes)) @ tokenizer.rotation.numpy().T
    assert np.abs(moved[:, 4:]).max() < 1e-4 < np.abs(moved[:, :4]).max(), "a code moves its own sub-space alone"
    with pytest.raises(UserError, match="levels=13: vectors of 12 columns"):
        PQ(levels=13, size=4).fit(vectors)

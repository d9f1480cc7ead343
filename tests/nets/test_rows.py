"""Bags of items against dense rows, and their division among prototypes."""
import numpy as np
import pytest
import torch
from torch import nn

from workbench.nets.rows.autoencoder import RowAutoencoder, sample
from workbench.nets.rows.bags import Bag, BagEncoder, xavier_linear
from workbench.nets.rows.prototypes import divided, log_shares, mixture, signed_attention

GENERATOR = torch.Generator().manual_seed(0)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR)


def bag(*rows: dict[int, float]) -> Bag:
    """A bag of rows {id: weight}."""
    ends = np.cumsum([0, *map(len, rows)])
    entries = [entry for row in rows for entry in row.items()]
    return Bag(torch.tensor([i for i, _ in entries]), torch.tensor(ends), torch.tensor([float(w) for _, w in entries]))


def dense(each: Bag, ids: int) -> torch.Tensor:
    """(B, ids+1) of a bag."""
    return torch.zeros(len(each.offsets) - 1, ids + 1).index_put((each.rows(), each.ids), each.weights, accumulate=True)


ROWS = bag({1: 0.6, 3: 0.8}, {}, {2: 1.0}, {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5})


def test_an_encoder_of_bags_is_one_of_dense_rows():
    encoder = BagEncoder(4, width=3, latent=2, dropout=0.5).eval()
    encoder.variance = xavier_linear(3, 2)
    nn.init.normal_(encoder.shift, generator=GENERATOR)
    hidden = (dense(ROWS, 4) @ encoder.table.weight + encoder.shift).tanh()
    for found, layer in zip(encoder(ROWS), (encoder.mean, encoder.variance), strict=True):
        assert torch.allclose(found, layer(hidden), atol=1e-6)
    other = draw(5, 3)
    hidden = (dense(ROWS, 4) @ other + encoder.shift).tanh()
    assert torch.allclose(encoder(ROWS, other)[0], encoder.mean(hidden), atol=1e-6)


def test_dropout_leaves_out_entries_of_rows_and_scales_the_others():
    encoder = BagEncoder(4, width=4, latent=4, dropout=0.25)
    with torch.no_grad():
        encoder.table.weight[1:] = torch.eye(4) * 1e-3  # tanh is linear there
        encoder.mean.weight.copy_(torch.eye(4))
    many = bag(*[{1: 1.0, 3: 1.0}] * 4000)
    torch.manual_seed(0)
    found = encoder(many)[0].detach() * 1e3
    assert not found[:, 1::2].any() and found[:, ::2].unique().numpy() == pytest.approx([0, 4 / 3], abs=1e-5)
    assert (found[:, 0] == 0).float().mean() == pytest.approx(0.25, abs=0.04)
    assert torch.equal(encoder.eval()(many)[0][0], encoder(many)[0][1])


def test_an_autoencoder_without_a_variance_has_no_noise():
    net = RowAutoencoder(4, width=3, latent=2, dropout=0.0)
    mean, log_variance = net.encoder(ROWS)
    assert log_variance is None and torch.equal(sample(mean, None, draw(4, 2)), mean)
    assert torch.equal(net(ROWS), net.decode(mean))
    assert torch.allclose(net.logits(mean), net(ROWS) @ net.item.weight.T + net.bias.weight.T)


def test_noise_has_the_standard_deviation_of_the_variance():
    noise = torch.tensor([[1.0, -2.0]])
    found = sample(torch.tensor([[3.0, 3.0]]), torch.tensor([[4.0, 0.0]]).log(), noise)
    assert found[0, 0].item() == pytest.approx(3 + 2 * 1) and found[0, 1].item() == pytest.approx(3)  # variance 0
    assert torch.equal(sample(noise, noise, None), noise)


def test_shares_are_a_distribution_and_hard_where_tau_is_small():
    vectors, prototypes = draw(50, 6), draw(4, 6)
    cosine = nn.functional.cosine_similarity(vectors[:, None], prototypes[None], dim=2)
    for tau in (1.0, 0.1, 1e-4):
        shares = log_shares(vectors, prototypes, tau).exp()
        assert torch.allclose(shares.sum(1), torch.ones(50), atol=1e-5)
        assert torch.allclose(shares, (cosine / tau).softmax(1), atol=1e-3 if tau < 0.01 else 1e-5)
    assert torch.equal(shares.round(), nn.functional.one_hot(cosine.argmax(1), 4).float())
    assert (shares.amax(1) > 0.99).float().mean() > 0.95
    assert torch.equal(log_shares(vectors, draw(1, 6), 0.1), torch.zeros(50, 1)), "one prototype has all of everything"
    noise = torch.zeros(50, 4)
    noise[:, 2] = 100.0
    assert (log_shares(vectors, prototypes, 0.1, noise).argmax(1) == 2).all()


def test_a_bag_is_divided_by_shares_and_keeps_its_length():
    shares = draw(5, 3).softmax(1)
    parts = divided(ROWS, shares)
    found, whole = dense(parts, 4).unflatten(0, (3, 4)), dense(ROWS, 4)
    for k in range(3):
        expected = whole * shares[:, k]
        expected = expected * (whole.norm(dim=1) / expected.norm(dim=1).clamp_min(1e-9))[:, None]
        assert torch.allclose(found[k], expected, atol=1e-5)
    once = divided(ROWS, torch.ones(5, 1))
    assert torch.equal(once.ids, ROWS.ids) and torch.equal(once.offsets, ROWS.offsets)
    assert torch.equal(once.weights, ROWS.weights), "one prototype divides nothing"


def test_a_prototype_without_a_share_in_a_row_reads_zeros():
    hard = torch.zeros(5, 2)
    hard[[0, 1, 2], 0] = hard[[3, 4], 1] = 1
    hard.requires_grad_()
    parts = divided(ROWS, hard)
    found = dense(parts, 4)
    assert found[4 + 2].tolist() == [0, 0, 0, 0, 0] and found[2].tolist() == [0, 0, 1, 0, 0]
    parts.weights.sum().backward()
    assert torch.isfinite(hard.grad).all()


def test_a_mixture_by_hand():
    logits = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])  # prototype 0 of two rows, then 1
    shares = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    expected = [[0.25 * np.exp(1) + 0.75 * np.exp(5), np.exp(2)], [0.25 * np.exp(3) + 0.75 * np.exp(7), np.exp(4)]]
    assert torch.allclose(mixture(logits, shares.log()).exp(), torch.tensor(expected, dtype=torch.float32), rtol=1e-5)
    assert torch.equal(mixture(logits, torch.zeros(2, 1)), logits)


def test_attention_that_may_be_negative_by_hand():
    query, key = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]])
    expected = [np.tanh(1) / (1 + np.exp(-1)), np.tanh(-1) / (1 + np.exp(1))]  # distances 0 and 2, their mean 1
    assert signed_attention(query, key)[0, 0].tolist() == pytest.approx(expected)

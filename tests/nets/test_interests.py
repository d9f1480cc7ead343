"""Interests of every prefix, their dependence, and weights that lower it."""
import pytest
import torch
import torch.nn.functional as F

from workbench.losses.independence import independent_weights, pairwise_hsic, random_cosines
from workbench.nets.sequences.multi_interest import InterestEncoder, InterestPooling
from workbench.nets.transformer import SequenceEncoder
from workbench.systems.sequential.desmil import nearest_interest_loss


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_interests_of_a_prefix_read_no_later_event():
    torch.manual_seed(0)
    encoder = SequenceEncoder(9, width=8, layers=1, heads=2, feedforward=8, max_length=6, dropout=0.0)
    net = InterestEncoder(encoder, InterestPooling(8, 3, 6))
    whole = net(torch.tensor([[1, 2, 3, 4, 5]]))
    assert whole.shape == (1, 5, 3, 8)
    cut = net(torch.tensor([[1, 2, 3, 0, 0]]))
    assert torch.allclose(whole[:, :3], cut[:, :3], atol=1e-6)
    h = encoder(torch.tensor([[1, 2, 3]]))
    a = net.pooling.queries(torch.tanh(net.pooling.inner(h)))[0]
    assert torch.allclose(whole[0, 2], a.softmax(0).T @ h[0], atol=1e-6)
    net.pooling.age.data[:, 0] = 1.0  # of the newest event
    newest = (a + torch.tensor([0, 0, 1.0])[:, None]).softmax(0)
    assert torch.allclose(net(torch.tensor([[1, 2, 3]]))[0, 2], newest.T @ h[0])
    assert torch.allclose(whole[0, 0], h[0, 0].expand(3, 8), atol=1e-6), "of one event there is one interest"


def test_dependence_is_the_kernel_formula_with_linear_features():
    v = draws(30, 2, 4)
    n, (x, y) = len(v), v.unbind(1)
    centre = torch.eye(n) - 1 / n
    expected = torch.trace(x @ x.T @ centre @ (y @ y.T) @ centre) / (n - 1) ** 2
    assert pairwise_hsic(v, torch.ones(n)).item() == pytest.approx(expected.item(), rel=1e-4)


def test_noise_is_independent_and_a_copy_is_not():
    few, many = (pairwise_hsic(random_cosines(draws(n, 2, 6), 5, generator()), torch.ones(n)) for n in (100, 20_000))
    same = draws(20_000, 1, 6).expand(-1, 2, -1)
    assert many < few / 20 and many < 0.01
    assert pairwise_hsic(random_cosines(same, 5, generator()), torch.ones(20_000)) > 10 * many


def test_weights_lower_the_dependence_and_keep_their_sum():
    shared = draws(200, 1, 6, seed=1)
    v = draws(200, 3, 6, seed=2) + shared
    weights = independent_weights(v, steps=5, rate=0.5, features=5, generator=generator(3))
    assert weights.sum().item() == pytest.approx(200, rel=1e-5) and (weights >= 0).all() and not weights.requires_grad
    mapped = random_cosines(v, 5, generator(3))
    assert pairwise_hsic(mapped, weights) < 0.9 * pairwise_hsic(mapped, torch.ones(200))
    permuted = weights[torch.randperm(200, generator=generator(4))]
    assert pairwise_hsic(mapped, permuted) > pairwise_hsic(mapped, weights)


def test_without_steps_all_weights_are_one_and_nothing_is_drawn():
    stream = generator()
    before = stream.get_state()
    weights = independent_weights(draws(5, 2, 3), steps=0, rate=1, features=5, generator=stream)
    assert torch.equal(weights, torch.ones(5))
    assert torch.equal(stream.get_state(), before)


def test_weights_of_one_sample_are_finite():
    assert independent_weights(draws(1, 2, 3), steps=2, rate=1, features=5, generator=generator()).tolist() == [1]


def test_the_interest_nearest_to_the_target_learns():
    v, weight, targets = draws(4, 3, 5).requires_grad_(), draws(8, 5, seed=1), torch.tensor([1, 2, 7, 3])
    losses = nearest_interest_loss(v, weight, targets)
    losses.sum().backward()
    for row, target in enumerate(targets):
        nearest = int((v[row] @ weight[target]).argmax())
        expected = F.cross_entropy(v[row, nearest][None] @ weight[1:].T, target[None] - 1)
        assert losses[row].item() == pytest.approx(expected.item(), rel=1e-5)
        assert [bool(each.any()) for each in v.grad[row]] == [k == nearest for k in range(3)]

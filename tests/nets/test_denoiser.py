"""Denoising: the schedule's ends, a sampler that arrives where the prediction points, guidance, the dispersive term."""
import math

import numpy as np
import pytest
import torch

from workbench import systems
from workbench.data import Histories
from workbench.nets.denoiser import DenoisedNext, Denoiser, add_noise, denoise, signal_shares
from workbench.nets.transformer import SequenceEncoder
from workbench.train import seeded_torch

WIDTH, TIMES, ITEMS = 8, 50, 30
contrec = systems.load("contrec")


def normal(*shape, seed: int = 0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def denoiser():
    with seeded_torch(0, "denoiser"):
        return Denoiser(WIDTH, 16)


def test_at_time_0_the_noised_vector_is_the_target_and_at_the_last_it_is_noise():
    shares, x, noise = signal_shares(TIMES), normal(5, WIDTH), normal(5, WIDTH, seed=1)
    assert len(shares) == TIMES + 1 and shares[0] == 1 and (shares.diff() < 0).all() and 0 < shares[-1] < 0.01
    assert torch.equal(add_noise(x, noise, shares[[0] * 5]), x)
    assert torch.allclose(add_noise(x, noise, shares[[1] * 5]), x, atol=0.2)
    assert torch.allclose(add_noise(x, noise, shares[[TIMES] * 5]), noise, atol=0.3)
    many = add_noise(normal(20_000, 1), normal(20_000, 1, seed=1), shares[25].expand(20_000))
    assert many.var().item() == pytest.approx(1, abs=0.03), "the variance is kept"


@pytest.mark.parametrize("steps", [1, 7, TIMES])
def test_sampling_arrives_at_what_is_predicted(steps):
    target, seen = normal(3, WIDTH), []

    def predict(x, t):
        seen.append(t)
        return target

    assert torch.equal(denoise(predict, normal(3, WIDTH, seed=1), signal_shares(TIMES), steps), target)
    assert seen[0] == TIMES and len(seen) == steps and seen == sorted(set(seen), reverse=True) and seen[-1] > 0


def test_a_sampler_keeps_a_vector_on_its_path():
    """A prediction that is right at x_t leads through the x_s of the same noise."""
    shares, x, noise, visited = signal_shares(TIMES), normal(3, WIDTH), normal(3, WIDTH, seed=1), {}

    def predict(at, t):
        visited[t] = at
        return x

    denoise(predict, add_noise(x, noise, shares[[TIMES] * 3]), shares, 5)
    for t, at in visited.items():
        assert torch.allclose(at, add_noise(x, noise, shares[[t] * 3]), atol=1e-5)


def test_without_guidance_it_is_the_conditional_prediction_bit_for_bit(denoiser):
    x, h, t = normal(4, WIDTH), normal(4, WIDTH, seed=1), torch.full((4,), 9)
    conditional, null = denoiser(x, h, t), denoiser(x, denoiser.null.expand(4, -1), t)
    assert torch.equal(denoiser.guided(x, h, 9, 0.0), conditional)
    assert torch.allclose(denoiser.guided(x, h, 9, 2.0), 3 * conditional - 2 * null)
    assert not torch.allclose(conditional, null)


def test_the_prediction_depends_on_time(denoiser):
    x, h = normal(4, WIDTH), normal(4, WIDTH, seed=1)
    early, late = (denoiser(x, h, torch.full((4,), t)) for t in (1, 40))
    assert (early != late).any(1).all()


def test_the_dispersive_term_by_hand_and_its_gradient():
    x = torch.tensor([[0.0, 0.0], [2.0, 0.0]], requires_grad=True)  # squared distance 4, D = 2
    value = contrec.log_closeness(x)
    assert value.item() == pytest.approx(math.log((2 + 2 * math.exp(-2)) / 4), abs=1e-6)
    value.backward()
    assert x.grad[0, 0] > 0 > x.grad[1, 0], "a step against the gradient moves the points apart"
    assert contrec.log_closeness(torch.ones(7, 3)).item() == pytest.approx(0, abs=1e-6)


def test_of_many_predictions_some_are_compared():
    x = normal(3 * contrec.DISPERSED, 4)
    assert contrec.log_closeness(x).item() == pytest.approx(contrec.log_closeness(x[::3]).item(), abs=1e-6)


def test_predictions_are_farther_apart_the_more_the_term_weighs():
    """A toy whose condition says only half of the target: without the term, predictions are means."""

    def distance(weight: float) -> float:
        with seeded_torch(0, "toy"):
            net, x = Denoiser(WIDTH, 32), normal(256, WIDTH)
            h = torch.cat([x[:, :4], torch.zeros(256, 4)], 1)
            optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
            for _ in range(80):
                noised = add_noise(x, torch.randn_like(x), torch.full((256,), 0.1))
                predicted = net(noised, h, torch.full((256,), 40))
                loss = (predicted - x).square().mean() + weight * contrec.log_closeness(predicted)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        return torch.pdist(predicted).mean().item()

    apart = [distance(weight) for weight in (0.0, 0.5, 2.0)]
    assert apart[0] < apart[1] - 0.1 < apart[2] - 0.2, apart


def test_a_trained_network_gives_the_target_back_the_better_the_less_noise():
    """Its condition says nothing of the target: at the last time it predicts the mean, at time 0 it reads it."""
    shares = signal_shares(TIMES)
    with seeded_torch(0, "toy"):
        net, h = Denoiser(WIDTH, 32), torch.zeros(256, WIDTH)
        optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
        for _ in range(300):
            x, t = torch.randn(256, WIDTH), torch.randint(0, TIMES + 1, (256,))
            loss = (net(add_noise(x, torch.randn_like(x), shares[t]), h, t) - x).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        x, noise = torch.randn(256, WIDTH), torch.randn(256, WIDTH)
        left = [(net(add_noise(x, noise, shares[[t] * 256]), h, torch.full((256,), t)) - x).square().mean().item()
                for t in (0, TIMES // 2, TIMES)]  # fmt: skip
    assert left[0] < 0.1 < 0.3 < left[1] < left[2] and left[2] == pytest.approx(1, abs=0.1), left


def test_rows_of_norm_sqrt_d():
    table = contrec.unit_scale(torch.cat([torch.zeros(1, 4), 5 * normal(3, 4)]))
    assert not table[0].any() and torch.allclose(table[1:].norm(dim=1), torch.full((3,), 2.0))


def test_what_is_generated_for_a_history_does_not_depend_on_its_batch():
    with seeded_torch(0, "net"):
        encoder = SequenceEncoder(ITEMS, width=WIDTH, layers=1, heads=2, feedforward=16, max_length=6, dropout=0.5)
        vectors = torch.cat([torch.zeros(1, WIDTH), torch.randn(ITEMS, WIDTH)])
        module = DenoisedNext(encoder, vectors, Denoiser(WIDTH, 16), torch.randn(WIDTH), times=TIMES).eval()
    reader = contrec.DenoisedState(6, steps=5, guidance=2.0)
    lengths = np.array([3, 0, 9, 3, 1])
    items = np.random.default_rng(0).integers(1, ITEMS + 1, lengths.sum()).astype(np.int32)
    items[12:15] = items[:3]  # rows 0 and 3 are equal
    histories = Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(5, dtype=np.int32))
    together = reader.states(module, histories)
    alone = torch.cat([reader.states(module, histories.take([row])) for row in range(5)])
    assert torch.allclose(together, alone, atol=1e-5) and torch.equal(together[0], together[3])
    assert torch.equal(together, reader.states(module, histories)), "no chance is drawn"
    assert not torch.allclose(together[0], together[2], atol=1e-2)
    assert not module.item.weight.requires_grad and module.noise.shape == (WIDTH,)

"""The network of interests against loops over users and prototypes, and latents on a sphere."""
import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from workbench.losses.variational import gaussian_kl
from workbench.nets.rows.autoencoder import SPREAD, SphereAutoencoder
from workbench.nets.rows.bags import Bag
from workbench.nets.rows.interests import Interests
from workbench.train.rng import seeded_torch

ITEMS, WORDS, K, Z, TAU = 6, 5, 3, 4, 0.2
ROWS = Bag(torch.tensor([1, 3, 6, 2, 4]), torch.tensor([0, 3, 3, 5]), torch.tensor([0.6, 0.0, 0.8, 0.6, 0.8]))
READ = Bag(torch.tensor([2, 5, 1, 2, 3]), torch.tensor([0, 2, 2, 5]), torch.tensor([0.8, 0.6, 0.5, 0.5, 0.7]))


def sphere(ids: int) -> SphereAutoencoder:
    side = SphereAutoencoder(ids, width=7, latent=Z, dropout=0.0, tau=TAU)
    with torch.no_grad():
        side.bias.weight[1:] = torch.randn(ids, 1)
        side.item.weight[1:] = torch.randn(ids, Z)
        side.encoder.mean.bias.copy_(torch.randn(Z))
    return side.eval()


@pytest.fixture
def net() -> Interests:
    with seeded_torch(0, "interests"):
        return Interests(sphere(ITEMS), sphere(WORDS), torch.randn(K, Z), None, TAU).eval()


def shares(side: SphereAutoencoder, prototypes: torch.Tensor) -> torch.Tensor:
    return (cosine_similarity(side.item.weight[:, None], prototypes[None], dim=2) / TAU).softmax(1)


def latent(side: SphereAutoencoder, bag: Bag, row: int, share: torch.Tensor) -> torch.Tensor:
    """(Z,) of the entries of a row that belong to one prototype by share (N+1,)."""
    x = torch.zeros(len(share))
    part = slice(int(bag.offsets[row]), int(bag.offsets[row + 1]))
    x[bag.ids[part]] = bag.weights[part]
    divided = x * share
    divided = divided * x.norm() / divided.norm().clamp_min(1e-9)
    return normalize(side.encoder.mean((divided @ side.encoder.table.weight + side.encoder.shift).tanh()), dim=0)


def weight(q: torch.Tensor, k: int, keys: list[torch.Tensor]) -> torch.Tensor:
    distances = [(q - key).abs().sum() for key in keys]
    return torch.tanh(q @ keys[k]) * torch.sigmoid(sum(distances) / len(keys) - distances[k])


def test_both_sides_are_predicted_from_each_read_by_way_of_the_other(net):
    found = net(ROWS, READ)
    c, v = shares(net.items, net.prototypes), shares(net.words, net.prototypes)
    for row in range(3):
        of_items = [latent(net.items, ROWS, row, c[:, k]) for k in range(K)]
        of_words = [latent(net.words, READ, row, v[:, k]) for k in range(K)]
        a = [sum(weight(of_words[k], j, of_items) * of_items[j] for j in range(K)) for k in range(K)]
        b = [sum(weight(of_items[k], j, of_words) * of_words[j] for j in range(K)) for k in range(K)]
        for view, expected in zip(found.views, (a, b), strict=True):
            assert torch.allclose(view[row], torch.stack(expected), atol=1e-5)
        for side, share, logits in ((net.items, c, found.items), (net.words, v, found.words)):
            products = [normalize(side.item.weight, dim=1) @ (a[k] + b[k]) / TAU for k in range(K)]
            odds = sum(share[:, k] * products[k].exp() for k in range(K)) * side.bias.weight[:, 0].exp()
            assert torch.allclose(logits[row].exp()[1:], odds[1:], rtol=1e-4)


def test_without_words_items_are_predicted_from_their_own_latents(net):
    alone = Interests(net.items, None, net.prototypes.detach(), None, TAU).eval()
    found, c = alone(ROWS, None), shares(net.items, net.prototypes)
    z = [latent(net.items, ROWS, 2, c[:, k]) for k in range(K)]
    odds = sum(c[:, k] * (normalize(net.items.item.weight, dim=1) @ z[k] / TAU).exp() for k in range(K))
    assert torch.allclose(found.items[2].exp()[1:], (odds * net.items.bias.weight[:, 0].exp())[1:], rtol=1e-4)
    assert found.words is None and found.views == [] and len(found.divergence) == 1


def test_latents_on_a_sphere_have_length_1_and_only_their_variance_costs(net):
    side, noise = net.items, torch.randn(3, Z, generator=torch.Generator().manual_seed(0))
    mean, log_variance = side.encoder(ROWS)
    z, divergence = side.latents(ROWS, noise)
    moved = normalize(mean, dim=1) + SPREAD * (log_variance / 2).exp() * noise
    assert torch.allclose(z, moved / moved.norm(dim=1, keepdim=True), atol=1e-6)
    assert torch.allclose(divergence, gaussian_kl(torch.zeros(3, Z), log_variance))
    assert not torch.allclose(divergence, gaussian_kl(mean, log_variance), atol=1e-3)
    served, _ = side.latents(ROWS, None)
    assert torch.allclose(served, mean / mean.norm(dim=1, keepdim=True), atol=1e-6)
    angle = torch.arccos((served * z).sum(1).clamp(-1, 1))
    assert 0 < angle.max() < 4 * SPREAD * np.sqrt(Z)

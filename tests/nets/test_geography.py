"""Places: tile strings and their round trip, n-grams, Fourier features of differences, vectors that know distances."""
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from workbench.data import datasets
from workbench.data.coordinates import great_circle, item_coordinates
from workbench.errors import UserError
from workbench.nets.sequences.geography import (
    LEVEL,
    FourierFeatures,
    PlacedItems,
    PlaceEncoder,
    digit_grams,
    mercator,
    tile_centre,
    tile_digits,
    unit_coordinates,
)
from workbench.train import seeded_torch

CORNERS = np.array([[60.0, -90.0], [60.0, 90.0], [-60.0, -90.0], [-60.0, 90.0]])  # one in each quarter of the map


def some_places(n: int = 500) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.uniform(-85, 85, n), rng.uniform(-180, 180, n)], 1)


def encoder(degrees: np.ndarray, width: int = 16, **settings) -> PlaceEncoder:
    with seeded_torch(0, "places"):
        return PlaceEncoder(degrees, width, **{"layers": 1, "frequencies": 16, "scale": 1.0} | settings)


def test_digits_of_the_quarters_and_of_a_known_tile():
    assert tile_digits(CORNERS, 1)[:, 0].tolist() == [0, 1, 2, 3]
    times_square = np.array([40.758, -73.9855])
    assert "".join(map(str, tile_digits(times_square, 10))) == "0320101101"  # x 301, y 384 at zoom 10, by hand below
    x, y = 301, 384
    assert mercator(times_square) * 2**10 // 1 == pytest.approx([x, y])
    assert [(x >> bit & 1) + 2 * (y >> bit & 1) for bit in range(9, -1, -1)] == [0, 3, 2, 0, 1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize("level", [1, 7, LEVEL])
def test_the_centre_of_a_tile_is_nearer_than_its_size(level):
    places = some_places()
    digits = tile_digits(places, level)
    centre = tile_centre(digits)
    assert digits.shape == (len(places), level) and digits.min() >= 0 and digits.max() <= 3
    assert np.abs(mercator(centre) - mercator(places)).max() <= 0.5 / 2**level + 1e-12
    assert np.array_equal(tile_digits(centre, level), digits)
    if level == LEVEL:  # 40,075 km of the equator by 2^25: the half of it, in both directions
        assert great_circle(places, centre).max() < 40_076 / 2**LEVEL / 2**0.5


def test_places_in_one_tile_share_its_digits():
    rng, level = np.random.default_rng(1), 9
    tile = tile_digits(some_places(), level)
    inside = np.concatenate([tile, rng.integers(0, 4, (len(tile), LEVEL - level))], 1)
    other = np.concatenate([tile, rng.integers(0, 4, (len(tile), LEVEL - level))], 1)
    a, b = (tile_digits(tile_centre(digits)) for digits in (inside, other))
    assert np.array_equal(a[:, :level], b[:, :level]) and (a[:, level:] != b[:, level:]).any(1).all()
    places = some_places(2_000) * [0.005, 0.001]  # in one another's neighbourhood
    same_tile = (mercator(places)[:, None] * 2**11 // 1 == mercator(places) * 2**11 // 1).all(2)
    shared = (tile_digits(places, 11)[:, None] == tile_digits(places, 11)).all(2)
    assert np.array_equal(same_tile, shared) and 2_000 < shared.sum() < 2_000**2 / 2


def test_n_grams_are_numbers_of_base_4():
    assert digit_grams(np.array([0, 1, 2, 3]), 2).tolist() == [1, 6, 11]
    grams = digit_grams(tile_digits(some_places()))
    assert grams.shape == (500, 20) and grams.min() >= 0 and grams.max() < 4**6


def test_the_poles_and_the_date_line_are_on_the_map():
    for place in ([90, 180], [-90, -180], [0, 180]):
        assert 0 <= mercator(np.array(place, float)).min() <= mercator(np.array(place, float)).max() < 1


def test_the_product_of_fourier_features_depends_on_the_difference_only():
    with seeded_torch(0, "waves"):
        phi, x, y, shift = FourierFeatures(32, scale=2.0), torch.randn(50, 2), torch.randn(50, 2), 3 * torch.randn(1, 2)
    product = (phi(x) * phi(y)).sum(-1)
    assert torch.allclose((phi(x + shift) * phi(y + shift)).sum(-1), product, atol=1e-5)
    assert torch.allclose((phi(x) * phi(x)).sum(-1), torch.ones(50), atol=1e-6)
    by_hand = ((x - y) @ phi.frequencies.T).cos().mean(-1)
    assert torch.allclose(product, by_hand, atol=1e-5) and product.std() > 0.05
    product.sum().backward()
    assert phi.frequencies.grad.any(), "frequencies learn"


def test_units_keep_proportions():
    at = unit_coordinates(some_places())
    assert np.square(at).mean() == pytest.approx(1, abs=1e-5) and np.abs(at.mean(0)).max() < 1e-5
    ratio = np.linalg.norm(at[:50, None] - at[50:100], axis=2) / np.linalg.norm(
        mercator(some_places())[:50, None] - mercator(some_places())[50:100], axis=2
    )
    assert ratio.std() / ratio.mean() < 1e-4


@pytest.mark.parametrize("parts", [{}, {"layers": 0}, {"layers": None}, {"frequencies": 0}])
def test_a_place_has_one_vector_and_padding_none(parts):
    degrees = np.concatenate([np.zeros((1, 2)), some_places(9)])
    places = encoder(degrees, **parts)
    items = torch.tensor([[3, 3, 0], [9, 1, 3]])
    x = places(items)
    assert x.shape == (2, 3, 16) and torch.equal(x[0, 0], x[0, 1]) and torch.equal(x[0, 0], x[1, 2])
    assert not x[0, 2].any() and x[items > 0].any(1).all()
    assert torch.allclose(x, places(torch.arange(10))[items], atol=1e-7)
    assert 0.002 < x[items > 0].std() < 0.1, "about as large as an id's embedding"
    at_one = encoder(np.repeat(degrees[[0, 4]], [1, 9], axis=0), **parts)(torch.arange(10))
    assert torch.allclose(at_one[1:], at_one[1].expand(9, -1))


def test_item_vectors_are_ids_and_places_on_both_sides():
    degrees = np.concatenate([np.zeros((1, 2)), some_places(9)])
    items = PlacedItems(nn.Embedding(10, 16, padding_idx=0), encoder(degrees))
    weight, some = items.weight, torch.tensor([[2, 0, 5]])
    assert weight.shape == (10, 16) and not weight[0].any()
    assert torch.allclose(items(some), weight[some], atol=1e-7)
    assert torch.allclose(weight - items.ids.weight, items.places(torch.arange(10)), atol=1e-6)
    weight.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in items.parameters())


def test_great_circle_by_hand():
    quarter = np.pi / 2 * 6371.0088
    assert great_circle([0, 0], [0, 90]) == pytest.approx(quarter)
    assert great_circle([90, 17], [0, -60]) == pytest.approx(quarter)
    assert great_circle([10, 179.5], [10, -179.5]) == pytest.approx(great_circle([10, 0.5], [10, -0.5]))
    assert great_circle([0, 0], [[0, 180], [0, 0]]) == pytest.approx([2 * quarter, 0])


def test_a_trained_encoder_knows_distances_and_ids_do_not():
    """Distances of pairs that were not trained on, among the real places of New York."""
    degrees = item_coordinates(datasets.load("foursquare-nyc"))
    rng, n = np.random.default_rng(0), len(degrees) - 1
    tested = np.arange(1, n + 1)[rng.random(n) < 0.2]
    trained = np.setdiff1d(np.arange(1, n + 1), tested)

    def pairs(items: np.ndarray, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        pair = rng.choice(items, (size, 2))
        km = great_circle(degrees[pair[:, 0]], degrees[pair[:, 1]])
        return torch.from_numpy(pair), torch.from_numpy(km).float()

    def spearman(vectors) -> float:
        with torch.no_grad():
            apart = (vectors(held_out[:, 0]) - vectors(held_out[:, 1])).norm(dim=1)
        return spearmanr(apart, km)[0]

    held_out, km = pairs(tested, 3_000)
    places = encoder(degrees, 32)
    with seeded_torch(0, "ids"):
        ids = nn.Embedding(n + 1, 32)
    correlations = {}
    for name, module in (("places", places), ("ids", ids)):
        optimiser = torch.optim.Adam(module.parameters(), lr=5e-3)
        for _ in range(60):
            pair, target = pairs(trained, 512)
            loss = ((module(pair[:, 0]) - module(pair[:, 1])).norm(dim=1) - target / 10).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        correlations[name] = spearman(module)
    assert correlations["places"] > 0.9 and abs(correlations["ids"]) < 0.1, correlations


def test_data_without_coordinates_are_refused_with_those_that_have_them():
    with pytest.raises(UserError, match=r"synthetic: unknown table 'geography'.*foursquare-nyc, synthetic-places"):
        item_coordinates(datasets.load("synthetic", users=20))
    world = datasets.load("synthetic-places", users=50, items=30)
    of_items = item_coordinates(world)
    del world.items["lat"]
    assert np.array_equal(item_coordinates(world), of_items), "of the table geography"
    world.tables["geography"].loc[3, "lat"] = 99.0
    with pytest.raises(UserError, match="synthetic-places: 1 of 30 items have no lat within -90 to 90"):
        item_coordinates(world)

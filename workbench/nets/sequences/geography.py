"""Places as vectors: the digits of their map tiles, n-grams of them, and Fourier features of their coordinates.

Tiles are those of Web Mercator maps: at level L the world is a square of 2^L by 2^L tiles, and a tile's string of L
digits 0 to 3, its quadkey, names a quarter of the tile before. Tile n-grams, their encoder and the combination with
Fourier features follow GA-LLM; Fourier features with learnable frequencies arXiv:2106.02795.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.nets.transformer import Block

LEVEL = 25  # tiles of 1.2 m at the equator
GRAM = 6  # digits of an n-gram, of which there are 4^6 = 4,096
HIGHEST = 85.05112877980659  # degrees of latitude at which the Mercator map of the world is a square


def mercator(degrees: np.ndarray) -> np.ndarray:
    """(..., 2) east and south, each in [0, 1), of places (..., 2) of latitude and longitude in degrees; latitudes
    beyond HIGHEST count as that."""
    lat, lon = np.radians(np.clip(degrees[..., 0], -HIGHEST, HIGHEST)), degrees[..., 1]
    at = np.stack([lon / 360 + 0.5, 0.5 - np.arcsinh(np.tan(lat)) / (2 * np.pi)], -1)
    return np.clip(at, 0, np.nextafter(1, 0))


def tile_digits(degrees: np.ndarray, level: int = LEVEL) -> np.ndarray:
    """(..., level) digits 0 to 3 of the tile of each place (..., 2), the coarsest first. A digit is 1 in the eastern
    half of the tile before, plus 2 in the southern half."""
    tile = (mercator(degrees) * 2**level).astype(np.int64)[..., None, :]
    bits = tile >> np.arange(level - 1, -1, -1)[:, None] & 1
    return bits[..., 0] + 2 * bits[..., 1]


def tile_centre(digits: np.ndarray) -> np.ndarray:
    """(..., 2) latitude and longitude in degrees of the centres of tiles (..., L)."""
    level = digits.shape[-1]
    weight = 2.0 ** np.arange(-1, -level - 1, -1)
    east, south = (digits & 1) @ weight, (digits >> 1) @ weight
    half = 0.5**level / 2
    lat = np.arctan(np.sinh(np.pi * (1 - 2 * (south + half))))
    return np.stack([np.degrees(lat), 360 * (east + half) - 180], -1)


def digit_grams(digits: np.ndarray, n: int = GRAM) -> np.ndarray:
    """(..., L - n + 1) ids, below 4^n, of the n-grams of digits (..., L)."""
    windows = np.lib.stride_tricks.sliding_window_view(digits, n, axis=-1)
    return windows @ 4 ** np.arange(n - 1, -1, -1)


def unit_coordinates(degrees: np.ndarray) -> np.ndarray:
    """(N, 2) float32 places on the map, east and south, centred and of standard deviation 1 over both axes together:
    distances keep their proportions, as far as the map keeps them."""
    at = mercator(degrees)
    at = at - at.mean(axis=0)
    return (at / max(np.sqrt(np.square(at).mean()), 1e-12)).astype(np.float32)


class FourierFeatures(nn.Module):
    """phi(x) = [cos Wx, sin Wx] / sqrt(n) of coordinates (..., 2): (..., 2 n), with learnable frequencies W (n, 2).

    phi(x) . phi(y) = mean_k cos(w_k . (x - y)): it depends on the difference of the coordinates only, and is 1 for the
    same place. scale: standard deviation of the frequencies at the start, in radians a unit of the coordinates.
    """

    def __init__(self, n: int, *, scale: float):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(n, 2) * scale)

    def forward(self, x: Tensor) -> Tensor:
        angle = x @ self.frequencies.T
        return torch.cat([angle.cos(), angle.sin()], -1) / len(self.frequencies) ** 0.5


class TileEncoder(nn.Module):
    """n-gram ids (N, G) of tile strings to vectors (N, D): an embedding of each, times that of its position, `layers`
    blocks of a transformer that reads the whole string, the mean, LayerNorm. With layers=0 it is a bag of n-grams."""

    def __init__(self, positions: int, width: int, *, layers: int, heads: int = 2, n: int = GRAM):
        super().__init__()
        self.gram, self.position = nn.Embedding(4**n, width), nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(Block(width, heads, 2 * width, 0.0, causal=False) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, grams: Tensor) -> Tensor:
        x = self.gram(grams) * self.position.weight  # a product, so that a bag knows where an n-gram stands
        for block in self.blocks:
            x = block(x)
        return self.norm(x.mean(-2))


class PlaceEncoder(nn.Module):
    """Item ids (...) to vectors (..., D) of their places: those of the tile encoder plus an MLP of Fourier features.

    degrees: (I+1, 2) latitude and longitude; row 0 is padding, with the vector 0. layers: blocks of the tile encoder,
    which has half the width; None leaves the tiles out. frequencies: n of the Fourier features, 0 leaves them out.
    scale: see FourierFeatures. Vectors start about as large as id embeddings, which are of standard deviation 0.02.
    """

    def __init__(self, degrees: np.ndarray, width: int, *, layers: int | None, frequencies: int, scale: float):
        super().__init__()
        grams = np.pad(digit_grams(tile_digits(degrees[1:])), ((1, 0), (0, 0)))
        self.register_buffer("grams", torch.from_numpy(grams))
        self.register_buffer("at", torch.from_numpy(np.pad(unit_coordinates(degrees[1:]), ((1, 0), (0, 0)))))
        self.tiles = self.waves = None
        if layers is not None:
            self.tiles = TileEncoder(grams.shape[1], width // 2, layers=layers)
            self.of_tiles = _small(width // 2, width)
        if frequencies:
            self.waves, self.expand = FourierFeatures(frequencies, scale=scale), nn.Linear(2 * frequencies, 2 * width)
            self.of_waves = _small(2 * width, width)

    def forward(self, items: Tensor) -> Tensor:
        each, place = items.unique(return_inverse=True)  # of a batch's events many are at one place
        x = self.at.new_zeros(())
        if self.tiles is not None:
            x = x + self.of_tiles(self.tiles(self.grams[each]))
        if self.waves is not None:
            waves = self.waves(self.at[each]) * len(self.waves.frequencies) ** 0.5  # entries of size 1 for the MLP
            x = x + self.of_waves(F.gelu(self.expand(waves)))
        return F.embedding(place, x * (each > 0)[:, None])


class PlacedItems(nn.Module):
    """Embeddings of items, of which a part says where they are: ids (...) to e_id + g(place) (..., D).

    ids: the table (I+1, D). places: a module of item ids, which gives padding zeros.
    """

    def __init__(self, ids: nn.Embedding, places: nn.Module):
        super().__init__()
        self.ids, self.places = ids, places

    @property
    def weight(self) -> Tensor:
        """(I+1, D) of all items, row 0 zeros: tied to the output, a new item's place counts there too."""
        every = torch.arange(self.ids.num_embeddings, device=self.ids.weight.device)
        return self.ids.weight + self.places(every)

    def forward(self, items: Tensor) -> Tensor:
        return self.ids(items) + self.places(items)


def _small(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer whose outputs are as small as id embeddings where its inputs are of size 1."""
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=0.02 / inputs**0.5)
    return linear

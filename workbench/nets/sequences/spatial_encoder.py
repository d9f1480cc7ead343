"""A causal encoder of visits that also reads in which tile a place is and how far it is from the one before."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data.coordinates import great_circle
from workbench.nets.sequences.geography import PlacedItems, tile_digits
from workbench.nets.transformer import SequenceEncoder

EDGES = (0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # km between the buckets of distances


def distance_buckets(rows: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """(B, T) buckets of the distance of each event from the one before, in rows (B, T) of ids, right-padded with 0: 1
    below the first of EDGES, the others above; 0 for a first event and for padding. degrees: (I+1, 2)."""
    places = degrees[rows]
    buckets = np.zeros(rows.shape, np.int64)
    buckets[:, 1:] = 1 + np.searchsorted(EDGES, great_circle(places[:, 1:], places[:, :-1]), side="right")
    return np.where(rows > 0, buckets, 0)


class TilePlaces(nn.Module):
    """Item ids (...) to W_s g of the embedding g of the tile at `level` that they are in, (..., D); padding has zeros.

    degrees: (I+1, 2) latitude and longitude, row 0 padding. tile: (I+1,) the number of an item's tile, from 1.
    """

    def __init__(self, degrees: np.ndarray, width: int, *, level: int):
        super().__init__()
        number = np.unique(tile_digits(degrees[1:], level), axis=0, return_inverse=True)[1].reshape(-1) + 1
        self.register_buffer("tile", torch.from_numpy(np.concatenate([[0], number])))
        self.embedding = nn.Embedding(int(number.max()) + 1, width, padding_idx=0)
        self.project = nn.Linear(width, width, bias=False)  # W_s, of tiles and of distances
        nn.init.normal_(self.embedding.weight, std=0.02)
        with torch.no_grad():
            self.embedding.weight[0] = 0

    def forward(self, items: Tensor) -> Tensor:
        return self.project(self.embedding(self.tile[items]))


class SpatialEncoder(nn.Module):
    """Ids (B, T), right-padded, and buckets of distances (B, T) to hidden states (B, T, D), causal as the encoder.

    An event is read as e_id + W_s (g_tile + d_bucket) + p; an item is scored by e_id + W_s g_tile, its `item.weight`.
    encoder: its parameters keep their names; its items become `PlacedItems`. degrees, level: see TilePlaces.
    """

    def __init__(self, encoder: SequenceEncoder, degrees: np.ndarray, *, level: int):
        super().__init__()
        width = encoder.item.embedding_dim
        self.item = PlacedItems(encoder.item, TilePlaces(degrees, width, level=level))
        self.distance = nn.Embedding(len(EDGES) + 2, width, padding_idx=0)
        nn.init.normal_(self.distance.weight, std=0.02)
        with torch.no_grad():
            self.distance.weight[0] = 0
        self.position, self.blocks, self.norm = encoder.position, encoder.blocks, encoder.norm
        self.dropout = encoder.dropout

    def forward(self, items: Tensor, buckets: Tensor) -> Tensor:
        x = self.item(items) + self.item.places.project(self.distance(buckets))
        x = F.dropout(x + self.position.weight[: items.shape[1]], self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

"""Items embedded by their text: frozen vectors and an adapter in the place of an embedding table."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

ADAPTERS = ("linear", "bottleneck")
NARROWER = 4  # the bottleneck has a quarter of the width


class TextItems(nn.Module):
    """Item ids to vectors (D) of frozen text vectors; `weight` stands where an embedding has its table.

    vectors: (I+1, F) unit rows, row 0 zeros; kept as a buffer, times sqrt(F), so that entries are about 1. adapter:
    "linear", e_i = W x_i; or "bottleneck", e_i = W x_i + U gelu(V x_i), V (D/4, F). No parameter belongs to an item:
    one that was never in train has a vector and a score, and items of equal text have equal scores. There are no
    biases: one would move all items alike, which changes no ranking, and without it padding stays zero, as does an item
    without text.
    """

    def __init__(self, vectors: np.ndarray, width: int, adapter: str = "linear"):
        super().__init__()
        features = vectors.shape[1]
        self.register_buffer("vectors", torch.from_numpy(np.array(vectors, np.float32) * features**0.5))
        self.linear, self.down, self.up = nn.Linear(features, width, bias=False), None, None
        nn.init.normal_(self.linear.weight, std=0.02 / features**0.5)  # e as large as in a table that starts
        if adapter == "bottleneck":
            narrow = max(1, width // NARROWER)
            self.down, self.up = nn.Linear(features, narrow, bias=False), nn.Linear(narrow, width, bias=False)
            nn.init.normal_(self.up.weight, std=0.02 / narrow**0.5)

    @property
    def weight(self) -> Tensor:
        """(I+1, D): the vectors of all items, row 0 zeros. Its gradient reaches the adapter alone."""
        return self.adapt(self.vectors)

    def adapt(self, vectors: Tensor) -> Tensor:
        """(..., D) from text vectors (..., F), of items of the catalogue or of others."""
        adapted = self.linear(vectors)
        return adapted if self.down is None else adapted + self.up(F.gelu(self.down(vectors)))

    def forward(self, items: Tensor) -> Tensor:
        """(..., D) vectors of item ids (...)."""
        return self.adapt(self.vectors[items])

"""Items embedded by what is known of them: frozen vectors, such as of their texts, through one trained linear map."""
import numpy as np
import torch
from torch import Tensor, nn


class ContentItems(nn.Module):
    """An item table without parameters of single items: weight[i] = W x_i for frozen vectors x (I+1, C).

    Items with equal vectors have equal embeddings, and one that was never in train has an embedding like any other. Row
    0 of the vectors, padding, is 0, and so is its embedding.
    """

    def __init__(self, vectors: np.ndarray, width: int):
        super().__init__()
        frozen = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).clone()
        frozen[0] = 0
        self.register_buffer("vectors", frozen)
        self.adapter = nn.Linear(frozen.shape[1], width, bias=False)

    @property
    def weight(self) -> Tensor:
        """(I+1, D) the embeddings of all items."""
        return self.adapter(self.vectors)

    def forward(self, items: Tensor) -> Tensor:
        """(..., D) embeddings of item ids (...)."""
        return self.adapter(self.vectors[items])

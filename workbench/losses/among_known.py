"""Cross-entropy among the items of train: as negatives, items without events would be learned to be bad."""
import numpy as np
import torch
from torch import Tensor

from workbench.losses.ranking import full_softmax


def softmax_among(items: np.ndarray, n: int):
    """A loss(h, weight, targets, step) as `full_softmax`, of weight (n, D), over the items that occur in `items`."""
    rows = torch.from_numpy(np.append(0, np.unique(items).astype(np.int64)))
    place = torch.zeros(n, dtype=torch.int64)
    place[rows] = torch.arange(len(rows))

    def loss(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        return full_softmax(h, weight[rows.to(h.device)], place.to(h.device)[targets], chunk=128)

    return loss

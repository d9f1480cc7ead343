"""Cross-entropy whose candidates are the items of train: it does not push down those that only their text describes."""
import numpy as np
import torch
from torch import Tensor

from workbench.losses.ranking import full_softmax


class TrainItems:
    """The items with a train event. rows: (K+1,) their ids, after padding. places: (I+1,) of every id in rows; 0 for an
    item that has none, which is never a target."""

    def __init__(self, items: np.ndarray, n_items: int):
        self.rows = torch.from_numpy(np.append(0, np.unique(items)).astype(np.int64))
        self.places = torch.zeros(n_items + 1, dtype=torch.int64)
        self.places[self.rows] = torch.arange(len(self.rows))

    def cross_entropy(self, h: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        """Mean over states h (N, D) of the cross-entropy of targets (N,), of all items of train; weight (I+1, D)."""
        rows, places = self.rows.to(h.device), self.places.to(h.device)
        return full_softmax(h, weight[rows], places[targets], chunk=128)

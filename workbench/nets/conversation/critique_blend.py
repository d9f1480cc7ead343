"""A learned linear blend of a user's state and of what they found wrong with what was shown."""
import numpy as np
import torch
from torch import Tensor, nn


class CritiqueBlend(nn.Module):
    """States z (B, D), zeros at first, that move away from what was criticised; an item's score gets z . v.

    z' = keep z - W mean of a over the critique, a critique without attributes leaving z as it is. items: (I+1, D) v;
    attributes: (A, D) a; both fixed. W (D, D) begins as the identity, keep as 1. sharpness: of the softmax in training,
    which changes no ranking.
    """

    def __init__(self, items: np.ndarray, attributes: np.ndarray):
        super().__init__()
        self.register_buffer("items", torch.from_numpy(items), persistent=False)
        self.register_buffer("attributes", torch.from_numpy(attributes), persistent=False)
        self.weight = nn.Parameter(torch.eye(items.shape[1]))
        self.keep, self.sharpness = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def start(self, n: int) -> Tensor:
        """(n, D) the states before any critique."""
        return self.items.new_zeros(n, self.items.shape[1])

    def forward(self, z: Tensor, critique: Tensor) -> Tensor:
        """(B, D) the states after a critique (B, A) bool."""
        said = critique.to(z)
        n = said.sum(1, keepdim=True)
        moved = self.keep * z - (said @ self.attributes) / n.clamp(min=1) @ self.weight.T
        return torch.where(n > 0, moved, z)

    def added(self, z: Tensor) -> Tensor:
        """(B, I+1) what states add to the scores of items, exactly 0 for a state of zeros."""
        return z @ self.items.T

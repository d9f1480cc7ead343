"""Attention from a history to its neighbours, by texts alone, as graph attention weighs the neighbours of a node."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE, GAIN = 0.2, 1.414  # of the leaky ReLU, and of the start weights, as in graph attention


class NeighbourAttention(nn.Module):
    """w_k = softmax_k LeakyReLU(a . [W q || W t_k]), with dropout on the weights.

    q is the text vector of a history, t_k that of its k-th neighbour; both are given and stay as they are. Graph
    Attention Networks (arXiv:1710.10903) equations 1 to 3, as SRA-CL uses them.
    """

    def __init__(self, text: int, width: int, dropout: float):
        super().__init__()
        self.project = nn.Linear(text, width, bias=False)
        self.of_query, self.of_neighbour = nn.Parameter(torch.empty(width, 1)), nn.Parameter(torch.empty(width, 1))
        self.dropout = dropout
        nn.init.xavier_uniform_(self.project.weight, gain=GAIN)
        for half in (self.of_query, self.of_neighbour):  # the two halves of a
            nn.init.xavier_uniform_(half, gain=GAIN)

    def forward(self, query: Tensor, neighbours: Tensor) -> Tensor:
        """Weights (B, K) of texts neighbours (B, K, E) for texts query (B, E); they sum to 1 without dropout."""
        logits = self.project(query) @ self.of_query + (self.project(neighbours) @ self.of_neighbour)[..., 0]
        return F.dropout(F.leaky_relu(logits, SLOPE).softmax(1), self.dropout, self.training)

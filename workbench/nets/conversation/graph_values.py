"""Values of asking about attributes and of recommending items, in a graph of the user, what was accepted, what is left.

After Deng et al., "Unified conversational recommendation policy learning via graph-based reinforcement learning"
(UNICORN), SIGIR 2021, sections 4.1 to 4.3.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GraphValues(nn.Module):
    """A state to values (B, N) of its N possible actions, attributes first, -inf for those that are none.

    The state: user (B, D) vectors. accepted (B, T), attributes (B, n), items (B, m): node numbers, 0 for none; items
    are numbers 1 .. I and attributes I+1 .. I+A, rows of `node.weight` (I+A+1, W). links (B, n+T, m) bool: whether an
    attribute, those of actions first, is one of an item. scores (B, m): weights of the edges between user and items.
    numbers (B, F): what else is known. One round of messages over the graph, self-attention over the user and the
    accepted attributes, whose mean with the numbers is the state; value(state) + advantage(state, node).
    """

    def __init__(self, vectors: np.ndarray, *, width: int, numbers: int):
        super().__init__()
        D = vectors.shape[1]
        self.node = nn.Embedding.from_pretrained(torch.from_numpy(vectors.copy()), freeze=False, padding_idx=0)
        self.message, self.own = nn.Linear(D, width), nn.Linear(D, width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.feed = nn.Linear(width, width)
        self.state = nn.Linear(width + numbers, width)
        self.value = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.advantage = nn.Sequential(nn.Linear(width + D, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, state: dict[str, Tensor]) -> Tensor:
        chosen = torch.cat([state["attributes"], state["items"]], dim=1)
        pooled = self.pooled(state)
        s = F.relu(self.state(torch.cat([pooled, state["numbers"]], dim=1)))
        pairs = torch.cat([s[:, None].expand(-1, chosen.shape[1], -1), self.node(chosen)], dim=2)
        values = self.value(s) + self.advantage(pairs)[..., 0]
        return values.masked_fill(chosen == 0, -torch.inf)

    def pooled(self, state: dict[str, Tensor]) -> Tensor:
        """(B, W) the mean of the user and the accepted attributes after messages and attention."""
        nodes, edges = self.graph(state)
        n = 1 + state["accepted"].shape[1]  # the nodes that are read: user and accepted
        h = F.relu(normalised(edges)[:, :n] @ self.message(nodes) + self.own(nodes[:, :n]))
        here = torch.cat([state["accepted"].new_ones(len(h), 1) > 0, state["accepted"] > 0], dim=1)
        mixed, _ = self.attention(h, h, h, key_padding_mask=~here, need_weights=False)
        h = h + mixed
        h = h + F.relu(self.feed(h))
        return (h * here[..., None]).sum(1) / here.sum(1, keepdim=True)

    def graph(self, state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Vectors (B, N, D) of the nodes, user first, then accepted, attributes and items; edges (B, N, N), both ways:
        between user and items their scores, user and accepted 1, attributes and items 1 where they are linked."""
        accepted, attributes, items = (state[name] for name in ("accepted", "attributes", "items"))
        B, T, n, m = len(accepted), accepted.shape[1], attributes.shape[1], items.shape[1]
        others = self.node(torch.cat([accepted, attributes, items], dim=1))
        edges = others.new_zeros(B, 1 + T + n + m, 1 + T + n + m)
        edges[:, 0, 1 : 1 + T] = (accepted > 0).float()
        edges[:, 0, 1 + T + n :] = state["scores"] * (items > 0)
        edges[:, 1 : 1 + T, 1 + T + n :] = state["links"][:, n:].float()
        edges[:, 1 + T : 1 + T + n, 1 + T + n :] = state["links"][:, :n].float()
        return torch.cat([state["user"][:, None], others], dim=1), edges + edges.transpose(1, 2)


def normalised(edges: Tensor) -> Tensor:
    """D^(-1/2) A D^(-1/2) of edges A (B, N, N), D the sums of their rows; a node without edges keeps zeros.

    >>> normalised(torch.tensor([[[0.0, 4.0, 0.0], [4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]))[0, 0].tolist()
    [0.0, 1.0, 0.0]
    """
    degrees = edges.sum(2)
    root = torch.where(degrees > 0, degrees, 1).rsqrt() * (degrees > 0)
    return root[:, :, None] * edges * root[:, None, :]

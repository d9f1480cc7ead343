"""A dialogue as the bag of what it mentions: the mean of vectors from a knowledge graph, which are learned on."""
import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix, diags
from torch import Tensor, nn

from workbench.nets.rows.bags import Bag

SHARPNESS = 5.0  # of a score of unit vectors, at first


def knowledge_vectors(links: csr_matrix, width: int, rng: np.random.Generator) -> np.ndarray:
    """(E+1, D) float32 of unit length, of entities linked as in (E+1, E+1), symmetric; row 0 is zeros.

    z = u(R) + u(S R) + u(S S R), u(x) = x / |x|: R random, less so for an entity of many links (R / sqrt(degree)), S
    the mean over links. So an entity is near what it is linked to, and near what is linked to the same. After FastRP
    (Chen et al., CIKM 2019, arXiv:1908.11512), of which this is three terms of equal weight.
    """
    degree = np.asarray(links.sum(axis=0)).ravel()
    mean = diags(1 / np.maximum(degree, 1)) @ links
    x = rng.standard_normal((links.shape[0], width)) / np.sqrt(np.maximum(degree, 1))[:, None]
    total = np.zeros_like(x)
    for _ in range(3):
        total += _unit(x)
        x = mean @ x
    total[0] = 0
    return _unit(total).astype(np.float32)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


class EntityBag(nn.Module):
    """Scores of the items for bags of entities: s (m + MLP(m)) . z_i + b_i, m the mean of the vectors in the bag.

    knowledge: (E+1, D), fixed; z adds a learned table to it that begins with zeros. counts: (I+1,) of the items, which
    are the entities 1..I; b begins with log(1 + count).
    """

    def __init__(self, knowledge: np.ndarray, counts: np.ndarray, *, hidden: int):
        super().__init__()
        n, width = knowledge.shape
        self.n_items = len(counts) - 1
        self.register_buffer("knowledge", torch.from_numpy(np.ascontiguousarray(knowledge)))
        self.learned = nn.Embedding(n, width, padding_idx=0)
        nn.init.zeros_(self.learned.weight)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, width))
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.bias = nn.Parameter(torch.from_numpy(np.log1p(counts).astype(np.float32)))

    def vectors(self) -> Tensor:
        """(E+1, D) of the entities."""
        return self.knowledge + self.learned.weight

    def mean(self, bag: Bag, table: Tensor) -> Tensor:
        """(B, D), zeros for an empty bag; entries weigh alike. table: (E+1, D) of `vectors`."""
        total = F.embedding_bag(bag.ids, table, bag.offsets, mode="sum", include_last_offset=True)
        return total / bag.offsets.diff().clamp(min=1)[:, None]

    def scores(self, mean: Tensor, table: Tensor) -> Tensor:
        """(B, I+1) for means (B, D)."""
        items = table[: self.n_items + 1]
        return self.sharpness * (mean + self.mlp(mean)) @ items.T + self.bias

    def forward(self, bag: Bag) -> Tensor:
        """(B, I+1)."""
        table = self.vectors()
        return self.scores(self.mean(bag, table), table)


def item_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """(B,) cross-entropy of items (B,), 1..I, by scores (B, I+1)."""
    return F.cross_entropy(scores[:, 1:], targets - 1, reduction="none")

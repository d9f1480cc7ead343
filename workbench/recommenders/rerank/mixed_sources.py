"""The network of X-Cross over frozen item vectors: adapters of several domains side by side, for candidates of one."""
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.nets.adapters.layer_mixing import LayerMixing, side_by_side
from workbench.nets.low_rank import adapted, add_low_rank
from workbench.nets.rerank.pair_features import PairFeatures, RankedHead
from workbench.recommenders.rerank.first_stages import Lists

LAYERS, MAX_LENGTH, DROPOUT = 3, 20, 0.2


class MixedSources(nn.Module):
    """A history, candidates (B, N) and their ranks to scores (B, N); for histories of other domains than the target to
    minus the ranks. n: adapters. others: (I+1, F) the vectors that the adapters of the sources learn from."""

    def __init__(
        self, vectors: np.ndarray, others: np.ndarray, domains: np.ndarray, target: int, *, n: int, rank: int,
        width: int,
    ):  # fmt: skip
        super().__init__()
        self.features, self.target, self.n = PairFeatures(vectors), target, n
        self.register_buffer("others", torch.from_numpy(np.array(others, np.float32)), persistent=False)
        self.register_buffer("domains", torch.from_numpy(domains), persistent=False)
        sizes = [self.features.width] + [width] * (LAYERS - 1)
        self.layers = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.head = RankedHead(width, bias=False)
        add_low_rank(self.layers, n, rank)
        self.mixing = nn.ModuleList(LayerMixing(n, width) for _ in sizes)

    def read(self, histories: Histories, candidates: Tensor, ranks: Tensor, vectors: Tensor | None = None) -> Tensor:
        """(B, N, 4 F + 1) features."""
        longest = int(histories.lengths.max(initial=1))
        items = torch.from_numpy(histories.padded(max(1, min(MAX_LENGTH, longest)))).to(candidates.device)
        return self.features(items, candidates, ranks, vectors)

    def one(self, x: Tensor, which: int | None) -> Tensor:
        """(B, N, D) the states of one adapter, of features, None for none: a source model."""
        with adapted(self.layers, which):
            for place, layer in enumerate(self.layers):
                y = F.dropout(F.gelu(layer(x)), DROPOUT, self.training)
                x = x + y if place else y
        return x

    def mixed(self, x: Tensor) -> Tensor:
        """(B, N, n, D) the states of all adapters, mixed after every layer, of features."""
        h = x[:, :, None].expand(-1, -1, self.n, -1)
        for place, (layer, mixing) in enumerate(zip(self.layers, self.mixing)):
            y = F.dropout(F.gelu(mixing(side_by_side(layer, h))), DROPOUT, self.training)
            h = h + y if place else y
        return h

    def forward(self, histories: Histories, candidates: Tensor, ranks: Tensor) -> Tensor:
        scores = self.head(self.mixed(self.read(histories, candidates, ranks)).mean(2), ranks)
        last = torch.from_numpy(histories.last(1).padded(1)[:, 0]).to(self.domains.device)
        own = (self.domains[last] == self.target) & (last > 0)
        return torch.where(own[:, None], scores, -ranks.float())

    def of_domains(self, wanted: Sequence[int], users: np.ndarray | None = None) -> Callable[[Lists], np.ndarray]:
        """The cases of lists whose history ends in one of some domains, and of some users (U,) bool."""

        def of(lists: Lists) -> np.ndarray:
            inside = np.isin(self.domains.cpu().numpy()[lists.train.items[lists.events - 1]], wanted)
            if users is not None:
                inside &= users[lists.train.users[lists.train.rows()[lists.events]]]
            return np.flatnonzero(inside)

        return of

"""Text vectors tuned on who buys what: the texts of a history point at the text of the next item (after LLM2Rec)."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories
from workbench.losses.contrast import info_nce
from workbench.train import named_rng, seeded_torch

RECENT, HIDDEN = 10, 128  # events of a history whose texts are read, and the tower's hidden width
PAIRS, LR = 256, 1e-3  # of a step
DROPOUT = 0.2  # between the two views of a text


class Tower(nn.Module):
    """Frozen vectors (..., F) to unit vectors (..., F): x + W_2 gelu(W_1 x), which starts as x itself."""

    def __init__(self, features: int):
        super().__init__()
        self.expand, self.contract = nn.Linear(features, HIDDEN, bias=False), nn.Linear(HIDDEN, features, bias=False)
        nn.init.zeros_(self.contract.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x + self.contract(F.gelu(self.expand(x))), dim=-1)


def tuned_vectors(vectors: np.ndarray, train: Histories, *, steps: int, tau: float, seed: int) -> np.ndarray:
    """(I+1, F) float32 unit rows, row 0 zeros: of all items, also of those that are not in train.

    vectors: (I+1, F) unit rows. A pair is the mean of the last RECENT vectors before an event of train, and the vector
    of its item; each step contrasts PAIRS of them by InfoNCE, in which all pairs of the same next item are positives,
    and two views of the text of every next item.
    """
    pairs = train.prefixes(RECENT + 1)
    x, rng = torch.from_numpy(np.array(vectors, np.float32)), named_rng(seed, "pairs of next titles")
    with seeded_torch(seed, "tuned text"), torch.enable_grad():
        tower = Tower(x.shape[1])
        optimiser = torch.optim.Adam(tower.parameters(), lr=LR)
        for _ in range(steps if len(pairs) else 0):
            batch = pairs.take(rng.integers(len(pairs), size=PAIRS))
            past, following = history_and_next(batch)
            loss = next_title_loss(tower(x), past, following, tau) + twin_loss(tower, x[following.unique()], tau)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return tower(x).numpy()


def history_and_next(prefixes: Histories) -> tuple[Tensor, Tensor]:
    """Ids (n, RECENT) before the last event of prefixes, right-padded with 0, and those (n,) of the last event."""
    past, last = prefixes.without_last(1).padded(RECENT), prefixes.items[prefixes.offsets[1:] - 1]
    return torch.from_numpy(past), torch.from_numpy(last.astype(np.int64))


def next_title_loss(e: Tensor, past: Tensor, following: Tensor, tau: float) -> Tensor:
    """InfoNCE of the mean vector of each history, past (n, T), and the vector of its next item, following (n,); e
    (I+1, F) vectors of all items, row 0 zeros."""
    mean = e[past].sum(1) / (past > 0).sum(1, keepdim=True).clamp_min(1)
    return info_nce(mean, e[following], tau, positives=following[:, None] == following)


def twin_loss(tower: Tower, x: Tensor, tau: float) -> Tensor:
    """InfoNCE of two views of each text vector, x (n, F), that differ in their dropout (SimCSE): texts stay apart."""
    return info_nce(tower(F.dropout(x, DROPOUT)), tower(F.dropout(x, DROPOUT)), tau)

"""Push along a latent, and ask again: what is recommended to the same users then.

x' = x + strength a_j w_j / |w_j| at every place that is read, where w_j is the latent's direction and a_j the 99th
percentile of z_j |w_j| where it fires. A strength of 0 leaves every score as it was, bit for bit.
"""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.data import Histories
from workbench.errors import UserError
from workbench.evaluate import top_k
from workbench.interfaces import Recommendations
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.faithfulness import standing_in

STRONG = 0.99  # the quantile of a latent's activations that counts as one push
BATCH = 64  # histories of similar length that are read together
FEW = 16  # histories over which a change of scores is averaged where scoring all items means spelling each of them


def strong(z: csr_matrix, share: float = STRONG) -> np.ndarray:
    """(m,) the quantile of each latent's positive activations, z (n, m); 0 where it never fires.

    >>> strong(csr_matrix(np.array([[1.0, 0], [3, 0], [0, 0]])), 0.5).tolist()
    [2.0, 0.0]
    """
    columns = z.tocsc()
    n = np.diff(columns.indptr)
    order = np.lexsort((columns.data, np.repeat(np.arange(len(n)), n)))
    data = np.append(columns.data[order].astype(np.float64), 0)
    at = columns.indptr[:-1] + share * np.maximum(n - 1, 0)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, columns.indptr[:-1] + np.maximum(n - 1, 0))
    return np.where(n > 0, data[low] + (at - low) * (data[high] - data[low]), 0.0)


class Push:
    """What a recommender answers to the same histories with a step (D,) added at a site, wherever `standing_in` edits.

    algebraic: nothing but a dot product with the item table follows the site. Then a step changes every user's scores
    by step . e_i, which is added to the scores; elsewhere the network runs again. masked: whether lists leave out what
    was read. scored: the histories over which `change` averages: all, or `FEW` of a recommender that spells items.
    """

    def __init__(self, recommender: Any, site: Site, histories: Histories, *, masked: bool = False):
        self.recommender, self.site, self.histories, self.masked = recommender, site, histories, masked
        self.table = readout(recommender, site, histories.take(np.arange(min(8, len(histories)))))
        self.base = None if self.table is None else self._batched(recommender.score)[0]
        self.scored = histories.take(np.arange(min(FEW, len(histories)))) if hasattr(recommender, "beam") else histories

    @property
    def algebraic(self) -> bool:
        return self.table is not None

    def lists(self, step: Tensor | None = None, k: int = 10) -> Recommendations:
        """The k best items of each history; without a step, as they are."""

        def answer(part: Histories) -> Recommendations:
            return self.recommender.recommend(part, k, part if self.masked else None)

        if step is None:
            return Recommendations(*self._batched(answer))
        if self.base is not None:
            scores = self.base + (self.table @ step).numpy()
            return top_k(scores, k, self.histories if self.masked else None)
        with standing_in(self.recommender, self.site, lambda x: x + step):
            return Recommendations(*self._batched(answer))

    def change(self, step: Tensor) -> np.ndarray | None:
        """(I+1,) mean change of an item's score over `scored` histories, less its mean over items, because what all
        items gain ranks nothing. None for a recommender that scores no items."""
        if not hasattr(self.recommender, "score"):
            return None
        if self.base is not None:
            change = (self.table @ step).numpy().astype(np.float64)
        else:
            if not hasattr(self, "before"):
                self.before = self._batched(self.recommender.score, self.scored)[0]
            with standing_in(self.recommender, self.site, lambda x: x + step):
                after = self._batched(self.recommender.score, self.scored)[0]
            with np.errstate(invalid="ignore"):  # column 0 may be -inf
                change = (after - self.before).mean(axis=0, dtype=np.float64)
        change[0] = 0
        change[1:] -= change[1:].mean()
        return change

    def _batched(self, answer: Callable[[Histories], Any], histories: Histories | None = None) -> list:
        """One array, or each of a tuple of them, for all histories in their own order; None stays None."""
        histories = self.histories if histories is None else histories
        order = list(histories.batches(BATCH))
        parts = [answer(histories.take(index)) for index in order]
        back = np.argsort(np.concatenate(order))
        parts = [part if isinstance(part, tuple) else (part,) for part in parts]
        return [None if arrays[0] is None else np.concatenate(arrays)[back] for arrays in zip(*parts)]


def readout(recommender: Any, site: Site, histories: Histories) -> Tensor | None:
    """The item table (I+1, D) where an item's score is its dot product with what a site puts out after the last event,
    plus what is the same for everybody; None elsewhere. Found by trying it on these histories."""
    table = getattr(getattr(recommender.module, "item", None), "weight", None)
    if table is None or not hasattr(recommender, "score") or not len(histories) or not histories.lengths.all():
        return None
    seen = activations(recommender, site, histories)
    x, table = torch.from_numpy(seen.x[seen.place == seen.length - 1]), table.detach().float().cpu()
    if x.shape != (len(histories), table.shape[1]):
        return None
    rest = torch.from_numpy(recommender.score(histories)).float()[:, 1:] - x @ table[1:].T
    same = rest[:1] if len(rest) > 1 else torch.zeros(1, 1)
    return table if torch.allclose(rest, same.expand_as(rest), rtol=1e-3, atol=1e-4) else None


@dataclass(frozen=True)
class Steering:
    """All it takes to push along the latents of a dictionary. amount: (m,) a_j, how far one push goes; masked: whether
    lists leave out what was read."""

    recommender: Any
    site: Site
    dictionary: Dictionary
    amount: np.ndarray
    masked: bool = False

    def step(self, latent: int, strength: float) -> Tensor:
        """(D,) strength a_j w_j / |w_j|. UserError where there is no such latent."""
        if not 0 <= latent < self.dictionary.latents:
            raise UserError(f"latent {latent}: this dictionary has latents 0 to {self.dictionary.latents - 1}")
        return float(strength * self.amount[latent]) * F.normalize(self.dictionary.decoder[latent], dim=0)

    def of(self, histories: Histories) -> Push:
        """What these users are recommended when pushed."""
        return Push(self.recommender, self.site, histories, masked=self.masked)

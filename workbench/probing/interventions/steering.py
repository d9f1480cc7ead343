"""Activation steering: add a step along a direction at every readout position and recommend again.

x' = x + strength a_j w_j / |w_j|, where w_j is the decoder direction of latent j and a_j the 99th percentile of
z_j |w_j| over the positions where it is active. A strength of 0 leaves every score unchanged, bit for bit.
"""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from workbench.interfaces import HasBeam, Recommendations, Scorer, item_embeddings
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import record_activations
from workbench.probing.concepts.logistic_probe import fit_probe
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.faithfulness import patched

STEP_QUANTILE = 0.99  # the quantile of a latent's positive activations that a strength of 1 adds
BATCH = 64  # histories of similar length processed at a time
SCORED = 16  # histories over which score changes are averaged for a recommender that decodes each item with beam search
PROBE_ROWS = 20_000  # positions that the linear probe is fitted to


def activation_quantile(z: csr_matrix, q: float = STEP_QUANTILE) -> np.ndarray:
    """(m,) quantile q of the positive activations of each latent, z (n, m); 0 for latents that are never active.

    >>> activation_quantile(csr_matrix(np.array([[1.0, 0], [3, 0], [0, 0]])), 0.5).tolist()
    [2.0, 0.0]
    """
    columns = z.tocsc()
    n = np.diff(columns.indptr)
    order = np.lexsort((columns.data, np.repeat(np.arange(len(n)), n)))
    values = np.append(columns.data[order].astype(np.float64), 0)
    index = columns.indptr[:-1] + q * np.maximum(n - 1, 0)
    low = np.floor(index).astype(np.int64)
    high = np.minimum(low + 1, columns.indptr[:-1] + np.maximum(n - 1, 0))
    return np.where(n > 0, values[low] + (index - low) * (values[high] - values[low]), 0.0)


class SteeredRecommender:
    """Recommendations for fixed histories with a step (D,) added at a site. Everything that steers goes through here.

    mask_history: exclude the items of the history from its list. patch: how the edit is applied; the default edits
    every readout position, `only_levels(...)` those that predict one code level. algebraic: only a dot product with the
    item table follows the site, so a step changes each score by step . e_i and the network need not run again.
    scored_histories: the histories that `score_change` averages over: all of them, or the first `SCORED` for a
    recommender with beam search.
    """

    def __init__(
        self, recommender: Any, site: Site, histories: Histories, *, mask_history: bool = False,
        patch: Callable = patched,
    ):  # fmt: skip
        self.recommender, self.site, self.histories = recommender, site, histories
        self.mask_history, self.patch, first = mask_history, patch, histories.take(np.arange(min(8, len(histories))))
        self.item_table = item_readout(recommender, site, first) if patch is patched else None
        self.base_scores = None if self.item_table is None else self._batched(recommender.score)[0]
        self.unsteered_scores: np.ndarray | None = None
        few = histories.take(np.arange(min(SCORED, len(histories))))
        self.scored_histories = few if isinstance(recommender, HasBeam) else histories

    @property
    def algebraic(self) -> bool:
        return self.item_table is not None

    @contextmanager
    def steered(self, step: Tensor) -> Iterator[None]:
        """Inside the block, the network runs with `step` (D,) added at the site."""
        with self.patch(self.recommender, self.site, lambda x: x + step):
            yield

    def recommend(self, step: Tensor | None = None, k: int = 10) -> Recommendations:
        """The top k items of each history; without a step, those of the unedited recommender."""

        def recommend_batch(histories: Histories) -> Recommendations:
            return self.recommender.recommend(histories, k, histories if self.mask_history else None)

        if step is None:
            return Recommendations(*self._batched(recommend_batch))
        if self.base_scores is not None:
            scores = self.base_scores + (self.item_table @ step).numpy()
            return top_k(scores, k, self.histories if self.mask_history else None)
        with self.steered(step):
            return Recommendations(*self._batched(recommend_batch))

    def score_change(self, step: Tensor) -> np.ndarray | None:
        """(I+1,) mean change of each item's score over `scored_histories`, minus the mean over items, because a shift
        common to all items changes no ranking. None for a recommender without `score`."""
        if not isinstance(self.recommender, Scorer):
            return None
        if self.base_scores is not None:
            change = (self.item_table @ step).numpy().astype(np.float64)
        else:
            if self.unsteered_scores is None:
                self.unsteered_scores = self._batched(self.recommender.score, self.scored_histories)[0]
            with self.steered(step):
                steered_scores = self._batched(self.recommender.score, self.scored_histories)[0]
            with np.errstate(invalid="ignore"):  # column 0 may be -inf
                change = (steered_scores - self.unsteered_scores).mean(axis=0, dtype=np.float64)
        change[0] = 0
        change[1:] -= change[1:].mean()
        return change

    def _batched(self, function: Callable[[Histories], Any], histories: Histories | None = None) -> list:
        """The result of `function` for all histories, in their order: one array, or each array of a tuple; None for
        the elements of a tuple that are None."""
        histories = self.histories if histories is None else histories
        batches = list(histories.batches(BATCH))
        results = [function(histories.take(index)) for index in batches]
        inverse = np.argsort(np.concatenate(batches))
        results = [result if isinstance(result, tuple) else (result,) for result in results]
        return [None if arrays[0] is None else np.concatenate(arrays)[inverse] for arrays in zip(*results)]


def item_readout(recommender: Any, site: Site, histories: Histories) -> Tensor | None:
    """The item table (I+1, D) if an item's score is its dot product with the site's output after the last event, plus a
    term shared by all users; None otherwise. Decided by comparing scores on these histories."""
    table = item_embeddings(recommender)
    if table is None or not isinstance(recommender, Scorer) or not len(histories) or not histories.lengths.all():
        return None
    activations = record_activations(recommender, site, histories)
    last = activations.position == activations.length - 1
    x, table = torch.from_numpy(activations.x[last]), table.detach().float().cpu()
    if x.shape != (len(histories), table.shape[1]):
        return None
    rest = torch.from_numpy(recommender.score(histories)).float()[:, 1:] - x @ table[1:].T
    shared = rest[:1] if len(rest) > 1 else torch.zeros(1, 1)
    return table if torch.allclose(rest, shared.expand_as(rest), rtol=1e-3, atol=1e-4) else None


@dataclass(frozen=True)
class Steering:
    """Steering along the latents of a dictionary at a site. step_size: (m,) a_j, the step of strength 1. mask_history:
    exclude the items of the history from its list."""

    recommender: Any
    site: Site
    dictionary: Dictionary
    step_size: np.ndarray
    mask_history: bool = False

    def step(self, latent: int, strength: float) -> Tensor:
        """(D,) strength a_j w_j / |w_j|. Raises UserError if there is no such latent."""
        if not 0 <= latent < self.dictionary.latents:
            raise UserError(f"latent {latent}: this dictionary has latents 0 to {self.dictionary.latents - 1}")
        return float(strength * self.step_size[latent]) * F.normalize(self.dictionary.decoder[latent], dim=0)

    def for_histories(self, histories: Histories) -> SteeredRecommender:
        """The recommender for these histories, ready to be steered."""
        return SteeredRecommender(self.recommender, self.site, histories, mask_history=self.mask_history)


def rival_directions(
    x: np.ndarray, holds: np.ndarray, item_table: np.ndarray, member: np.ndarray, *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Unit directions (D,) for a concept that need no autoencoder, by name: `difference of means` (mean activation
    where the concept holds minus the overall mean), `probe` (the weights of a logistic probe, in units of the site),
    and `item centroid` (mean embedding of the concept's items minus that of all items) if the item table has width D.

    x: (n, D) activations. holds: (n,) bool, whether the concept holds for the last item at a position.
    item_table: (I+1, D). member: (I+1,) bool. Raises UserError if the concept holds at every position that the probe is
    fitted to, or at none.
    """
    rows = np.random.default_rng(seed).permutation(len(x))[:PROBE_ROWS]
    if holds[rows].all() or not holds[rows].any():
        which = "every position" if holds.any() else "no position"
        raise UserError(f"the concept holds at {which}; choose one that distinguishes positions", code=3)
    scale = np.maximum(x.std(axis=0), 1e-12)
    probe = fit_probe(x[rows] / scale, holds[rows], class_weight="balanced")
    directions = {"difference of means": x[holds].mean(axis=0) - x.mean(axis=0), "probe": probe.coef_[0] / scale}
    if item_table.shape[1] == x.shape[1]:
        directions["item centroid"] = item_table[member].mean(axis=0) - item_table[1:].mean(axis=0)
    return {name: (d / max(np.linalg.norm(d), 1e-12)).astype(np.float32) for name, d in directions.items()}

"""Ablation of latents: remove one and measure how the share of its concept in the top-k lists changes.

Every edit keeps the reconstruction error: x' = x + D(z') - D(z). An edit that changes no latent therefore changes
nothing, bit for bit, and no effect of an imperfect reconstruction is attributed to a latent.
"""
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.data import Cases
from workbench.probing.activations.hooks import Site
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.faithfulness import patched

BATCH = 512
Edit = Callable[[Tensor], Tensor]


def ablate(dictionary: Dictionary, latent: int, *, along: int | None = None) -> Edit:
    """The edit x' = x - z_j w_j that removes latent j. along: another latent's index for the control, which moves x as
    far along that latent's direction instead."""
    direction = dictionary.decoder[latent if along is None else along]
    return lambda x: x - dictionary.encode(x)[:, latent, None] * direction


def top_k_items(recommender, cases: Cases, k: int = 10) -> np.ndarray:
    """(C, k) recommended items; items of the history are not masked."""
    batches = np.array_split(np.arange(len(cases.targets)), -(-len(cases.targets) // BATCH))
    return np.concatenate([recommender.recommend(cases.histories.take(index), k).items for index in batches])


def concept_share(items: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(C,) share of each list (C, k) that belongs to a concept; member: (I+1,) bool.

    >>> concept_share(np.array([[1, 2, 3, 4, 5]]), np.array([0, 1, 1, 1, 0, 0]) > 0).tolist()
    [0.6]
    """
    return member[items].mean(axis=1)


def matched_latents(z: csr_matrix, lengths: np.ndarray, latent: int, n: int = 100, *, seed: int = 0) -> np.ndarray:
    """Up to n control latents matched to one latent: in the same decile of activation frequency, and with a mean
    contribution E[z_j] |w_j| within 20 %. Where there are fewer, those nearest in mean contribution follow.

    z: (N, m) latents. lengths: (m,) norms of their directions.
    """
    active = np.diff(z.tocsc().indptr)
    alive = np.setdiff1d(np.flatnonzero(active), [latent])
    decile = np.argsort(np.argsort(active[alive], kind="stable")) * 10 // max(1, len(alive))
    own_decile = min(9, (active[alive] < active[latent]).sum() * 10 // max(1, len(alive)))
    contribution = np.asarray(z.mean(axis=0)).ravel() * lengths
    distance = np.abs(np.log(np.maximum(contribution[alive], 1e-12) / max(contribution[latent], 1e-12)))
    close = (decile == own_decile) & (distance <= np.log(1.2))
    order = np.lexsort((np.random.default_rng(seed).random(len(alive)), np.where(close, 0, distance)))
    return alive[order[:n]]


def ablation_effect(
    recommender, site: Site, dictionary: Dictionary, latent: int, cases: Cases, member: np.ndarray, *,
    controls: np.ndarray, k: int = 10,
) -> dict[str, float]:  # fmt: skip
    """The effect of ablating a latent on the share of its concept in the top-k lists of these users (pass those for
    whom it is active): before, change, and p and z against `controls`.

    member: (I+1,) bool, the concept's items. controls: latents, as of `matched_latents`; each control moves every user
    as far along its own direction. control: mean absolute change of the controls. p: two-sided permutation p-value.
    """
    before = concept_share(top_k_items(recommender, cases, k), member)

    def share_change(edit: Edit) -> float:
        with patched(recommender, site, edit):
            return float((concept_share(top_k_items(recommender, cases, k), member) - before).mean())

    change = share_change(ablate(dictionary, latent))
    null = np.array([share_change(ablate(dictionary, latent, along=int(control))) for control in controls])
    p = (1 + (np.abs(null) >= abs(change)).sum()) / (1 + len(null))
    return {"before": float(before.mean()), "change": change, "control": float(np.abs(null).mean()), "p": float(p),
            "z": float((change - null.mean()) / max(null.std(), 1e-12))}  # fmt: skip

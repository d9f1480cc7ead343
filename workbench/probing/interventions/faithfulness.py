"""Faithfulness of a dictionary: reconstruction quality, and the share of the network's performance that remains when
the reconstruction replaces the activation."""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.errors import UserError
from workbench.evaluate.intervals import FEW_CASES
from workbench.interfaces import MaskReadout
from workbench.probing.activations.hooks import Site, splice
from workbench.probing.dictionaries.dictionary import ROWS, Dictionary

DENSE = 0.1  # a latent that is active at more than this share of positions is dense
MIN_Z = 3  # standard errors that ablating the site must cost before `recovered` is defined


def reconstruct(dictionary: Dictionary, x: np.ndarray) -> np.ndarray:
    """(n, D) reconstructions of x (n, D)."""
    chunks = (torch.from_numpy(np.ascontiguousarray(x[start : start + ROWS])) for start in range(0, len(x), ROWS))
    return np.concatenate([dictionary.decode(dictionary.encode(chunk)).numpy() for chunk in chunks])


def fvu(x: np.ndarray, reconstruction: np.ndarray) -> float:
    """Fraction of variance unexplained, lower is better: sum ||x - x^||^2 / sum ||x - mean||^2, both over all rows in
    float64. The mean alone gives 1.

    >>> x = np.array([[0, 0], [2, 0], [0, 2], [2, 2]])
    >>> fvu(x, np.ones((4, 2))), fvu(x, np.column_stack([x[:, 0], np.ones(4)])), fvu(x, x + [1, 0])
    (1.0, 0.5, 0.5)
    """
    x, reconstruction = x.astype(np.float64), reconstruction.astype(np.float64)
    return float(np.square(x - reconstruction).sum() / np.square(x - x.mean(axis=0)).sum())


def shrinkage(x: np.ndarray, reconstruction: np.ndarray) -> float:
    """Relative norm of reconstructions, sum ||x^||^2 / sum x^.x about the mean of x; below 1 they are too short.

    >>> x = np.array([[1.0, 0], [-1, 2], [0, -2]])
    >>> round(shrinkage(x, 0.8 * x), 6)
    0.8
    """
    mean = x.mean(axis=0, dtype=np.float64)
    x, reconstruction = x - mean, reconstruction - mean
    return float(np.square(reconstruction).sum() / (reconstruction * x).sum())


def evaluate_reconstruction(dictionary: Dictionary, x: np.ndarray, *, same_site: bool = False) -> dict[str, float]:
    """`reconstruction_metrics` of a dictionary on activations x (n, D)."""
    return reconstruction_metrics(x, reconstruct(dictionary, x), dictionary.encode_sparse(x), same_site=same_site)


def reconstruction_metrics(
    x: np.ndarray, reconstruction: np.ndarray, z: csr_matrix, *, same_site: bool = False
) -> dict[str, float]:
    """Quality of a reconstruction of x (n, D) by latents z (n, m): fvu, cosine, shrinkage, l0 (mean number of active
    latents per row), dead (share of latents that are never active; they could still be active in about 3 of n rows) and
    dense (share of latents active in more than a tenth of the rows).

    same_site: x is known to come from the site that the dictionary was trained on. Raises UserError if it is not and
    the reconstruction is worse than the mean, which suggests another site or another scale.
    """
    density = np.diff(z.tocsc().indptr) / len(x)
    metrics = {"fvu": fvu(x, reconstruction), "l0": z.nnz / len(x)}
    if metrics["fvu"] > 1 and not same_site:
        raise UserError(f"FVU {metrics['fvu']:.2f} is worse than the mean's 1: is it the wrong site or scale?", code=3)
    mean = x.mean(axis=0)
    a, b = x - mean, reconstruction - mean
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = float(np.mean((a * b).sum(1) / np.maximum(length, 1e-12)))
    return metrics | {"cosine": cosine, "shrinkage": shrinkage(x, reconstruction),
                      "dead": float((density == 0).mean()), "dense": float((density > DENSE).mean())}  # fmt: skip


def fvu_by_group(x: np.ndarray, reconstruction: np.ndarray, group: np.ndarray) -> dict[int, float]:
    """FVU within each group (n,), about the group's own mean. A pooled FVU hides groups with distant means."""
    return {int(g): fvu(x[group == g], reconstruction[group == g]) for g in np.unique(group)}


@contextmanager
def patched(recommender, site: Site, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Activation patching: inside the block, the site outputs edit(x) instead of x (n, D), on any device. For a
    `MaskReadout` only the mask positions are edited, not the positions that they attend to.

    Raises UserError if the site was not called inside the block: some modules are called in training only.
    """
    calls = []

    def count_and_edit(x: Tensor) -> Tensor:
        calls.append(len(x))
        return edit(x.float().cpu()).to(x)

    with splice(recommender.module, site, count_and_edit, where=readout_mask(recommender)):
        yield
    if not calls:
        raise UserError(f"site {site.path} was not called by the recommender, so nothing was edited there")


def readout_mask(recommender) -> Callable[[Tensor], Tensor] | None:
    """The `where` argument of `splice` that restricts edits to readout positions; None if all positions may be
    edited."""
    return recommender.readout_mask if isinstance(recommender, MaskReadout) else None


def replacement_edits(dictionary: Dictionary, mean: np.ndarray) -> dict[str, Callable[[Tensor], Tensor]]:
    """The edits compared at a site: `spliced` inserts the reconstruction; `mean` and `zero` ablate the site."""
    row = torch.from_numpy(mean.astype(np.float32))
    return {
        "spliced": lambda x: dictionary.decode(dictionary.encode(x)),
        "mean": lambda x: row.expand_as(x).clone(),
        "zero": torch.zeros_like,
    }


class Recovered(NamedTuple):
    """share: (spliced - ablated) / (base - ablated), 1 if nothing is lost; None if ablating the site costs less than
    three standard errors, because the share is undefined then. low, high: 95 % bootstrap interval over users. text: the
    result as a string, without a decimal under 200 users."""

    share: float | None
    low: float
    high: float
    text: str


def recovered(
    base: np.ndarray, spliced: np.ndarray, ablated: np.ndarray, *, draws: int = 2000, seed: int = 0
) -> Recovered:
    """The share of a metric that is recovered with reconstructions, from per-user values (U,) of three runs with the
    same users. The interval is a paired bootstrap over users of the ratio of means. Higher must be better: pass -CE.

    >>> recovered(np.full(9, .05), np.full(9, .045), np.full(9, .01)).share
    0.875
    """
    cost = base - ablated
    error = cost.std(ddof=1) / len(cost) ** 0.5
    if cost.mean() <= MIN_Z * error or not np.any(cost):
        improves = cost.mean() < -MIN_Z * error
        why = "this metric is better without the site" if improves else "the site does not matter to this metric"
        return Recovered(None, np.nan, np.nan, f"undefined: {why}")
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(cost), np.full(len(cost), 1 / len(cost)), size=draws)
    sums = weights @ np.column_stack([spliced - ablated, cost])
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanquantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    share = round(float((spliced - ablated).mean() / cost.mean()), 12)
    digits = 0 if len(cost) < FEW_CASES else 1
    text = f"{share:.{digits}%} [{low:.{digits}%}, {high:.{digits}%}]"
    return Recovered(share, float(low), float(high), text)


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(B,) share of each list (B, K) that is in the other.

    >>> overlap(np.array([[1, 2, 3, 4]]), np.array([[4, 5, 6, 2]])).tolist()
    [0.5]
    """
    return (a[:, :, None] == b[:, None, :]).any(2).mean(axis=1)


def rbo(a: np.ndarray, b: np.ndarray, p: float = 0.9) -> np.ndarray:
    """(B,) rank-biased overlap of lists (B, K) (Webber et al., 2010), truncated at K and divided by the value for
    identical lists.

    >>> rbo(np.array([[1, 2, 3]]), np.array([[2, 1, 3]])).round(3).tolist()
    [0.631]
    """
    K = a.shape[1]
    equal = a[:, :, None] == b[:, None, :]
    depth = np.maximum(np.arange(K)[:, None], np.arange(K))
    shared = np.stack([equal[:, depth <= d].sum(1) / (d + 1) for d in range(K)], axis=1)
    weight = p ** np.arange(K)
    return shared @ weight / weight.sum()

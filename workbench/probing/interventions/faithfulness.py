"""Does a dictionary keep what the network uses? Reconstruction, and what is left of the network's own answers when the
reconstruction stands in for the activation."""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.errors import UserError
from workbench.interfaces import Asked
from workbench.probing.activations.hooks import Site, splice
from workbench.probing.dictionaries.dictionary import ROWS, Dictionary

DENSE = 0.1  # a latent that fires on more of the units than this is dense
SURE = 3  # standard errors that ablating the site must cost before "recovered" means anything


def reconstruct(dictionary: Dictionary, x: np.ndarray) -> np.ndarray:
    """(n, D) reconstructions of x (n, D)."""
    parts = (torch.from_numpy(np.ascontiguousarray(x[at : at + ROWS])) for at in range(0, len(x), ROWS))
    return np.concatenate([dictionary.decode(dictionary.encode(part)).numpy() for part in parts])


def fvu(x: np.ndarray, rebuilt: np.ndarray) -> float:
    """Fraction of variance unexplained, lower is better: sum ||x - x^||^2 over sum ||x - mean||^2, both over all rows
    in float64. 1 is what the mean alone gives.

    >>> x = np.array([[0, 0], [2, 0], [0, 2], [2, 2]])
    >>> fvu(x, np.ones((4, 2))), fvu(x, np.column_stack([x[:, 0], np.ones(4)])), fvu(x, x + [1, 0])
    (1.0, 0.5, 0.5)
    """
    x, rebuilt = x.astype(np.float64), rebuilt.astype(np.float64)
    return float(np.square(x - rebuilt).sum() / np.square(x - x.mean(axis=0)).sum())


def shrinkage(x: np.ndarray, rebuilt: np.ndarray) -> float:
    """Relative size of reconstructions, sum ||x^||^2 / sum x^.x about the mean of x; below 1 they are too short.

    >>> x = np.array([[1.0, 0], [-1, 2], [0, -2]])
    >>> round(shrinkage(x, 0.8 * x), 6)
    0.8
    """
    mean = x.mean(axis=0, dtype=np.float64)
    x, rebuilt = x - mean, rebuilt - mean
    return float(np.square(rebuilt).sum() / (rebuilt * x).sum())


def summary(dictionary: Dictionary, x: np.ndarray, *, own: bool = False) -> dict[str, float]:
    """What a dictionary's reconstruction of x (n, D) is like, as `described`."""
    return described(x, reconstruct(dictionary, x), dictionary.latents_of(x), own=own)


def described(x: np.ndarray, rebuilt: np.ndarray, z: csr_matrix, *, own: bool = False) -> dict[str, float]:
    """What a reconstruction of x (n, D) by latents z (n, m) is like: fvu, cosine, shrinkage, l0 (latents that fire in a
    row, on average), dead (share of latents that never fire; it could still fire in 3 of n rows) and dense (in more
    than a tenth).

    own: whether x is known to be of the site that the latents were learned at. UserError where it is not, and the
    reconstruction is worse than the mean: another site, or another scale.
    """
    density = np.diff(z.tocsc().indptr) / len(x)
    found = {"fvu": fvu(x, rebuilt), "l0": z.nnz / len(x)}
    if found["fvu"] > 1 and not own:
        raise UserError(f"FVU {found['fvu']:.2f} is worse than the mean's 1: is it the wrong site or scale?", code=3)
    mean = x.mean(axis=0)
    a, b = x - mean, rebuilt - mean
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = float(np.mean((a * b).sum(1) / np.maximum(length, 1e-12)))
    return found | {"cosine": cosine, "shrinkage": shrinkage(x, rebuilt),
                    "dead": float((density == 0).mean()), "dense": float((density > DENSE).mean())}  # fmt: skip


def fvu_by(x: np.ndarray, rebuilt: np.ndarray, group: np.ndarray) -> dict[int, float]:
    """FVU within each group (n,), about the group's own mean: a pooled one hides groups that lie far apart."""
    return {int(g): fvu(x[group == g], rebuilt[group == g]) for g in np.unique(group)}


@contextmanager
def standing_in(recommender, site: Site, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """While the block runs, the recommender answers with edit(x) for x (n, D) at the site, on whatever device it is; of
    one that is `roles.Asked` only the places where it is asked are edited, not what these attend to.

    UserError where nothing passed the site in the block: some modules are called in training only.
    """
    met = []

    def change(x: Tensor) -> Tensor:
        met.append(len(x))
        return edit(x.float().cpu()).to(x)

    with splice(recommender.module, site, change, where=asked_at(recommender)):
        yield
    if not met:
        raise UserError(f"nothing passed {site.path} while the recommender answered, so nothing was edited there")


def asked_at(recommender) -> Callable[[Tensor], Tensor] | None:
    """What `splice` takes as `where`, so that only units are edited; None where every slot may be."""
    return recommender.slots if isinstance(recommender, Asked) else None


def edits(dictionary: Dictionary, mean: np.ndarray) -> dict[str, Callable[[Tensor], Tensor]]:
    """What may stand in at a site: `spliced` the reconstruction, `mean` and `zero` the two ways of taking it away."""
    average = torch.from_numpy(mean.astype(np.float32))
    return {
        "spliced": lambda x: dictionary.decode(dictionary.encode(x)),
        "mean": lambda x: average.expand_as(x).clone(),
        "zero": torch.zeros_like,
    }


class Recovered(NamedTuple):
    """share: (spliced - ablated) / (base - ablated), 1 where nothing is lost; None where ablating the site costs less
    than three standard errors, because then it does not matter. low, high: 95 % over users. said: in words."""

    share: float | None
    low: float
    high: float
    said: str


def recovered(
    base: np.ndarray, spliced: np.ndarray, ablated: np.ndarray, *, draws: int = 2000, seed: int = 0
) -> Recovered:
    """How much of a metric a reconstruction keeps, from per-user values (U,) of the three runs, the same users in each;
    users are drawn together, and the ratio is one of means. Higher must be better: give -CE.

    >>> recovered(np.full(9, .05), np.full(9, .045), np.full(9, .01)).share
    0.875
    """
    cost = base - ablated
    error = cost.std(ddof=1) / len(cost) ** 0.5
    if cost.mean() <= SURE * error or not np.any(cost):
        helps = cost.mean() < -SURE * error
        why = "this metric is better without the site" if helps else "the site does not matter to this metric"
        return Recovered(None, np.nan, np.nan, f"undefined: {why}")
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(cost), np.full(len(cost), 1 / len(cost)), size=draws)
    sums = weights @ np.column_stack([spliced - ablated, cost])
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanquantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    share = round(float((spliced - ablated).mean() / cost.mean()), 12)
    return Recovered(share, float(low), float(high), f"{share:.1%} [{low:.1%}, {high:.1%}]")


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(B,) share of each list (B, K) that is in the other.

    >>> overlap(np.array([[1, 2, 3, 4]]), np.array([[4, 5, 6, 2]])).tolist()
    [0.5]
    """
    return (a[:, :, None] == b[:, None, :]).any(2).mean(axis=1)


def rbo(a: np.ndarray, b: np.ndarray, p: float = 0.9) -> np.ndarray:
    """(B,) rank-biased overlap of lists (B, K), the first K terms of its sum over what identical lists have.

    >>> rbo(np.array([[1, 2, 3]]), np.array([[2, 1, 3]])).round(3).tolist()
    [0.631]
    """
    K = a.shape[1]
    found = a[:, :, None] == b[:, None, :]
    depth = np.maximum(np.arange(K)[:, None], np.arange(K))
    shared = np.stack([found[:, depth <= d].sum(1) / (d + 1) for d in range(K)], axis=1)
    weight = p ** np.arange(K)
    return shared @ weight / weight.sum()


def flips(base: np.ndarray, spliced: np.ndarray, k: int = 10) -> float:
    """Share of users whose hit among the first k appears or vanishes; ranks (U,), 0 for none."""
    hit, other = ((0 < ranks) & (ranks <= k) for ranks in (base, spliced))
    return float((hit != other).mean())

"""Which latents stand for which concepts: found on some users and items, tested on others, against labels that were
dealt out again among items as popular."""
import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.probe.cache import Activations
from workbench.probe.concepts import Concepts
from workbench.progress import track

log = logging.getLogger("workbench")
DRAWS, RATE = 999, 0.05
NOTHING = np.array(["nothing known"], object), np.array(["nothing known"], object)


def by_item(z: csr_matrix, items: np.ndarray, n_items: int) -> np.ndarray:
    """(I+1, m) mean activation of each latent over the units (n,) at which an item stands; 0 where it never does."""
    count = np.bincount(items, minlength=n_items + 1)
    weight = csr_matrix((1 / count[items], (items, np.arange(len(items)))), shape=(n_items + 1, len(items)))
    out = (weight @ z).toarray().astype(np.float32)
    out[0] = 0
    return out


class Standard(NamedTuple):
    """rows (n, m): mean activations of items (n,), centred and over each latent's spread; 0 for silent latents."""

    rows: np.ndarray
    items: np.ndarray


def standard(table: np.ndarray, items: np.ndarray) -> Standard:
    """The rows of a table (I+1, m) of mean activations at these items, made comparable between latents."""
    rows = table[items].astype(np.float64)
    rows -= rows.mean(axis=0)
    spread = rows.std(axis=0)
    return Standard((rows / np.where(spread > 0, spread, np.inf)).astype(np.float32), items)


def differences(a: Standard, members: csr_matrix) -> np.ndarray:
    """(m, C) how much more a latent fires on the items of a concept than on others, in standard errors of a random
    choice of as many: sum over members / sqrt(n_c (1 - n_c / n)). members: (n, C) of the same items."""
    size = np.asarray(members.sum(axis=0), np.float64).ravel()
    error = np.sqrt(np.maximum(size * (1 - size / len(a.items)), 1e-9)).astype(np.float32)
    # with a concept in which nothing of this half lies there is nothing to see
    return (members.T @ a.rows).T / np.where((size > 0) & (size < len(a.items)), error, np.inf)


def strata(counts: np.ndarray, items: np.ndarray, parts: int = 10) -> np.ndarray:
    """(n,) which tenth of popularity each item is of, by train counts (I+1,)."""
    order = np.argsort(np.argsort(counts[items], kind="stable"), kind="stable")
    return order * parts // len(items)


def shuffled(stratum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) a permutation that leaves everyone within their stratum."""
    place, order = np.argsort(stratum, kind="stable"), np.lexsort((rng.random(len(stratum)), stratum))
    out = np.empty(len(stratum), np.int64)
    out[place] = order
    return out


def null(
    a: Standard, members: csr_matrix, chosen: np.ndarray, stratum: np.ndarray, *, draws: int, seed: int
) -> np.ndarray:
    """(draws, m) the difference of each latent at its chosen concept (m,) when labels are dealt out again among items
    as popular. The choice was made on other items, so the concept stays the same and p-values of noise are uniform."""
    rng, latents = np.random.default_rng(seed), np.arange(a.rows.shape[1])
    asked, own = np.unique(chosen, return_inverse=True)
    members, out = members[:, asked], np.empty((draws, len(latents)), np.float32)
    for draw in track(range(draws), "permute concepts", unit="draws"):
        out[draw] = differences(a, members[shuffled(stratum, rng)])[latents, own]
    return out


def step_up(p: np.ndarray, rate: float = RATE) -> np.ndarray:
    """(m,) q-values of p-values by Benjamini and Hochberg; NaN stays out.

    >>> step_up(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q = np.full(len(p), np.nan)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q


def certify(
    discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix], concepts: Concepts,
    counts: np.ndarray, *, source: str = "last", draws: int = DRAWS, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """A row a latent: its concept, chosen on the discovery users and half of the items; effect, p and q on the held-out
    users and the other half. Certified where q is below .05 and it fires on more than one item.

    discovery, held_out: activations and their latents (n, m). counts: (I+1,) train counts. source: whose concept it is,
    of the item read `last` or of the `next` one. The permutation is of items, not of units: a latent that fires on one
    item alone is no concept, however often that item is read.
    """
    if not len(concepts.names):
        log.warning("nothing is known of enough items to make a concept, so no latent can be certified")
        concepts = Concepts(*NOTHING, csr_matrix((concepts.members.shape[0], 1), dtype=np.float32))
    n_items = concepts.members.shape[0] - 1
    half = np.random.default_rng(seed).permutation(n_items) % 2  # of items 1..I
    sides = []
    for side, (units, z) in enumerate((discovery, held_out)):
        at = getattr(units, source)
        seen = np.unique(at[at > 0])
        mine = seen[half[seen - 1] == side]
        use = np.isin(at, mine)
        sides.append(standard(by_item(z[np.flatnonzero(use)], at[use], n_items), mine))
    found, tested = sides
    score = differences(found, concepts.members[found.items])
    best = score.argmax(axis=1)
    held = concepts.members[tested.items]
    effect = differences(tested, held)[np.arange(len(best)), best]
    drawn = null(tested, held, best, strata(counts, tested.items), draws=draws, seed=seed)
    alive = (found.rows.any(axis=0)) & (tested.rows.any(axis=0))
    p = np.where(alive, (1 + (drawn >= effect).sum(axis=0)) / (1 + draws), np.nan)
    q = step_up(p)
    z, told = held_out[1], spread(held_out[1], getattr(held_out[0], source))
    mass = np.asarray(z.sum(axis=0)).ravel()
    table = pd.DataFrame({
        "concept": np.where(alive, concepts.names[best], None),
        "family": np.where(alive, concepts.families[best], None),
        "effect": effect, "p": p, "q": q, "certified": (q < RATE) & (told["effective"] >= 2),
        "mass": mass / max(mass.sum(), 1e-12), "density": np.diff(z.tocsc().indptr) / max(1, z.shape[0]), **told,
    })  # fmt: skip
    return table.rename_axis("latent")


def spread(z: csr_matrix, items: np.ndarray) -> dict[str, np.ndarray]:
    """effective: 2 to the entropy of the item at which a latent fires, weighted by how strongly; below 2 it is an item
    detector. top: the item that takes most of it."""
    sparse = z.tocoo()
    pairs, at = np.unique(np.column_stack([sparse.col, items[sparse.row]]), axis=0, return_inverse=True)
    weight = np.bincount(at.ravel(), weights=sparse.data, minlength=len(pairs))
    total = np.bincount(pairs[:, 0], weights=weight, minlength=z.shape[1])
    share = weight / np.maximum(total[pairs[:, 0]], 1e-12)
    entropy = np.bincount(pairs[:, 0], weights=-share * np.log2(np.maximum(share, 1e-300)), minlength=z.shape[1])
    top = np.zeros(z.shape[1], np.int64)
    order = np.argsort(weight, kind="stable")
    top[pairs[order, 0]] = pairs[order, 1]
    return {"effective": np.where(total > 0, 2.0**entropy, 0.0), "top": top}

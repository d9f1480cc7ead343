"""Which latents stand for which concepts: found on some users and items, tested on others, against labels that were
dealt out again among items as popular."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.errors import UserError, unknown
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import NOTHING, Concepts, content
from workbench.probing.concepts.permutation_test import (
    RATE,
    Standard,
    categories,
    differences,
    null,
    standard,
    step_up,
    strata,
)

DRAWS = 999
SOURCES, ANY, WINDOW = ("last", "next", "history"), "any", 10
WITHIN = ("brand", "price")  # families whose labels are dealt out again within the first category only
NOISE = 1e-4  # standard errors by which rounding moves a statistic that a permutation leaves as it is


def read_at(units: Activations, source: str, n_items: int, histories: Histories | None = None) -> csr_matrix:
    """(n, I+1) which items a unit is asked about, rows that sum to 1: the item read `last`, the `next` one (nothing
    where none follows), or with `history` the last ten that were read, evenly. histories: those that the units were
    read from, a row a user; only `history` needs them. UserError on another source."""
    if source not in SOURCES:
        raise unknown("source of concepts", source, (*SOURCES, ANY))
    if source != "history":
        at = getattr(units, source)
        row = np.flatnonzero(at > 0)
        return csr_matrix((np.ones(len(row), np.float32), (row, at[row])), shape=(len(at), n_items + 1))
    if histories is None:
        raise UserError("source='history' needs the histories that the units were read from")
    end = histories.offsets[units.user] + units.place + 1
    kept = np.minimum(units.place + 1, WINDOW)
    offsets = np.concatenate([[0], np.cumsum(kept)])
    at = np.arange(offsets[-1]) + np.repeat(end - kept - offsets[:-1], kept)
    out = csr_matrix((np.repeat(1 / kept, kept).astype(np.float32), histories.items[at], offsets),
                     shape=(len(end), n_items + 1))  # fmt: skip
    out.sum_duplicates()
    return out


def by_item(z: csr_matrix, weight: csr_matrix) -> np.ndarray:
    """(I+1, m) mean activation of each latent over the units (n,) that an item stands for, weighted by `weight`
    (n, I+1); 0 where it stands for none."""
    total = np.asarray(weight.sum(axis=0)).ravel()
    out = (weight.T @ z).toarray().astype(np.float32) / np.where(total > 0, total, 1)[:, None]
    return out.astype(np.float32)


def certify(
    discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix], concepts: Concepts,
    counts: np.ndarray, *, source: str = "last", histories: Histories | None = None, draws: int = DRAWS, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """A row a latent: its concept, chosen on the discovery users and half of the items; effect, p and q on the held-out
    users and the other half. Certified where q is below .05 and it fires on more than one item.

    discovery, held_out: activations and their latents (n, m). counts: (I+1,) train counts. source: whose concept it is,
    of the item read `last`, of the `next` one, of the ten last read (`history`), or `any`: the one that tells most on
    the discovery side. histories: of all users; only `history` and `any` need them. Popularity is no concept here;
    `marks` has it. The permutation is of items, not of units: a latent that fires on one item alone is no concept,
    however often that item is read. Where nothing is known of items the concept is None.
    """
    sources, concepts = SOURCES if source == ANY else (source,), content(concepts)
    sides = [_sides(discovery, held_out, concepts, name, histories, seed) for name in sources]
    scores = np.stack([differences(found, concepts.members[found.items]) for found, _ in sides])
    m = scores.shape[1]
    whose, best = np.divmod(scores.transpose(1, 0, 2).reshape(m, -1).argmax(axis=1), scores.shape[2])
    effect, p, alive = np.zeros(m), np.full(m, np.nan), np.zeros(m, bool)
    narrow = np.isin(concepts.families, WITHIN)[best]
    for at, (found, tested) in enumerate(sides):
        both = found.rows.any(axis=0) & tested.rows.any(axis=0)
        for within in (False, True):
            mine = np.flatnonzero((whose == at) & (narrow == within))
            effect[mine], p[mine] = _tested(tested, mine, best[mine], concepts, counts, within, draws, seed)
            alive[mine] = both[mine]
    p[~alive] = np.nan
    z, told = held_out[1], spread(held_out[1], held_out[0].next if source == "next" else held_out[0].last)
    q, mass = step_up(p), np.asarray(z.sum(axis=0)).ravel()
    known = alive & (concepts.families[best] != NOTHING[1][0])
    table = pd.DataFrame({
        "concept": np.where(known, concepts.names[best], None),
        "family": np.where(known, concepts.families[best], None),
        "source": np.asarray(sources, object)[whose], "effect": effect, "p": p, "q": q,
        "certified": (q < RATE) & (told["effective"] >= 2), "mass": mass / max(mass.sum(), 1e-12),
        "density": np.diff(z.tocsc().indptr) / max(1, z.shape[0]), **told,
    })  # fmt: skip
    return table.rename_axis("latent")


def halves(n_items: int, seed: int = 0) -> np.ndarray:
    """(I+1,) 0 for the items that concepts are chosen on, 1 for those they are tested on, -1 for padding."""
    return np.concatenate([[-1], np.random.default_rng(seed).permutation(n_items) % 2])


def _sides(discovery: tuple, held_out: tuple, concepts: Concepts, source: str, histories, seed: int) -> list[Standard]:
    """What each latent does at the items of one half on the discovery users, and of the other on the held-out ones."""
    n_items, out = concepts.members.shape[0] - 1, []
    half = halves(n_items, seed)
    for side, (units, z) in enumerate((discovery, held_out)):
        weight = read_at(units, source, n_items, histories)
        seen = np.flatnonzero((np.asarray(weight.sum(axis=0)).ravel() > 0) & (half == side))
        out.append(standard(by_item(z, weight), seen))
    return out


def _tested(
    tested: Standard, mine: np.ndarray, chosen: np.ndarray, concepts: Concepts, counts: np.ndarray, within: bool,
    draws: int, seed: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Effect and p-value of the latents `mine` at their chosen concepts."""
    if not len(mine):
        return np.zeros(0), np.zeros(0)
    some, held = tested._replace(rows=tested.rows[:, mine]), concepts.members[tested.items].tocsc()
    asked, own = np.unique(chosen, return_inverse=True)
    effect = differences(some, held[:, asked])[np.arange(len(mine)), own]
    stratum = strata(counts, tested.items)
    if within:
        stratum = stratum + (stratum.max() + 1) * categories(concepts)[tested.items]
    drawn = null(some, held, chosen, stratum, draws=draws, seed=seed)
    return effect, (1 + (drawn >= effect - NOISE).sum(axis=0)) / (1 + draws)


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

"""Which latents represent which concepts: a concept is chosen for each latent on some users and items and tested on
others, by a popularity-stratified permutation test."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import NO_CONCEPT, Concepts, without_popularity
from workbench.probing.concepts.permutation_test import (
    FDR,
    StandardizedMeans,
    benjamini_hochberg,
    first_categories,
    permutation_null,
    popularity_strata,
    standardize,
    z_scores,
)

DRAWS = 999
SOURCES, ANY, WINDOW = ("last", "next", "history"), "any", 10
WITHIN_CATEGORY = ("brand", "price")  # families whose labels are permuted within the first-level category only
ROUNDING_TOLERANCE = 1e-4  # standard errors by which rounding changes a statistic that a permutation leaves unchanged


def item_weights(
    activations: Activations, source: str, n_items: int, histories: Histories | None = None
) -> csr_matrix:
    """(n, I+1) the items whose concepts a position is tested for, as weights that sum to 1 per row: the `last` item
    read, the `next` item (an empty row if there is none), or with `history` the last ten items read, equally weighted.

    histories: those that the activations were recorded from, one row per user; required for `history`. Raises UserError
    for an unknown source.
    """
    if source not in SOURCES:
        raise unknown_name("source of concepts", source, (*SOURCES, ANY))
    if source != "history":
        item = getattr(activations, source)
        row = np.flatnonzero(item > 0)
        return csr_matrix((np.ones(len(row), np.float32), (row, item[row])), shape=(len(item), n_items + 1))
    if histories is None:
        raise UserError("source='history' needs the histories that the activations were recorded from")
    end = histories.offsets[activations.user] + activations.position + 1
    length = np.minimum(activations.position + 1, WINDOW)
    offsets = np.concatenate([[0], np.cumsum(length)])
    index = np.arange(offsets[-1]) + np.repeat(end - length - offsets[:-1], length)
    weights = csr_matrix((np.repeat(1 / length, length).astype(np.float32), histories.items[index], offsets),
                         shape=(len(end), n_items + 1))  # fmt: skip
    weights.sum_duplicates()
    return weights


def mean_by_item(z: csr_matrix, weight: csr_matrix) -> np.ndarray:
    """(I+1, m) weighted mean activation of each latent over the positions (n,) of each item, with weights (n, I+1); 0
    for items without positions."""
    total = np.asarray(weight.sum(axis=0)).ravel()
    means = (weight.T @ z).toarray().astype(np.float32) / np.where(total > 0, total, 1)[:, None]
    return means.astype(np.float32)


def concept_test(
    discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix], concepts: Concepts,
    counts: np.ndarray, *, source: str = "last", histories: Histories | None = None, draws: int = DRAWS, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """One row per latent: its concept, chosen on the discovery users and half of the items, and effect (a z-score), p
    and q on the held-out users and the other half. significant: q below .05, and active for more than one item.

    discovery, held_out: activations and their latents (n, m). counts: (I+1,) train counts. source: the item whose
    concept is tested, as in `item_weights`, or `any`: the source with the largest z-score on the discovery split.
    histories: of all users; required for `history` and `any`. Popularity is not tested here but in
    `position_confounds`. The test permutes items, not positions: a latent that is active for one item only represents
    no concept, however often that item is read. concept is None if no concept of the items is known. Further columns:
    activation_share, the latent's share of all activation, density, the share of positions where it is active, and
    those of `item_concentration`.
    """
    sources, concepts = SOURCES if source == ANY else (source,), without_popularity(concepts)
    splits = [_item_means(discovery, held_out, concepts, name, histories, seed) for name in sources]
    scores = np.stack([z_scores(means, concepts.members[means.items]) for means, _ in splits])
    m = scores.shape[1]
    source_of, best = np.divmod(scores.transpose(1, 0, 2).reshape(m, -1).argmax(axis=1), scores.shape[2])
    effect, p, active = np.zeros(m), np.full(m, np.nan), np.zeros(m, bool)
    is_within_category = np.isin(concepts.families, WITHIN_CATEGORY)[best]
    for number, (means, test_means) in enumerate(splits):
        active_in_both = means.rows.any(axis=0) & test_means.rows.any(axis=0)
        for within_category in (False, True):
            latents = np.flatnonzero((source_of == number) & (is_within_category == within_category))
            effect[latents], p[latents] = _effect_and_p(test_means, latents, best[latents], concepts, counts,
                                                        within_category, draws, seed)  # fmt: skip
            active[latents] = active_in_both[latents]
    p[~active] = np.nan
    z = held_out[1]
    concentration = item_concentration(z, held_out[0].next if source == "next" else held_out[0].last)
    q, activation = benjamini_hochberg(p), np.asarray(z.sum(axis=0)).ravel()
    known = active & (concepts.families[best] != NO_CONCEPT[1][0])
    table = pd.DataFrame({
        "concept": np.where(known, concepts.names[best], None),
        "family": np.where(known, concepts.families[best], None),
        "source": np.asarray(sources, object)[source_of], "effect": effect, "p": p, "q": q,
        "significant": (q < FDR) & (concentration["effective_items"] >= 2),
        "activation_share": activation / max(activation.sum(), 1e-12),
        "density": np.diff(z.tocsc().indptr) / max(1, z.shape[0]), **concentration,
    })  # fmt: skip
    return table.rename_axis("latent")


def item_halves(n_items: int, seed: int = 0) -> np.ndarray:
    """(I+1,) 0 for the items that concepts are chosen on, 1 for those that they are tested on, -1 for padding."""
    return np.concatenate([[-1], np.random.default_rng(seed).permutation(n_items) % 2])


def _item_means(
    discovery: tuple, held_out: tuple, concepts: Concepts, source: str, histories: Histories | None, seed: int
) -> list[StandardizedMeans]:
    """Mean activations of the items of one half on the discovery users, and of the other half on the held-out users."""
    n_items, means = concepts.members.shape[0] - 1, []
    half_of = item_halves(n_items, seed)
    for half, (activations, z) in enumerate((discovery, held_out)):
        weight = item_weights(activations, source, n_items, histories)
        items = np.flatnonzero((np.asarray(weight.sum(axis=0)).ravel() > 0) & (half_of == half))
        means.append(standardize(mean_by_item(z, weight), items))
    return means


def _effect_and_p(
    means: StandardizedMeans, latents: np.ndarray, chosen: np.ndarray, concepts: Concepts, counts: np.ndarray,
    within_category: bool, draws: int, seed: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """z-score and one-sided p-value of each of the latents for its chosen concept."""
    if not len(latents):
        return np.zeros(0), np.zeros(0)
    own_means, members = means._replace(rows=means.rows[:, latents]), concepts.members[means.items].tocsc()
    columns, column_of = np.unique(chosen, return_inverse=True)
    effect = z_scores(own_means, members[:, columns])[np.arange(len(latents)), column_of]
    stratum = popularity_strata(counts, means.items)
    if within_category:
        stratum = stratum + (stratum.max() + 1) * first_categories(concepts)[means.items]
    null = permutation_null(own_means, members, chosen, stratum, draws=draws, seed=seed)
    return effect, (1 + (null >= effect - ROUNDING_TOLERANCE).sum(axis=0)) / (1 + draws)


def item_concentration(z: csr_matrix, items: np.ndarray) -> dict[str, np.ndarray]:
    """effective_items: (m,) 2 to the entropy of the item at which a latent is active, weighted by activation; below 2
    the latent detects a single item. top_item: (m,) the item with the largest weight."""
    sparse = z.tocoo()
    pairs, index = np.unique(np.column_stack([sparse.col, items[sparse.row]]), axis=0, return_inverse=True)
    weight = np.bincount(index.ravel(), weights=sparse.data, minlength=len(pairs))
    total = np.bincount(pairs[:, 0], weights=weight, minlength=z.shape[1])
    share = weight / np.maximum(total[pairs[:, 0]], 1e-12)
    entropy = np.bincount(pairs[:, 0], weights=-share * np.log2(np.maximum(share, 1e-300)), minlength=z.shape[1])
    top = np.zeros(z.shape[1], np.int64)
    order = np.argsort(weight, kind="stable")
    top[pairs[order, 0]] = pairs[order, 1]
    return {"effective_items": np.where(total > 0, 2.0**entropy, 0.0), "top_item": top}

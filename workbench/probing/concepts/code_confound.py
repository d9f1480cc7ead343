"""Does a latent represent a category, or does it copy the code that was just read?

A position that predicts code l has read the l codes before it, and codes carry category information. A latent that is
active there for the items of one category may therefore represent the prefix only. It represents more if it
distinguishes the category among items with the same prefix, by a permutation test within prefixes.
"""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concept_test import DRAWS, item_concentration, item_halves, item_weights, mean_by_item
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.concepts.permutation_test import FDR, benjamini_hochberg
from workbench.probing.concepts.stratified_test import center_within_strata, stratified_effects, stratified_test
from workbench.tokens import ItemCodes

Split = tuple[Activations, csr_matrix]  # activations and their latents (n, m)


def prefix_conditional_test(
    discovery: Split, held_out: Split, concepts: Concepts, codes: ItemCodes, counts: np.ndarray, *, draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """One row per latent and level: its best concept of the predicted item, chosen on the discovery users and half of
    the items, and two tests on the held-out users and the other half.

    discovery, held_out: activations of a semantic-ID decoder and their latents (n, m). counts: (I+1,) train counts. The
    statistic is the difference between members and other items in the mean activation at the positions of a level
    before an item. Columns: level, which is also the number of the item's codes that were read; latent; overall,
    p_overall, q_overall: unconditional effect, labels permuted among items of similar popularity; significant: as in
    `concept_test`; within, p, q: effect among items with the same prefix, labels permuted within prefixes, and within
    bands of popularity where a prefix has enough items (`permutation_cells`); beyond_prefix: significant, and q below
    .05. At level 0 no code of the item was read, so the two tests coincide. informative_items and p as in
    `StratifiedTest`; p is NaN for inactive latents, too. q is over the latents of a level.
    """
    tables = []
    for level in range(codes.levels):
        (rows, items), (test_rows, test_items) = _level_means(discovery, held_out, level, codes.n_items, seed)
        one_stratum, members = np.zeros(len(items)), concepts.members[items]
        centered = center_within_strata(rows, one_stratum)
        best = stratified_effects(centered, members, one_stratum).argmax(axis=1)
        active, columns = rows.any(axis=0) & test_rows.any(axis=0), {"level": level, "latent": np.arange(len(best))}
        prefixes = {("overall", "p_overall", "q_overall"): np.zeros(len(test_items), np.int64),
                    ("within", "p", "q"): codes.trie.node[test_items, level]}  # fmt: skip
        for names, prefix in prefixes.items():
            result = stratified_test(test_rows, concepts.members[test_items], best, prefix, counts[test_items],
                                     draws=draws, seed=seed)  # fmt: skip
            p = np.where(active, result.p, np.nan)
            columns |= dict(zip(names, (result.effect, p, benjamini_hochberg(p))))
        index = np.flatnonzero(held_out[0].level == level)
        z, following = held_out[1][index], held_out[0].next[index]
        activation = np.asarray(z.sum(axis=0)).ravel()
        significant = (columns["q_overall"] < FDR) & (item_concentration(z, following)["effective_items"] >= 2)
        tables.append(pd.DataFrame(columns | {
            "concept": np.where(active, concepts.names[best], None), "informative_items": result.informative_items,
            "significant": significant, "family": np.where(active, concepts.families[best], None),
            "beyond_prefix": significant & (columns["q"] < FDR),
            "activation_share": activation / max(activation.sum(), 1e-12),
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def _level_means(
    discovery: Split, held_out: Split, level: int, n_items: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean latents (n, m) at the positions of a level before each item (n,): of one half of the items on the discovery
    users, of the other on the held-out users."""
    means = []
    for half, (activations, z) in enumerate((discovery, held_out)):
        index = np.flatnonzero(activations.level == level)
        weight = item_weights(activations.take(index), "next", n_items)
        observed = np.asarray(weight.sum(axis=0)).ravel() > 0
        items = np.flatnonzero(observed & (item_halves(n_items, seed) == half))
        means.append((mean_by_item(z[index], weight)[items], items))
    return means


def prefix_test_power(
    discovery: Activations, held_out: Activations, concepts: Concepts, codes: ItemCodes, counts: np.ndarray, *,
    draws: int = DRAWS, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The power of the test within prefixes, and a dense upper bound: one row per concept and level.

    p_oracle: of a latent that equals the concept, NaN if there are too few distinct permutations; if it is not
    significant, the test has no power there. within, p, q: of a dense direction, the mean activation difference on the
    discovery split between the concept's items and others with the same prefix.
    """
    splits = [(activations, csr_matrix(activations.x)) for activations in (discovery, held_out)]
    tables, each = [], np.arange(len(concepts.names))
    for level in range(codes.levels):
        (rows, items), (test_rows, test_items) = _level_means(*splits, level, codes.n_items, seed)
        prefix = codes.trie.node[:, level]
        labels = center_within_strata(concepts.members[items].toarray(), prefix[items])
        directions = center_within_strata(rows, prefix[items]).T @ labels
        members = concepts.members[test_items]
        projections = center_within_strata(test_rows, prefix[test_items]) @ directions
        oracle, dense = (stratified_test(values, members, each, prefix[test_items], counts[test_items], draws=draws,
                                         seed=seed) for values in (members.toarray(), projections))  # fmt: skip
        tables.append(pd.DataFrame({
            "level": level, "concept": concepts.names, "p_oracle": oracle.p, "within": dense.effect, "p": dense.p,
            "q": benjamini_hochberg(dense.p),
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def summarize_by_level(table: pd.DataFrame) -> pd.DataFrame:
    """`prefix_conditional_test` summarized, one row per level: significant latents, their activation_share; how many of
    them could be tested within prefixes, how many are beyond_prefix, and as a share of those tested;
    activation_share_beyond_prefix: the share of activation of latents beyond the prefix."""
    rows = {}
    for level, latents in table.groupby("level"):
        significant = latents[latents["significant"]]
        tested, beyond = int(significant["p"].notna().sum()), int(significant["beyond_prefix"].sum())
        share = significant["activation_share"]
        rows[level] = {
            "significant": len(significant), "activation_share": share.sum(), "tested": tested, "beyond_prefix": beyond,
            "share": beyond / tested if tested else np.nan,
            "activation_share_beyond_prefix": share[significant["beyond_prefix"]].sum(),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")

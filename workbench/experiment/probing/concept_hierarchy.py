"""Concept hierarchies: k-sparse probing of categories, feature splitting, and feature absorption by subcategories."""
import numpy as np
import pandas as pd
import torch

from workbench.experiment.probing.feature_table import item_concepts_of
from workbench.experiment.probing.train_sae import discovery_and_test
from workbench.experiment.run import Run
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.absorption import (
    MIN_F1_GAIN,
    AbsorptionGap,
    absorption_gap,
    fully_absorbed,
    greedy_union_f1,
)
from workbench.probing.concepts.permutation_test import benjamini_hochberg, popularity_strata
from workbench.probing.concepts.sparse_probing import KS, probe_auroc, share_of_dense, sparse_probe_auroc
from workbench.probing.dictionaries.dictionary import Dictionary

PARENT_FAMILIES = ("category", "category 1", "genre")
MIN_POSITIONS = 50  # test positions that a subcategory needs
NO_CATEGORIES = "The items have no categories, so there is nothing to probe."


def parent_categories(run: Run, activations: Activations, *, most: int = 6) -> dict[str, np.ndarray]:
    """The `most` top-level categories with the most events, by name: (I+1,) bool, their items. {} for a dataset without
    categories."""
    concepts = item_concepts_of(run)
    parents = concepts.take(np.flatnonzero(np.isin(concepts.families, PARENT_FAMILIES)))
    if not len(parents.names):
        return {}
    events = np.bincount(activations.last, minlength=parents.members.shape[0]) @ parents.members
    return {parents.names[at]: parents.members[:, at].toarray().ravel() > 0 for at in np.argsort(-events)[:most]}


def k_sparse_probing(
    run: Run, activations: Activations, kinds: dict[str, Dictionary], *, most: int = 6
) -> pd.DataFrame:
    """k-sparse probing of the last item's top-level category, one row per dictionary, means over categories.

    k=1, k=2, k=5: AUROC above chance of a probe on the best k latents, as a share of that of a dense probe of the
    activations. split: the share of categories that a union of latents predicts better than one latent, by .03 of F1
    or more (feature splitting). dense AUROC: of the dense probe. Latents are selected on discovery users and scored on
    test users.
    """
    rows, categories = {}, parent_categories(run, activations, most=most)
    for kind, dictionary in kinds.items():
        (positions, z), (test, test_z) = discovery_and_test(activations, dictionary)
        by_category = []
        for member in categories.values():
            holds, test_holds = member[positions.last], member[test.last]
            dense = probe_auroc(positions.x, holds, test.x, test_holds)
            sparse = sparse_probe_auroc(z, holds, test_z, test_holds)
            shares = {f"k={k}": share_of_dense(auroc, dense) for k, auroc in sparse.items()}
            f1 = greedy_union_f1((z, holds), (test_z, test_holds))[1]
            is_split = f1[1:].max(initial=0) - f1[0] > MIN_F1_GAIN
            by_category.append(shares | {"split": float(is_split), "dense AUROC": dense})
        rows[kind] = pd.DataFrame(by_category, columns=[*(f"k={k}" for k in KS), "split", "dense AUROC"]).mean()
    probing = pd.DataFrame.from_dict(rows, orient="index").rename_axis("dictionary")
    probing.attrs["caption"] = sparse_probing_caption(probing)
    return probing


def sparse_probing_caption(probing: pd.DataFrame) -> str:
    """The share that one latent of the first dictionary predicts, and the best dictionary. probing: of
    `k_sparse_probing`."""
    if probing["k=1"].isna().all():
        return NO_CATEGORIES
    first, best = probing.index[0], probing["k=1"]
    return (f"One latent of {first} predicts {best[first]:.0%} of what a dense probe predicts of a category above "
            f"chance, one of {best.idxmax()} {best.max():.0%}, the most.")  # fmt: skip


def absorption_table(
    run: Run, activations: Activations, dictionary: Dictionary, *, most: int = 6, draws: int = 999
) -> pd.DataFrame:
    """Feature absorption, one row per top-level category and concept within it, the largest gap first.

    latent: the best predictor of the category. parent_rate, child_rate, gap, p: of `absorption_gap`; q: of the
    Benjamini-Hochberg correction. absorbed: the share of the child's positions at which another latent carries the
    category's direction (`fully_absorbed`). All on test users; the latent is selected on discovery users.
    """
    concepts, counts = item_concepts_of(run), run.bench().split.train_counts()
    (positions, z), (test, test_z) = discovery_and_test(activations, dictionary)
    strata = popularity_strata(counts, np.arange(len(counts)))
    is_category = np.char.startswith(concepts.families.astype(str), "category")
    directions = torch.nn.functional.normalize(dictionary.decoder, dim=1).numpy()
    sizes, rows = np.asarray(concepts.members.sum(axis=0)).ravel(), []
    for name, parent in parent_categories(run, activations, most=most).items():
        holds = parent[positions.last]
        selected = greedy_union_f1((z, holds), (test_z, parent[test.last]), max_latents=1)[0]
        probe = positions.x[holds].mean(axis=0) - positions.x[~holds].mean(axis=0)
        probe /= max(float(np.linalg.norm(probe)), 1e-12)
        absorbed = fully_absorbed(test_z, directions, probe, (test.x - positions.x.mean(axis=0)) @ probe, selected)
        active, shared = test_z[:, selected].toarray().ravel() > 0, parent.astype(np.float32) @ concepts.members
        for at in np.flatnonzero((shared == sizes) & (sizes < parent.sum()) & is_category):
            child = concepts.members[:, at].toarray().ravel() > 0
            of_child = child[test.last]
            if of_child.sum() >= MIN_POSITIONS:
                gap = absorption_gap(active, test.last, parent, child, strata, draws=draws)
                rows.append([name, concepts.names[at], selected[0], *gap, float(absorbed[of_child].mean())])
    table = pd.DataFrame(rows, columns=["category", "child", "latent", *AbsorptionGap._fields, "absorbed"])
    table["q"] = benjamini_hochberg(table["p"].to_numpy(float))
    table = table.sort_values("gap", ascending=False, ignore_index=True)
    table.attrs["caption"] = absorption_caption(table)
    return table


def absorption_caption(absorption: pd.DataFrame) -> str:
    """The number of subcategories with a significant absorption gap. absorption: of `absorption_table`."""
    if not len(absorption):
        return NO_CATEGORIES
    return (f"The latent of the parent category misses {int((absorption['q'] < 0.05).sum())} of {len(absorption)} "
            "subcategories more than chance allows, at FDR 5 %.")  # fmt: skip

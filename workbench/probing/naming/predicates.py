"""Names for latents from known properties of positions, one predicate or a conjunction of two, and how well a name
alone predicts where its latent is active on held-out users."""
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.auroc import classification_scores
from workbench.probing.concepts.concept_test import SOURCES
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.naming.concept_scores import concept_labels

TEMPLATES = {"last": "{}", "next": "next {}", "history": "mostly {}"}
BEST, MIN_GAIN = 8, 0.02  # predicates whose pairs are tried; F1 that a second one must add on the discovery split
# RecSAE's confidence: bins of activation, the lowest bin of a strong case, and cases per class
BINS, STRONG_BIN, CASES = 10, 5, 5


class Predicates(NamedTuple):
    """names: (Q,) of the predicates. holds: (n, Q) whether each holds at each position."""

    names: np.ndarray
    holds: csr_matrix


def predicates(
    activations: Activations, concepts: Concepts, confounds: Concepts, histories: Histories
) -> Predicates:
    """All predicates of positions: concepts of the last, the next and the recent items, and `position_confounds`."""
    names = [TEMPLATES[source].format(name) for source in SOURCES for name in concepts.names]
    blocks = [concept_labels(activations, source, concepts, histories) for source in SOURCES]
    holds = hstack([*blocks, confounds.members], format="csr")
    return Predicates(np.array([*names, *confounds.names], object), holds)


def align(a: Predicates, b: Predicates) -> Predicates:
    """b with the predicates of a, in their order; those missing in b hold nowhere."""
    column_of = {name: column for column, name in enumerate(b.names)}
    empty = csr_matrix((b.holds.shape[0], 1), dtype=np.float32)
    columns = np.array([column_of.get(name, len(b.names)) for name in a.names])
    return Predicates(a.names, hstack([b.holds, empty], format="csr")[:, columns].tocsr())


def name_latents(
    discovery: tuple[Predicates, csr_matrix], held_out: tuple[Predicates, csr_matrix]
) -> pd.DataFrame:
    """One row per latent: name, the predicate, or two joined with `and`, with the best F1 for its activity (z > 0) on
    the discovery split; a second one only if it adds enough. On the held-out split: name_precision, name_recall,
    name_f1 and name_baseline_f1 of activity predicted from the name alone; shuffled_f1, the same with another latent's
    name; and RecSAE's `confidence` of the name with its `confidence_recall` and `specificity`. NaN for latents that are
    inactive in either split.

    Each split: predicates (n, Q) of the same names, and latents (n, m).
    """
    known, z = discovery[0], (discovery[1] > 0).astype(np.float32)
    active, count = np.asarray(z.sum(axis=0)).ravel(), np.asarray(known.holds.sum(axis=0)).ravel()
    both = (z.T @ known.holds).toarray()
    f1 = 2 * both / np.maximum(active[:, None] + count, 1)
    best = np.argsort(-f1, axis=1, kind="stable")[:, :BEST]
    joint, columns, chosen = (known.holds.T @ known.holds).tocsr(), z.tocsc(), []
    for latent in range(z.shape[1]):
        chosen.append(_best_pair(columns, known.holds, joint, latent, best[latent], f1[latent], active[latent]))
    test, test_z = held_out[0], (held_out[1] > 0).astype(np.float32)
    predicted = hstack([csr_matrix(test.holds[:, a].multiply(test.holds[:, b])) for a, b in chosen], format="csr")
    n, test_active = test_z.shape[0], np.asarray(test_z.sum(axis=0)).ravel()
    predicted_count, hits = np.asarray(predicted.sum(axis=0)).ravel(), (test_z.T @ predicted).toarray()
    other, own = np.random.default_rng(0).permutation(len(chosen)), np.arange(len(chosen))
    scores = classification_scores(predicted_count, test_active, hits.diagonal(), n)
    shuffled_f1 = classification_scores(predicted_count[other], test_active, hits[own, other], n)["f1"]
    names = [known.names[a] if a == b else f"{known.names[a]} and {known.names[b]}" for a, b in chosen]
    inactive = (active == 0) | (test_active == 0)
    table = pd.DataFrame({
        "name": np.where(active > 0, np.array(names, object), None),
        **{f"name_{key}": np.where(inactive, np.nan, scores[key])
           for key in ("precision", "recall", "f1", "baseline_f1")},
        "shuffled_f1": np.where(inactive, np.nan, shuffled_f1),
    })  # fmt: skip
    return table.join(recsae_confidence(held_out[1], predicted)).rename_axis("latent")


def _best_pair(
    z, holds: csr_matrix, joint: csr_matrix, latent: int, best: np.ndarray, f1: np.ndarray, active: float
) -> tuple[int, int]:
    """The best pair of a latent's best predicates, or the best one twice."""
    rows = holds[z.indices[z.indptr[latent] : z.indptr[latent + 1]]][:, best].toarray()
    pair_count = joint[best][:, best].toarray()
    pair_f1 = 2 * (rows.T @ rows) / np.maximum(active + pair_count, 1)
    a, b = np.unravel_index(pair_f1.argmax(), pair_f1.shape)
    return (best[a], best[b]) if pair_f1[a, b] > f1[best[0]] + MIN_GAIN else (best[0], best[0])


def recsae_confidence(z: csr_matrix, predicted: csr_matrix, *, seed: int = 0) -> pd.DataFrame:
    """RecSAE's confidence (arXiv:2411.06112 and its released scripts), one row per latent.

    All positive activations of all latents are divided into ten bins of equal count. Of the ten strongest cases of a
    latent in the fifth bin or above, five are drawn, and five cases where it is inactive. confidence: the share of the
    ten for which the name predicts activity correctly; confidence_recall: of the active five; specificity: of the
    inactive five, which the scripts call precision. NaN for a latent with fewer than five strong cases; the scripts
    would draw some twice. z, predicted: (n, m) latents, and where their names hold, on positions that the names were
    not chosen on.
    """
    columns, name_holds, rng = z.tocsc(), predicted.tocsc(), np.random.default_rng(seed)
    strong = np.quantile(z.data[z.data > 0], (STRONG_BIN - 1) / BINS) if (z.data > 0).any() else np.inf
    scores = np.full((z.shape[1], 2), np.nan)
    for latent in range(z.shape[1]):
        column = slice(columns.indptr[latent], columns.indptr[latent + 1])
        rows, value = columns.indices[column], columns.data[column]
        best = rows[np.argsort(-value, kind="stable")][: min(2 * CASES, int((value >= strong).sum()))]
        if len(best) < CASES or len(rows) + CASES > z.shape[0]:
            continue
        drawn = rng.choice(z.shape[0], min(z.shape[0], len(rows) + CASES), replace=False)
        inactive = np.setdiff1d(drawn, rows)[:CASES]
        holds = name_holds.indices[name_holds.indptr[latent] : name_holds.indptr[latent + 1]]
        recall = np.isin(rng.choice(best, CASES, replace=False), holds).mean()
        scores[latent] = recall, 1 - np.isin(inactive, holds).mean()
    return pd.DataFrame({"confidence": scores.mean(axis=1), "confidence_recall": scores[:, 0],
                         "specificity": scores[:, 1]})  # fmt: skip

"""Names for latents out of what is known of units, one predicate or two joined, and how well a name alone foretells
where its latent fires on users that it was not chosen on."""
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.auroc import scores
from workbench.probing.concepts.concept_test import SOURCES
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.naming.concept_scores import labels

SAID = {"last": "{}", "next": "next {}", "history": "mostly {}"}
BEST, GAIN = 8, 0.02  # predicates of which pairs are tried, and what a second one must add to F1 on the discovery side

LEVELS, ACTIVE, CASES = 10, 5, 5  # of RecSAE's confidence: bins, the least bin of a strong case, cases of a kind


class Predicates(NamedTuple):
    """names: (Q,) what can be said of a unit. holds: (n, Q) where it is so."""

    names: np.ndarray
    holds: csr_matrix


def predicates(units: Activations, concepts: Concepts, known: Concepts, histories: Histories) -> Predicates:
    """All that may be said of units: concepts of the last, the next and the recent items, and `marks`."""
    names = [SAID[source].format(name) for source in SOURCES for name in concepts.names]
    parts = [labels(units, source, concepts, histories) for source in SOURCES]
    return Predicates(np.array([*names, *known.names], object), hstack([*parts, known.members], format="csr"))


def aligned(a: Predicates, b: Predicates) -> Predicates:
    """b with the predicates of a, in their order; what b lacks holds nowhere."""
    order = {name: at for at, name in enumerate(b.names)}
    empty = csr_matrix((b.holds.shape[0], 1), dtype=np.float32)
    at = np.array([order.get(name, len(b.names)) for name in a.names])
    return Predicates(a.names, hstack([b.holds, empty], format="csr")[:, at].tocsr())


def name(discovery: tuple[Predicates, csr_matrix], held_out: tuple[Predicates, csr_matrix]) -> pd.DataFrame:
    """A row a latent: the predicate, or the two joined with `and`, that foretells best where it fires (z > 0) on the
    discovery side, by F1; a second one only where it adds enough. Held out: name_precision, name_recall, name_f1 and
    name_floor of firing foretold from the name alone, and shuffled_f1, the same with the name of another latent; and
    the `confidence` of RecSAE for the name, with its `confidence_recall` and `specificity`. NaN for
    latents that are silent on either side.

    The units of either side are given by predicates (n, Q) of the same names and latents (n, m).
    """
    said, z = discovery[0], (discovery[1] > 0).astype(np.float32)
    fires, count = np.asarray(z.sum(axis=0)).ravel(), np.asarray(said.holds.sum(axis=0)).ravel()
    both = (z.T @ said.holds).toarray()
    f1 = 2 * both / np.maximum(fires[:, None] + count, 1)
    first = np.argsort(-f1, axis=1, kind="stable")[:, :BEST]
    joint, columns, chosen = (said.holds.T @ said.holds).tocsr(), z.tocsc(), []
    for latent in range(z.shape[1]):
        chosen.append(_pair(columns, said.holds, joint, latent, first[latent], f1[latent], fires[latent]))
    test, zt = held_out[0], (held_out[1] > 0).astype(np.float32)
    foretold = hstack([csr_matrix(test.holds[:, a].multiply(test.holds[:, b])) for a, b in chosen], format="csr")
    n, fired = zt.shape[0], np.asarray(zt.sum(axis=0)).ravel()
    yes, hits = np.asarray(foretold.sum(axis=0)).ravel(), (zt.T @ foretold).toarray()
    other = np.random.default_rng(0).permutation(len(chosen))
    own, told = np.arange(len(chosen)), scores(yes, fired, hits.diagonal(), n)
    names = [said.names[a] if a == b else f"{said.names[a]} and {said.names[b]}" for a, b in chosen]
    silent = (fires == 0) | (fired == 0)
    shuffled = scores(yes[other], fired, hits[own, other], n)["f1"]
    found = pd.DataFrame({
        "name": np.where(fires > 0, np.array(names, object), None),
        **{f"name_{key}": np.where(silent, np.nan, told[key]) for key in ("precision", "recall", "f1", "floor")},
        "shuffled_f1": np.where(silent, np.nan, shuffled),
    })  # fmt: skip
    return found.join(confidence(held_out[1], foretold)).rename_axis("latent")


def _pair(z, holds: csr_matrix, joint: csr_matrix, latent: int, first: np.ndarray, f1: np.ndarray, fires: float):
    """The best pair of a latent's best predicates, or the best one twice."""
    rows = holds[z.indices[z.indptr[latent] : z.indptr[latent + 1]]][:, first].toarray()
    together = joint[first][:, first].toarray()
    paired = 2 * (rows.T @ rows) / np.maximum(fires + together, 1)
    a, b = np.unravel_index(paired.argmax(), paired.shape)
    return (first[a], first[b]) if paired[a, b] > f1[first[0]] + GAIN else (first[0], first[0])


def confidence(z: csr_matrix, foretold: csr_matrix, *, seed: int = 0) -> pd.DataFrame:
    """RecSAE's confidence (arXiv:2411.06112 and its released scripts) under its own name, a row a latent.

    All positive activations of all latents are cut into ten bins of one size; of the ten cases of a latent that are
    strongest and in the fifth bin or above, five are drawn, and five where it is silent. confidence: the share of the
    ten of which the name says rightly whether it fires; confidence_recall: of the first five; specificity: of the rest,
    which the scripts call precision. NaN where a latent has no five strong cases; the scripts would take some twice.
    z, foretold: (n, m) latents and where their names hold, of units that the names were not chosen on.
    """
    columns, told, rng = z.tocsc(), foretold.tocsc(), np.random.default_rng(seed)
    strong = np.quantile(z.data[z.data > 0], (ACTIVE - 1) / LEVELS) if (z.data > 0).any() else np.inf
    out = np.full((z.shape[1], 2), np.nan)
    for latent in range(z.shape[1]):
        at = slice(columns.indptr[latent], columns.indptr[latent + 1])
        rows, value = columns.indices[at], columns.data[at]
        best = rows[np.argsort(-value, kind="stable")][: min(2 * CASES, int((value >= strong).sum()))]
        if len(best) < CASES or len(rows) + CASES > z.shape[0]:
            continue
        silent = np.setdiff1d(rng.choice(z.shape[0], min(z.shape[0], len(rows) + CASES), replace=False), rows)[:CASES]
        holds = told.indices[told.indptr[latent] : told.indptr[latent + 1]]
        out[latent] = np.isin(rng.choice(best, CASES, replace=False), holds).mean(), 1 - np.isin(silent, holds).mean()
    found = {"confidence": out.mean(axis=1), "confidence_recall": out[:, 0], "specificity": out[:, 1]}
    return pd.DataFrame(found)

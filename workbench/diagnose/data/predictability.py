"""Predictability: bits of information the last item gives about the next one, and how many depend on event order."""

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Cases, Split
from workbench.data.graph import edge_weights, last_items, transitions
from workbench.data.perturbations import shuffled
from workbench.diagnose.data.branching import train_graph
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.progress import track
from workbench.train.rng import named_rng

SHUFFLES = 20
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 10_000.0, 1e6)  # pseudo-counts of the popularity prior


def popularity_distribution(split: Split) -> np.ndarray:
    """(I+1,) item probabilities from train counts with add-one smoothing; 0 for padding."""
    counts = split.train_counts() + 1.0
    counts[0] = 0
    return counts / counts.sum()


def bigram_bits(graph: csr_matrix, cases: Cases, prior: np.ndarray, strength: float) -> np.ndarray:
    """(C,) bits that a bigram model saves over popularity on each target, log2 p(target | last) / p(target).

    p(b | a) = (n_ab + strength p(b)) / (n_a + strength), the Dirichlet smoothing of MacKay and Peto (1995). prior:
    (I+1,) the popularity distribution p(b).
    """
    before, base = last_items(cases.histories), prior[cases.targets]
    total = np.asarray(graph.sum(axis=1)).ravel()[before]
    smoothed = (edge_weights(graph, before, cases.targets) + strength * base) / (total + strength)
    return np.log2(smoothed / base)


def tuned_bigram_bits(graph: csr_matrix, split: Split, prior: np.ndarray) -> tuple[np.ndarray, float]:
    """(C,) test bits of the bigram at the strength with the most bits on validation, and that strength."""
    validation_bits = [bigram_bits(graph, split.valid, prior, strength).mean() for strength in STRENGTHS]
    best = STRENGTHS[int(np.argmax(validation_bits))]
    return bigram_bits(graph, split.test, prior, best), best


def predictability(split: Split, *, shuffles: int = SHUFFLES, seed: int = 0) -> Card:
    """Bits that a smoothed bigram of train saves over popularity on test pairs (last item, target), and how many of
    them are lost when each train history is shuffled.

    Figures: transition bits, CE(popularity) - CE(bigram), null: the same from shuffled histories; order bits,
    CE(bigram of shuffled histories) - CE(bigram); order p-value, of a permutation test over the shuffles. CE is the
    cross-entropy of the test targets. The smoothing of every bigram is chosen on validation. UserError if train has no
    transition.
    """
    graph, prior, rng = train_graph(split), popularity_distribution(split), named_rng(seed, "shuffled histories")
    own, strength = tuned_bigram_bits(graph, split, prior)
    sums, means = np.zeros(len(own)), np.zeros(shuffles)
    for draw in track(range(shuffles), "bigrams of shuffled histories", unit="shuffles"):
        bits = tuned_bigram_bits(transitions(shuffled(split.train, rng), split.n_items), split, prior)[0]
        sums, means[draw] = sums + bits, bits.mean()
    p = (1 + (means >= own.mean()).sum()) / (shuffles + 1)
    entropy = float(-np.log2(prior[split.test.targets]).mean())
    return Card((
        Figure("popularity bits", entropy, n=len(own),
               note="Cross-entropy of the test targets under popularity, in bits."),
        mean_figure(
            "transition bits", own, null=float(means.mean()), direction="above",
            note=f"Bits of it that the last item saves, under a bigram smoothed with {strength:g} pseudo-counts of "
            f"popularity. Null: the same from {shuffles} shuffles of each train history.",
        ),
        mean_figure(
            "order bits", own - sums / shuffles, null=0.0, direction="above",
            note=f"Mean bits that the bigram loses over {shuffles} shuffles of each train history.",
        ),
        Figure(
            "order p-value", float(p), null=0.05, direction="below", n=shuffles,
            note="Permutation test: share of bigrams at least as good as the observed one, included; null: 0.05.",
        ),
    ))  # fmt: skip

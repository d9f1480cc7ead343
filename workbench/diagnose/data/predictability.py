"""How many bits the last item tells about the next one, and how many of them need the order of the histories."""

import numpy as np
from scipy.sparse import csr_matrix

from workbench.data import Cases, Split
from workbench.data.graph import adjacent, last_items, transitions
from workbench.data.perturbations import shuffled
from workbench.diagnose.data.branching import train_graph
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.progress import track
from workbench.train.rng import stream

SHUFFLES = 20
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 10_000.0, 1e6)  # pairs that popularity counts for


def popularity_chance(split: Split) -> np.ndarray:
    """(I+1,) probability of each item by train count, with one added to each; 0 for padding."""
    counts = split.train_counts() + 1.0
    counts[0] = 0
    return counts / counts.sum()


def bigram_bits(graph: csr_matrix, cases: Cases, chance: np.ndarray, strength: float) -> np.ndarray:
    """(C,) bits by which a bigram beats popularity on each target, log2 p(target | last) / p(target).

    p(b | a) = (n_ab + strength p(b)) / (n_a + strength), the Dirichlet smoothing of MacKay and Peto 1995. chance:
    (I+1,) the p(b) of popularity.
    """
    before, base = last_items(cases.histories), chance[cases.targets]
    total = np.asarray(graph.sum(axis=1)).ravel()[before]
    smoothed = (adjacent(graph, before, cases.targets) + strength * base) / (total + strength)
    return np.log2(smoothed / base)


def tuned_bits(graph: csr_matrix, split: Split, chance: np.ndarray) -> tuple[np.ndarray, float]:
    """(C,) test bits of the bigram at the strength that gives most bits on validation, and that strength."""
    gained = [bigram_bits(graph, split.valid, chance, strength).mean() for strength in STRENGTHS]
    best = STRENGTHS[int(np.argmax(gained))]
    return bigram_bits(graph, split.test, chance, best), best


def predictability(split: Split, *, shuffles: int = SHUFFLES, seed: int = 0) -> Card:
    """Bits that a smoothed bigram of train saves on test pairs (last item, target) against popularity, and how many
    of them are lost when each train history is shuffled.

    Figures: transition bits, CE(popularity) - CE(bigram), its null being the same from shuffled histories; order bits,
    CE(bigram of shuffled histories) - CE(bigram); order p, the share of bigrams, the true one among them, that are at
    least as good as the true one. The smoothing of every bigram is chosen on validation. UserError if train has no
    transition.
    """
    graph, chance, rng = train_graph(split), popularity_chance(split), stream(seed, "shuffled histories")
    own, strength = tuned_bits(graph, split, chance)
    sums, means = np.zeros(len(own)), np.zeros(shuffles)
    for draw in track(range(shuffles), "bigrams of shuffled histories", unit="shuffles"):
        bits = tuned_bits(transitions(shuffled(split.train, rng), split.n_items), split, chance)[0]
        sums, means[draw] = sums + bits, bits.mean()
    p = (1 + (means >= own.mean()).sum()) / (shuffles + 1)
    whole = float(-np.log2(chance[split.test.targets]).mean())
    return Card((
        Figure("popularity bits", whole, n=len(own), note="Bits of a test target by popularity, one event added."),
        mean_figure(
            "transition bits", own, null=float(means.mean()), toward="above",
            note=f"Bits that the last item saves of them, by a bigram smoothed with {strength:g} pairs' worth of "
            f"popularity. Null: the same from {shuffles} shuffles of each train history.",
        ),
        mean_figure(
            "order bits", own - sums / shuffles, null=0.0, toward="above",
            note=f"Bits that the bigram loses, on average, in {shuffles} shuffles of each train history.",
        ),
        Figure(
            "order p", float(p), null=0.05, toward="below", n=shuffles,
            note="Share of bigrams at least as good as the true one, which counts as one; the null is the usual level.",
        ),
    ))  # fmt: skip

"""Latency of probing at the size of Beauty: recording activations compared with a plain forward pass, a concept test of
512 latents and 300 concepts with 999 permutations, and one move of the steering slider."""
import json
import sys
import time

import numpy as np
from rounds import Faster, Limit, arguments, measure, report

USERS, ITEMS, LATENTS, K, CONCEPTS, DRAWS = 22_363, 12_101, 512, 8, 300, 999


def histories():
    """Random histories with the number of users and items of Beauty's train split and similar lengths."""
    from workbench.data import Histories

    rng = np.random.default_rng(0)
    lengths = 2 + np.minimum(rng.geometric(0.2, USERS), 60)
    popularity = np.arange(1, ITEMS + 1) ** -0.7
    items = (rng.choice(ITEMS, lengths.sum(), p=popularity / popularity.sum()) + 1).astype(np.int32)
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(USERS, dtype=np.int32))


def network():
    """A sasrec of default size; untrained, which does not change the run time."""
    from workbench.nets.transformer import SequenceEncoder
    from workbench.recommenders.sequential import sequential

    module = SequenceEncoder(ITEMS, width=64, layers=2, heads=2, feedforward=256, max_length=50, dropout=0.0)
    return sequential(module.eval(), loss=None, max_length=50)


def forward() -> float:
    """Seconds of a forward pass over all histories without recording."""
    from workbench.probing.activations.store import BATCH, split_into_chunks

    model, train = network(), histories()
    started = time.perf_counter()
    chunks = split_into_chunks(train, model.max_length).histories
    for index in chunks.batches(BATCH):
        model.trace(chunks.take(index))
    return time.perf_counter() - started


def capture() -> float:
    """Seconds of the same pass with the activations of every event recorded."""
    from workbench.probing.activations.hooks import Site
    from workbench.probing.activations.store import record_activations

    model, train = network(), histories()
    started = time.perf_counter()
    record_activations(model, Site("blocks.0.out"), train)
    return time.perf_counter() - started


def concept_testing() -> float:
    """Seconds of a concept test (selection, permutation test and FDR correction) on two fifths of the users."""
    from scipy.sparse import csr_matrix

    from workbench.probing.activations.hooks import Site
    from workbench.probing.activations.store import Activations
    from workbench.probing.concepts.concept_test import concept_test
    from workbench.probing.concepts.concepts import Concepts

    train, rng = histories(), np.random.default_rng(1)
    members = csr_matrix(rng.random((ITEMS + 1, CONCEPTS)) < 0.02, dtype=np.float32)
    members[0] = 0
    names = np.array([f"{c}" for c in range(CONCEPTS)], object)
    concepts = Concepts(names, np.full(CONCEPTS, "category"), members.tocsr())
    splits = []
    for users in np.array_split(rng.permutation(USERS), 5)[:2]:
        split = train.take(users)
        n, zero = len(split.items), np.zeros(len(split.items), np.int32)
        columns = np.concatenate([rng.choice(LATENTS, K, replace=False) for _ in range(n)])
        z = csr_matrix((rng.random(n * K, np.float32), columns, np.arange(n + 1) * K), shape=(n, LATENTS))
        user = np.repeat(split.users, split.lengths)
        x = np.zeros((n, 1), np.float32)
        activations = Activations(x, user, zero, zero, split.items, zero, zero, Site("x"), "")
        splits.append((activations, z))
    started = time.perf_counter()
    concept_test(*splits, concepts, np.bincount(train.items, minlength=ITEMS + 1), draws=DRAWS)
    return time.perf_counter() - started


def slider() -> float:
    """Median seconds to update the top 10 after a move of the slider, for one user."""
    import torch

    from workbench.probing.activations.hooks import Site
    from workbench.probing.dictionaries.dictionary import Dictionary
    from workbench.probing.interventions.steering import Steering

    directions = torch.nn.functional.normalize(torch.randn(LATENTS, 64), dim=1)
    dictionary = Dictionary(directions, torch.zeros(LATENTS), directions, torch.zeros(64), torch.zeros(LATENTS), K)
    steering = Steering(network(), Site("blocks.0.out"), dictionary, np.ones(LATENTS, np.float32), False)
    steered, seconds = steering.for_histories(histories().take([7])), []
    for strength in np.linspace(-4, 4, 33):
        started = time.perf_counter()
        steered.recommend(steering.step(3, float(strength)), 10)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


SIDES = {side.__name__: side for side in (forward, capture, concept_testing, slider)}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        from workbench.train.runtime import configure_runtime

        configure_runtime("cpu")
        print(json.dumps({"seconds": SIDES[sys.argv[2]]()}))
        return
    options = arguments(__doc__)
    sides = {name: [sys.executable, __file__, "--side", name] for name in SIDES}
    records = measure(sides, rounds=options.rounds, threads=options.threads)
    targets = [Faster("capture", "forward", 0.8), Limit("concept_testing", "seconds", 120),
               Limit("slider", "seconds", 0.3)]  # fmt: skip
    report(__doc__, records, targets, out=options.out)


if __name__ == "__main__":
    main()

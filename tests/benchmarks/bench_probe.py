"""What a probe waits for, at the size of Beauty: reading a site beside the plain forward pass, a concept dictionary of
512 latents and 300 concepts with 999 permutations, and one move of the steering slider."""
import json
import sys
import time

import numpy as np
from rounds import Faster, Limit, arguments, measure, report

USERS, ITEMS, LATENTS, K, CONCEPTS, DRAWS = 22_363, 12_101, 512, 8, 300, 999


def histories():
    """As many users, items and events as Beauty's train part, lengths alike."""
    from workbench.data import Histories

    rng = np.random.default_rng(0)
    lengths = 2 + np.minimum(rng.geometric(0.2, USERS), 60)
    rate = np.arange(1, ITEMS + 1) ** -0.7
    items = (rng.choice(ITEMS, lengths.sum(), p=rate / rate.sum()) + 1).astype(np.int32)
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(USERS, dtype=np.int32))


def network():
    """A sasrec of the usual size; untrained, which changes no duration."""
    from workbench.nets.transformer import SequenceEncoder
    from workbench.recommenders.sequential import Sequential

    module = SequenceEncoder(ITEMS, width=64, layers=2, heads=2, feedforward=256, max_length=50, dropout=0.0)
    return Sequential(module.eval(), loss=None, max_length=50)


def forward() -> float:
    """Every history once, nothing kept."""
    from workbench.probing.activations.store import BATCH, pieces

    model, train = network(), histories()
    started = time.perf_counter()
    cut = pieces(train, model.max_length).histories
    for index in cut.batches(BATCH):
        model.trace(cut.take(index))
    return time.perf_counter() - started


def capture() -> float:
    """The same, and a row kept for each event."""
    from workbench.probing.activations.hooks import Site
    from workbench.probing.activations.store import activations

    model, train = network(), histories()
    started = time.perf_counter()
    activations(model, Site("blocks.0.out"), train)
    return time.perf_counter() - started


def concepts() -> float:
    """Choosing, testing and correcting, on two fifths of the users."""
    from scipy.sparse import csr_matrix

    from workbench.probing.activations.hooks import Site
    from workbench.probing.activations.store import Activations
    from workbench.probing.concepts.concept_test import certify
    from workbench.probing.concepts.concepts import Concepts

    train, rng = histories(), np.random.default_rng(1)
    members = csr_matrix(rng.random((ITEMS + 1, CONCEPTS)) < 0.02, dtype=np.float32)
    members[0] = 0
    names = np.array([f"{c}" for c in range(CONCEPTS)], object)
    known = Concepts(names, np.full(CONCEPTS, "category"), members.tocsr())
    sides = []
    for part in np.array_split(rng.permutation(USERS), 5)[:2]:
        some = train.take(part)
        n, zero = len(some.items), np.zeros(len(some.items), np.int32)
        columns = np.concatenate([rng.choice(LATENTS, K, replace=False) for _ in range(n)])
        z = csr_matrix((rng.random(n * K, np.float32), columns, np.arange(n + 1) * K), shape=(n, LATENTS))
        user = np.repeat(some.users, some.lengths)
        x = np.zeros((n, 1), np.float32)
        units = Activations(x, user, zero, zero, some.items, zero, zero, Site("x"), "")
        sides.append((units, z))
    started = time.perf_counter()
    certify(*sides, known, np.bincount(train.items, minlength=ITEMS + 1), draws=DRAWS)
    return time.perf_counter() - started


def slider() -> float:
    """The median answer to a move, for a user with a usual history."""
    import torch

    from workbench.probing.activations.hooks import Site
    from workbench.probing.dictionaries.dictionary import Dictionary
    from workbench.probing.interventions.steering import Steering

    directions = torch.nn.functional.normalize(torch.randn(LATENTS, 64), dim=1)
    found = Dictionary(directions, torch.zeros(LATENTS), directions, torch.zeros(64), torch.zeros(LATENTS), K)
    desk = Steering(network(), Site("blocks.0.out"), found, np.ones(LATENTS, np.float32), False)
    push, took = desk.of(histories().take([7])), []
    for strength in np.linspace(-4, 4, 33):
        started = time.perf_counter()
        push.lists(desk.step(3, float(strength)), 10)
        took.append(time.perf_counter() - started)
    return float(np.median(took))


SIDES = {side.__name__: side for side in (forward, capture, concepts, slider)}


def main() -> None:
    """Every side once a round."""
    if sys.argv[1:2] == ["--side"]:
        from workbench.train.runtime import runtime

        runtime("cpu")
        print(json.dumps({"seconds": SIDES[sys.argv[2]]()}))
        return
    options = arguments(__doc__)
    sides = {name: [sys.executable, __file__, "--side", name] for name in SIDES}
    records = measure(sides, rounds=options.rounds, threads=options.threads)
    wanted = [Faster("capture", "forward", 0.8), Limit("concepts", "seconds", 120), Limit("slider", "seconds", 0.3)]
    report(__doc__, records, wanted, out=options.out)


if __name__ == "__main__":
    main()

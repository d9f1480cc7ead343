"""Our side of the benchmarks of generative retrieval, on Beauty with 4 codes of 256 per item: `ours_tiger.py TASK`.

train        one epoch of `tiger` over a random sample of the users, after a warm-up epoch.
beam WIDTH   trie-constrained beam search for USERS test users, checked against a forward pass; untrained weights.
exact        exact scores of all items with a small `tiger`.
export FILE  the same histories and codes for the other implementations.

Seconds are extrapolated to a full epoch, or to 1,000 users.
"""
import json
import sys
import time
from dataclasses import replace

import numpy as np
from ours import beauty  # also sets the data folder

SIZES = dict(codes="apao", policy="none", prefixes=False, width=256, layers=5, dropout=0.1)  # as large as the T5
ITEMS = 20
SHARE, USERS, EXACT, REPEATS = 8, 128, 200, 3  # one user in eight is trained on


def train() -> dict:
    """Seconds of the second epoch, extrapolated to all targets."""
    from workbench.train.fit import TrainingSession
    from workbench.train.runtime import configure_runtime

    bench = beauty()
    split, recommender = bench.split, bench.build("tiger", **SIZES)
    users = np.random.default_rng(0).permutation(len(split.train))[: len(split.train) // SHARE]
    sample = replace(split, train=split.train.take(users))
    recipe = bench.plan("tiger", epochs=2, batch_size=128)[1]
    session = TrainingSession(recipe, device=configure_runtime("cpu").type)
    first, second = (row["seconds"] for row in recommender.fit(sample, session))
    return _per_epoch(second - first, _targets(sample), _targets(split)) | _size(recommender)


def beam(width: str) -> dict:
    """Mean seconds of three runs after a warm-up. difference: the largest absolute difference to the log-probabilities
    of a forward pass of the same items."""
    recommender, histories = _untrained(int(width))
    batches = list(histories.batches(64))
    warm_up = [recommender.beams(histories.take(index)) for index in batches]
    start = time.perf_counter()
    for _ in range(REPEATS):
        for index in batches:
            recommender.beams(histories.take(index))
    seconds = (time.perf_counter() - start) / REPEATS
    trie, differences = recommender.codes.trie, []
    for index, beams in zip(batches, warm_up):
        items = trie.order[trie.first[-1][beams.nodes[-1]]]
        expected = recommender.log_prob(histories.take(index), items) + np.log(trie.group_size[beams.nodes[-1]])
        differences.append(float(np.abs(expected - beams.scores[-1]).max()))
    return _per_thousand(seconds, len(histories)) | {"difference": max(differences)} | _size(recommender)


def exact() -> dict:
    """Seconds of exact scores with width 64 and 3 layers, over the default codes of `tiger`."""
    from workbench.train.runtime import configure_runtime

    bench = beauty()
    configure_runtime("cpu")
    recommender = bench.build("tiger", width=64, layers=3)
    histories = _sample(bench, EXACT)
    recommender.score(histories.take(np.arange(4)))
    start = time.perf_counter()
    recommender.score(histories)
    seconds = time.perf_counter() - start
    nodes = [len(first) for first in recommender.codes.trie.first[1:]]
    return _per_thousand(seconds, len(histories)) | {"nodes": nodes} | _size(recommender)


def export(path: str) -> dict:
    """Write tokens (I+1, 4), distinct between levels, train as offsets and items, and test histories."""
    start = time.perf_counter()
    bench = beauty()
    users, train = _sample(bench, USERS).last(ITEMS), bench.split.train
    codes = bench.codes("apao", policy="none")
    tokens = codes.codes.astype(np.int64) + 1 + np.cumsum((0, *codes.sizes[:-1]))
    tokens[0] = 0
    np.savez(path, tokens=tokens, offsets=train.offsets, items=train.items, users=users.padded(ITEMS))
    return {"seconds": time.perf_counter() - start}


def _untrained(width: int):
    from workbench.train.runtime import configure_runtime

    bench = beauty()
    configure_runtime("cpu")
    return bench.build("tiger", beam=width, **SIZES), _sample(bench, USERS)


def _sample(bench, n: int):
    """Test histories of n random users, the same for all sides."""
    histories = bench.split.test.histories
    return histories.take(np.random.default_rng(1).permutation(len(histories))[:n])


def _targets(split) -> int:
    return int(np.maximum(split.train.lengths - 1, 0).sum())


def _per_epoch(seconds: float, timed: int, targets: int) -> dict:
    return {"seconds": seconds * targets / timed, "targets_per_second": timed / seconds, "timed": timed}


def _per_thousand(seconds: float, users: int) -> dict:
    return {"seconds": 1000 * seconds / users, "users_per_second": users / seconds, "timed": users}


def _size(recommender) -> dict:
    return {"parameters": sum(weight.numel() for weight in recommender.module.parameters())}


if __name__ == "__main__":
    print(json.dumps({"train": train, "beam": beam, "exact": exact, "export": export}[sys.argv[1]](*sys.argv[2:])))

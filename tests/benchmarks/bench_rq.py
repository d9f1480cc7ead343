"""RQ-KMeans of Beauty's items, 3 levels of 256, mean of 5 seeds: ours and faiss.Kmeans level by level."""
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import opponents
from rounds import Faster, arguments, measure, report

SEEDS = 5
NOISE = 0.99  # seeds differ by more than 1 %; errors and collisions that much worse pass
AS_FAST = 0.6  # a guard, no claim: the newest faiss is the faster one


def ours(path: str) -> dict:
    """Fit and encode. error: fraction of variance unexplained. collisions: share of items that share their codes."""
    from workbench.tokens import RQKMeans
    from workbench.train.runtime import configure_runtime

    vectors, rows = np.load(path), []
    configure_runtime("cpu")
    RQKMeans().fit(vectors[:2000])  # warm
    for seed in range(SEEDS):
        start = time.perf_counter()
        tokenizer = RQKMeans(levels=3, size=256, seed=seed).fit(vectors)
        codes = tokenizer.encode(vectors)
        seconds = time.perf_counter() - start
        _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        rows.append((seconds, tokenizer.unexplained_variance[-1], (size[group.ravel()] > 1).mean()))
    seconds, error, collisions = np.mean(rows, axis=0).tolist()
    return {"seconds": seconds, "error": error, "collisions": collisions}


def vectors(folder: Path) -> dict[str, Path]:
    """Files of item vectors (I, D), by name."""
    from ours import beauty

    by_name = {f"text {dim}": beauty().vectors("text", dim=dim) for dim in (64, 256)}
    if sentences := opponents.sentence_vectors():
        by_name["sentence"] = np.load(sentences)
    for name, rows in by_name.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(rows[1:], np.float32))
    return {name: folder / f"{name}.npy" for name in by_name}


def main() -> None:
    """Run every side once per round, for each kind of vectors."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    options = arguments(__doc__)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        sides, targets = {}, []
        for name, path in vectors(Path(folder)).items():
            mine, theirs = f"ours, {name}", f"faiss.Kmeans, {name}"
            sides |= {mine: [sys.executable, __file__, "--side", path], theirs: opponents.faiss_kmeans(path)}
            targets += [Faster(mine, theirs, AS_FAST),
                        *(Faster(mine, theirs, NOISE, field) for field in ("error", "collisions"))]  # fmt: skip
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, targets, out=options.out)


if __name__ == "__main__":
    main()

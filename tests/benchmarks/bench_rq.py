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
NOISE = 0.99  # seeds differ by more than a percent; error or shared codes must be no worse than that


def ours(path: str) -> dict:
    """Fit and encode. error: share of the variance left over; shared: items whose codes another item has too."""
    from workbench.tokens import RQKMeans
    from workbench.train.runtime import runtime

    vectors, rows = np.load(path), []
    runtime("cpu")
    RQKMeans().fit(vectors[:2000])  # warm
    for seed in range(SEEDS):
        start = time.perf_counter()
        tokenizer = RQKMeans(levels=3, size=256, seed=seed).fit(vectors)
        codes = tokenizer.encode(vectors)
        seconds = time.perf_counter() - start
        _, group, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        rows.append((seconds, tokenizer.errors[-1], (size[group.ravel()] > 1).mean()))
    seconds, error, shared = np.mean(rows, axis=0).tolist()
    return {"seconds": seconds, "error": error, "shared": shared}


def vectors(folder: Path) -> dict[str, Path]:
    """Files of item vectors (I, D), each with its name."""
    from ours import beauty

    found = {f"text {dim}": beauty().vectors("text", dim=dim) for dim in (64, 256)}
    if sentences := opponents.sentence_vectors():
        found["sentence"] = np.load(sentences)
    for name, rows in found.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(rows[1:], np.float32))
    return {name: folder / f"{name}.npy" for name in found}


def main() -> None:
    """Every side once a round, for each kind of vectors."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    options = arguments(__doc__)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        sides, wanted = {}, []
        for name, path in vectors(Path(folder)).items():
            here, theirs = f"ours, {name}", f"faiss.Kmeans, {name}"
            sides |= {here: [sys.executable, __file__, "--side", path], theirs: opponents.faiss_kmeans(path)}
            wanted += [Faster(here, theirs, 1), *(Faster(here, theirs, NOISE, field) for field in ("error", "shared"))]
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    report(__doc__, records, wanted, out=options.out)


if __name__ == "__main__":
    main()

"""Drive faiss.Kmeans level by level on vectors (n, D): seconds, fraction of variance unexplained and collisions over
five seeds.

usage: faiss_kmeans.py FILE.npy. Needs faiss and numpy.
"""
import json
import sys
import time

import faiss
import numpy as np

LEVELS, SIZE, ITERATIONS, SEEDS = 3, 256, 25, 5


def codes(vectors: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) codes, and the residuals (n, D)."""
    residuals, levels = vectors.copy(), []
    for level in range(LEVELS):
        means = faiss.Kmeans(
            vectors.shape[1], SIZE, niter=ITERATIONS, seed=seed * LEVELS + level, min_points_per_centroid=1
        )
        means.train(residuals)
        levels.append(means.index.search(residuals, 1)[1][:, 0])
        residuals = residuals - means.centroids[levels[-1]]
    return np.stack(levels, 1), residuals


def main(path: str) -> None:
    """Print one JSON line."""
    vectors = np.load(path)
    codes(vectors[:2000], 0)  # warm
    variance, rows = ((vectors - vectors.mean(0)) ** 2).sum(), []
    for seed in range(SEEDS):
        start = time.perf_counter()
        item_codes, residuals = codes(vectors, seed)
        seconds = time.perf_counter() - start
        _, group, size = np.unique(item_codes, axis=0, return_inverse=True, return_counts=True)
        rows.append((seconds, (residuals**2).sum() / variance, (size[group.ravel()] > 1).mean()))
    seconds, error, collisions = np.mean(rows, axis=0).tolist()
    print(json.dumps({"seconds": seconds, "error": error, "collisions": collisions}))


if __name__ == "__main__":
    main(sys.argv[1])

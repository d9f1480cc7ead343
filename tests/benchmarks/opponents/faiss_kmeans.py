"""Drive faiss.Kmeans level by level on vectors (n, D): seconds, error left over and shared codes over five seeds.

usage: faiss_kmeans.py FILE.npy. Needs faiss and numpy.
"""
import json
import sys
import time

import faiss
import numpy as np

LEVELS, SIZE, ITERATIONS, SEEDS = 3, 256, 25, 5


def codes(vectors: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) codes, and what they leave over."""
    left, found = vectors.copy(), []
    for level in range(LEVELS):
        means = faiss.Kmeans(
            vectors.shape[1], SIZE, niter=ITERATIONS, seed=seed * LEVELS + level, min_points_per_centroid=1
        )
        means.train(left)
        found.append(means.index.search(left, 1)[1][:, 0])
        left = left - means.centroids[found[-1]]
    return np.stack(found, 1), left


def main(path: str) -> None:
    """Print one JSON line."""
    vectors = np.load(path)
    codes(vectors[:2000], 0)  # warm
    variance, rows = ((vectors - vectors.mean(0)) ** 2).sum(), []
    for seed in range(SEEDS):
        start = time.perf_counter()
        found, left = codes(vectors, seed)
        seconds = time.perf_counter() - start
        _, group, size = np.unique(found, axis=0, return_inverse=True, return_counts=True)
        rows.append((seconds, (left**2).sum() / variance, (size[group.ravel()] > 1).mean()))
    seconds, error, shared = np.mean(rows, axis=0).tolist()
    print(json.dumps({"seconds": seconds, "error": error, "shared": shared}))


if __name__ == "__main__":
    main(sys.argv[1])

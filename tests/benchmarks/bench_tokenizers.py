"""Learned tokenizers of Beauty's items, 3 levels of 256: seconds of a training and of encoding 50,000 items, and
RQ-VAE, alone and with LETTER's terms, against vector-quantize-pytorch's ResidualVQ for as many steps."""
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import opponents
from rounds import Faster, Limit, arguments, measure, report

KINDS = ("rq-vae", "letter", "fsq")
STEPS, SECONDS, ITEMS = 800, 60, 50_000


def ours(kind: str, path: str) -> dict:
    """Fit and encode. error: variance unexplained. used: the fewest codes of a level that occur. encoding: seconds for
    ITEMS items."""
    from workbench.tokens.alignment.code_alignment import CodeAlignment
    from workbench.tokens.fsq import FSQ
    from workbench.tokens.rq_vae import RQVAE
    from workbench.train.runtime import configure_runtime

    configure_runtime("cpu")
    vectors = np.load(path)
    many = np.resize(vectors, (ITEMS, vectors.shape[1]))
    together = np.random.default_rng(0).normal(size=(len(vectors), 32)).astype(np.float32)  # any cost as much
    terms = [CodeAlignment(together, alignment=0.02, spread=1e-4, seed=0)] if kind == "letter" else []
    start = time.perf_counter()
    made = (FSQ if kind == "fsq" else RQVAE)(steps=STEPS).fit(vectors, *terms)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    made.encode(many)
    encoding = time.perf_counter() - start
    return {"seconds": seconds, "error": made.unexplained_variance[-1], "used": min(made.used), "encoding": encoding}


def main() -> None:
    """Run every side once per round."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(*sys.argv[2:])))
        return
    options = arguments(__doc__)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        from ours import beauty

        path = Path(folder) / "vectors.npy"
        sentences = opponents.sentence_vectors()
        rows = np.load(sentences) if sentences else beauty().vectors("text", dim=384)
        np.save(path, np.ascontiguousarray(rows[1:], np.float32))
        sides = {kind: [sys.executable, __file__, "--side", kind, path] for kind in KINDS}
        sides["ResidualVQ"] = opponents.residual_vq(path, STEPS)
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    targets = [Limit(kind, "seconds", SECONDS) for kind in KINDS]
    targets += [Limit(kind, "encoding", 1.0) for kind in KINDS]
    targets += [Faster(kind, "ResidualVQ", 1.5) for kind in ("rq-vae", "letter")]
    targets += [Faster("rq-vae", "ResidualVQ", 0.99, "error")]
    report(__doc__, records, targets, out=options.out)


if __name__ == "__main__":
    main()

"""One epoch of a TopK SAE, 64 to 2,048 latents, k = 32, over 200,000 rows: ours, dictionary_learning, RecSAE."""
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import opponents
from rounds import Faster, arguments, measure, report

LATENTS, K, BATCH, EPOCHS = 2048, 32, 4096, 4
RATES = (3e-4, 1e-3, 3e-3)


def ours(path: str) -> dict:
    """The best of three learning rates, with our data-dependent initialization. fvu: of all rows, after training."""
    import time

    from workbench.probing.dictionaries import sae
    from workbench.probing.interventions import faithfulness
    from workbench.train.runtime import configure_runtime

    x, results = np.load(path), []
    configure_runtime("cpu")
    for rate in RATES:
        start = time.perf_counter()
        dictionary = sae.train(x, latents=LATENTS, k=K, epochs=EPOCHS, batch=BATCH, lr=rate)
        seconds = (time.perf_counter() - start) / EPOCHS
        results.append((faithfulness.fvu(x, faithfulness.reconstruct(dictionary, x)), seconds, rate))
    fvu, seconds, rate = min(results)
    return {"seconds": seconds, "rows_per_second": len(x) / seconds, "fvu": fvu, "lr": rate}


def main() -> None:
    """Run every side once per round, on activations with 512 ground-truth features."""
    if sys.argv[1:2] == ["--side"]:
        print(json.dumps(ours(sys.argv[2])))
        return
    options = arguments(__doc__)
    from workbench.probing.dictionaries.ground_truth import synthetic_activations

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, synthetic_activations(200_000, width=64, concepts=512, active=24, zipf=0.7, noise=0.05, seed=7).x)
        sides = {"ours": [sys.executable, __file__, "--side", path]}
        sides |= {name: opponents.autoencoder(name, path) for name in ("dictionary_learning", "recsae")}
        sides = {name: command for name, command in sides.items() if command}
        records = measure(sides, rounds=options.rounds, threads=options.threads)
    others = [name for name in sides if name != "ours"]
    targets = [Faster("ours", name, 1.7) for name in others] + [Faster("ours", name, 1, "fvu") for name in others]
    report(__doc__, records, targets, out=options.out)


if __name__ == "__main__":
    main()

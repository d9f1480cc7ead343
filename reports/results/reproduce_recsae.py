"""Make recsae-*.json here again: RecSAE as published, each of its faults mended alone, all of them, and our
autoencoder, on what leaves the first block of a trained sasrec.

    python reports/results/reproduce_recsae.py [office] [--device auto]

About four minutes a ladder on one thread.
"""
import json

from reproduce import HERE, TUNED, arguments

from workbench.artifacts import write_text
from workbench.experiment import open_bench
from workbench.experiment.probing import train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.dictionaries import recsae

SITE, LEARNED = Site("blocks.0.out"), {"latents": 512, "k": 8, "epochs": 15, "batch": 64}
LADDERS = ((1e-3, 0), (1e-3, 1), (1e-4, 0))  # learning rate, seed; the release is trained at 1e-5 to 1e-3


def study(dataset: str, device: str) -> dict:
    """What was probed, and a row a form, learning rate and seed, measured on users that none was fitted to."""
    bench = open_bench(dataset, profile="paper", device=device)
    run = bench.fit("sasrec", **TUNED.get(dataset, {}))
    train, _, test = train_sae.read(run, SITE).users(train_sae.SHARES)
    rows = []
    for lr, seed in LADDERS:
        found = recsae.ladder(train.x, test.x, **LEARNED, lr=lr, seed=seed)
        print(f"{dataset}, lr {lr}, seed {seed}\n{found.round(3)}", flush=True)
        rows += [{"form": form, "lr": lr, "seed": seed} | row for form, row in found.to_dict("index").items()]
    about = {key: run.info[key] for key in ("dataset", "data_hash", "protocol", "seed", "settings", "recipe")}
    return about | {"site": SITE.path, "learned": LEARNED, "fixes": recsae.FIXES, "forms": rows}


def main() -> None:
    asked = arguments(__doc__, ("office",))
    for dataset in asked.datasets:
        found = study(dataset, asked.device)
        # JSON has no NaN: sae.train does not count what is merely among the k largest
        rows = [{key: value for key, value in row.items() if value == value} for row in found["forms"]]
        write_text(HERE / f"recsae-{dataset}.json", json.dumps(found | {"forms": rows}, indent=1))


if __name__ == "__main__":
    main()

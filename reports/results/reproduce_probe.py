"""Make probe-*.json here again: what dictionaries of a trained sasrec leave unexplained, what the network recovers with
them in place, and how much of their activation is certified, beside the rivals.

    python reports/results/reproduce_probe.py [office movielens-small beauty] [--device auto]

A dictionary a kind, sparsity and seed; the network is one run, of seed 0. Stages are stored as they finish.
"""
import json

import pandas as pd
from reproduce import HERE, TUNED, arguments

from workbench.artifacts import write_text
from workbench.experiment import Run, open_bench, probing
from workbench.probe import faithful, sae
from workbench.probe.cache import Activations
from workbench.probe.dictionary import Dictionary
from workbench.probe.hooks import Site

SITE, LEARNED = Site("blocks.0.out"), {"latents": 512, "epochs": 50, "batch": 1024}
SEEDS, DRAWS = (0, 1, 2), 999
SPARSITIES = {"office": (4, 8, 16, 32), "movielens-small": (4, 8, 16, 32), "beauty": (8, 16)}
KINDS = (*sae.FORMS, "pca", "ica", "neurons", "random")
FIXED = ("pca", "neurons")  # no seed changes them


def measured(run: Run, read: Activations, made: Dictionary, *, spliced: bool) -> dict:
    """What is said of one dictionary."""
    row = faithful.summary(made, read.users(probing.SHARES)[2].x)
    if spliced:
        table = probing.stand_in(run, read, made)
        row |= {f"recovered_{name}": table["said"][name] for name in ("mean", "zero")}
        row |= {f"ndcg_{name}": table["ndcg@10"][name] for name in table.index}
    passed = probing.certified(run, read, made, draws=DRAWS)
    one = (passed["effective"] > 0) & (passed["effective"] < 2)
    mass = float(passed["mass"][passed["certified"]].sum())
    return row | {"certified_mass": mass, "certified": int(passed["certified"].sum()), "one_item": int(one.sum())}


def study(dataset: str, device: str) -> dict:
    """What was probed, and a row a dictionary: of the trained network and, for the autoencoders, of the same network
    before training."""
    bench = open_bench(dataset, profile="paper", device=device, protocol={"mask_history": dataset == "movielens-small"})
    run = bench.fit("sasrec", **TUNED.get(dataset, {}))
    reads = {trained: probing.read(run, SITE, trained=trained) for trained in (True, False)}
    asked = [(trained, kind, k, seed) for trained, kinds in ((True, KINDS), (False, sae.FORMS)) for kind in kinds
             for k in SPARSITIES[dataset] for seed in SEEDS[: 1 if kind in FIXED else len(SEEDS)]]  # fmt: skip
    found = []
    for trained, kind, k, seed in asked:
        learned = LEARNED if kind in sae.FORMS else {}
        made = probing.dictionary(run, reads[trained], kind=kind, k=k, seed=seed, **learned)
        told = measured(run, reads[trained], made, spliced=trained and seed == 0)
        found.append({"kind": kind, "trained": trained, "k": k, "seed": seed} | told)
        print(dataset, found[-1], flush=True)
    about = {key: run.info[key] for key in ("dataset", "data_hash", "protocol", "seed", "settings", "recipe")}
    return about | {"site": SITE.path, "learned": LEARNED, "draws": DRAWS, "dictionaries": found}


def main() -> None:
    asked = arguments(__doc__, SPARSITIES)
    for dataset in asked.datasets:
        found = study(dataset, asked.device)
        write_text(HERE / f"probe-{dataset}.json", json.dumps(found, indent=1))
        table = pd.DataFrame(found["dictionaries"])
        print(table.groupby(["trained", "kind", "k"], sort=False)[["fvu", "l0", "certified_mass"]].mean())


if __name__ == "__main__":
    main()

"""Make probe-*.json here again: what dictionaries of a trained sasrec leave unexplained, what the network recovers with
them in place, and how much of their activation is certified, beside the rivals; and of one dictionary what its latents
stand for, for whom it keeps the score, which latents carry that, and what taking away and pushing does.

    python reports/results/reproduce_probe.py [office movielens-small beauty grocery] [--device auto]

A dictionary a kind, sparsity and seed; the network is one run, of seed 0. Stages are stored as they finish.
"""
import json

import pandas as pd
from reproduce import HERE, TUNED, arguments

from workbench.artifacts import write_text
from workbench.experiment import Run, open_bench
from workbench.experiment.probing import causal_tests, faithfulness_by_group, train_sae
from workbench.experiment.probing.compare_dictionaries import claims
from workbench.experiment.probing.feature_table import latents
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.show.svg import svg_dose

LEARNED = {"latents": 512, "epochs": 50, "batch": 1024}
DRAWS, ABLATED, K = 999, 10, 8
SPARSITIES = {"office": (4, 8, 16, 32), "movielens-small": (4, 8, 16, 32), "beauty": (8, 16), "grocery": (8, 32)}
RIVALS = ("recsae", "pca", "ica", "nmf", "product_kmeans", "neurons", "random", "frozen_decoder", "shuffled")
FEW = {"beauty": ("topk", "batchtopk"), "grocery": ("topk",)}  # the other forms are left to the small data
SEEDED = {"office": ("topk", "batchtopk")}  # over three seeds; all else at one
MASKED = ("movielens-small", "grocery")
PUBLISHED = {"epochs": 15, "batch": 64, "lr": 1e-3}  # of RecSAE's form, which takes tiny batches
# what RecSAE probed: one block, twenty events, and a dictionary for each sparsity
NETWORK = {"grocery": {"layers": 1, "max_length": 20}, **TUNED}
WIDE = {("grocery", 8): 1024, ("grocery", 32): 2048}


def learned(dataset: str, kind: str, k: int) -> dict:
    """What a kind is trained with."""
    if kind not in (*sae.FORMS, "recsae", "frozen_decoder", "shuffled"):
        return {}
    wide = {"latents": WIDE.get((dataset, k), LEARNED["latents"])}
    return (PUBLISHED if kind == "recsae" else LEARNED) | wide


def measured(run: Run, read: Activations, made: Dictionary, *, spliced: bool) -> dict:
    """What is said of one dictionary."""
    row = faithfulness.summary(made, read.users(train_sae.SHARES)[2].x)
    if spliced:
        table = train_sae.stand_in(run, read, made)
        row |= {f"recovered_{name}": table["said"][name] for name in ("mean", "zero")}
        row |= {f"ndcg_{name}": table["ndcg@10"][name] for name in table.index}
    passed = train_sae.certified(run, read, made, draws=DRAWS)
    one = (passed["effective"] > 0) & (passed["effective"] < 2)
    mass = float(passed["mass"][passed["certified"]].sum())
    return row | {"certified_mass": mass, "certified": int(passed["certified"].sum()), "one_item": int(one.sum())}


def side_by_side(run: Run, dataset: str, reads: dict[bool, Activations]) -> list[dict]:
    """A row a dictionary: of the trained network and, for topk, of the same network before training."""
    forms = FEW.get(dataset, sae.FORMS)
    rivals = (*RIVALS, "items") if dataset == "office" else RIVALS  # a direction an item: few enough items there
    asked = [(True, kind, k, seed) for kind in (*forms, *rivals) for k in SPARSITIES[dataset]
             for seed in range(3 if kind in SEEDED.get(dataset, ()) else 1)]  # fmt: skip
    asked += [(True, "kmeans", 1, 0), *((False, "topk", k, 0) for k in SPARSITIES[dataset])]
    found = []
    for trained, kind, k, seed in asked:
        made = train_sae.dictionary(run, reads[trained], kind=kind, k=k, seed=seed, **learned(dataset, kind, k))
        told = {"kind": kind, "trained": trained, "k": k, "seed": seed}
        try:
            found.append(told | measured(run, reads[trained], made, spliced=trained and seed == 0))
        except ValueError as error:  # worse than the mean: said, and the next one
            found.append(told | {"failed": str(error)})
        print(dataset, found[-1], flush=True)
    return found


def one(run: Run, dataset: str, reads: dict[bool, Activations]) -> dict:
    """Of topk at k = 8: the claim over seeds, what latents stand for and do, and for whom."""
    read, given = reads[True], learned(dataset, "topk", K)
    seeds = [(read, train_sae.dictionary(run, read, k=K, seed=seed, **given)) for seed in range(3)]
    rivals = {kind: [(read, train_sae.dictionary(run, read, kind=kind, k=K))] for kind in ("pca", "neurons", "random")}
    rivals["untrained network"] = [(reads[False], train_sae.dictionary(run, reads[False], k=K, **given))]
    made = seeds[0][1]
    table = latents(run, read, made, draws=DRAWS)
    passed = table[table["certified"]]
    removed = causal_tests.ablations(run, read, made, table, latents=ABLATED)
    used = removed[removed["used"]].sort_values("change")
    latent = int(used.index[0]) if len(used) else int((passed if len(passed) else table)["effect"].idxmax())
    curves = causal_tests.steering(run, read, made, latent, table["concept"][latent])
    title = f"{dataset}: pushing latent {latent} towards {table['concept'][latent]}"
    drawn = svg_dose(curves[curves["arm"] != "score boost"], title)
    write_text(HERE / f"probe-{dataset}-steering.svg", drawn)
    follows = faithfulness_by_group.follow_last(read, made)
    return {
        "claims": records(claims(run, {"topk": seeds} | rivals, ours="topk", draws=DRAWS)),
        "latents": {
            "fire": int(table["p"].notna().sum()), "certified": len(passed), "mass": float(passed["mass"].sum()),
            "sources": passed["source"].value_counts().to_dict(), "flags": table["flag"].value_counts().to_dict(),
            "families": passed["family"].value_counts().to_dict(), "f1": passed["f1"].mean(),
            "floor": passed["floor"].mean(), "ap": passed["ap"].mean(), "intent": passed["intent"].mean(),
            "name_f1": table["name_f1"].mean(), "shuffled_f1": table["shuffled_f1"].mean(),
            "confidence": table["confidence"].mean(), "confident": float((table["confidence"] >= 0.8).mean()),
            "follow_last_median": float(pd.Series(follows).median()),
        },
        "strongest": records(passed.nlargest(10, "effect")[["concept", "source", "effect", "f1", "floor", "flag"]]),
        "ablations": records(removed), "steered": {"latent": latent, "concept": table["concept"][latent],
                                                   "costs": records(causal_tests.costs(curves))},
        "groups": records(faithfulness_by_group.by_group(run, read, made)),
        "carried": records(faithfulness_by_group.carried(run, read, made, table)),
        "lists": faithfulness_by_group.lists_kept(run, read, made),
    }  # fmt: skip


def records(table: pd.DataFrame) -> list[dict]:
    """A table as JSON values, its index among the columns."""
    return json.loads(table.reset_index().round(6).to_json(orient="records"))


def study(dataset: str, device: str) -> dict:
    """What was probed and what was found."""
    bench = open_bench(dataset, profile="paper", device=device, protocol={"mask_history": dataset in MASKED})
    run = bench.fit("sasrec", **NETWORK.get(dataset, {}))
    site = train_sae.site(run)
    reads = {trained: train_sae.read(run, site, trained=trained) for trained in (True, False)}
    about = {key: run.info[key] for key in ("dataset", "data_hash", "protocol", "seed", "settings", "recipe")}
    about |= {"ndcg@10": run.metrics["ndcg@10"], "site": site.path, "learned": LEARNED, "draws": DRAWS, "k": K}
    found = one(run, dataset, reads)
    found["latents"] = {name: None if value != value else value for name, value in found["latents"].items()}
    return about | {"one": found, "dictionaries": side_by_side(run, dataset, reads)}


def main() -> None:
    asked = arguments(__doc__, SPARSITIES)
    for dataset in asked.datasets:
        found = study(dataset, asked.device)
        write_text(HERE / f"probe-{dataset}.json", json.dumps(found, indent=1, default=float))
        table = pd.DataFrame(found["dictionaries"])
        print(table.groupby(["trained", "kind", "k"], sort=False)[["fvu", "l0", "certified_mass"]].mean())


if __name__ == "__main__":
    main()

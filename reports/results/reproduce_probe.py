"""Reproduce probe-*.json: for dictionaries of a trained sasrec and their baselines the unexplained variance, the metric
recovered when they replace the activations, and the share of activation in latents with a significant concept; for one
dictionary also the concepts of its latents, faithfulness by group of users, ablations and steering.

    python reports/results/reproduce_probe.py [office movielens-small beauty grocery] [--device auto]

One dictionary per kind, sparsity and seed; the network is one run, of seed 0. Stages are stored as they finish.
"""
import json

import pandas as pd
from kept_tables import records
from reproduce import HERE, TUNED, arguments

from workbench.artifacts import write_text
from workbench.experiment import Run, open_bench
from workbench.experiment.probing import causal_tests, faithfulness_by_group, train_sae
from workbench.experiment.probing.compare_dictionaries import compare_dictionaries
from workbench.experiment.probing.feature_table import feature_table
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries import sae
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness
from workbench.show.svg import svg_dose_response

SAE_SETTINGS = {"latents": 512, "epochs": 50, "batch": 1024}
DRAWS, ABLATED, K = 999, 10, 8
SPARSITIES = {"office": (4, 8, 16, 32), "movielens-small": (4, 8, 16, 32), "beauty": (8, 16), "grocery": (8, 32)}
BASELINES = ("recsae", "pca", "ica", "nmf", "product_kmeans", "neurons", "random", "frozen_decoder", "shuffled")
KINDS = {"beauty": ("topk", "batchtopk"), "grocery": ("topk",)}  # all kinds of SAE on the smaller datasets
THREE_SEEDS = {"office": ("topk", "batchtopk")}  # one seed for all others
MASKED = ("movielens-small", "grocery")
RECSAE_SETTINGS = {"epochs": 15, "batch": 64, "lr": 1e-3}  # RecSAE needs small batches
# the network that RecSAE probed on Grocery: one block, twenty events; and the number of latents by sparsity
NETWORK = {"grocery": {"layers": 1, "max_length": 20}, **TUNED}
LATENTS = {("grocery", 8): 1024, ("grocery", 32): 2048}
EFFECT_COLUMNS = ["concept", "source", "effect", "f1", "baseline_f1", "flag"]  # of the latents with the largest effects


def training_settings(dataset: str, kind: str, k: int) -> dict:
    """The training settings of a kind of dictionary; {} for kinds that are not trained by gradient descent."""
    if kind not in (*sae.SAE_KINDS, "recsae", "frozen_decoder", "shuffled"):
        return {}
    latents = {"latents": LATENTS.get((dataset, k), SAE_SETTINGS["latents"])}
    return (RECSAE_SETTINGS if kind == "recsae" else SAE_SETTINGS) | latents


def evaluate_dictionary(run: Run, activations: Activations, dictionary: Dictionary, *, spliced: bool) -> dict:
    """Reconstruction and concepts of a dictionary; spliced: also the metric recovered with it in place."""
    row = faithfulness.evaluate_reconstruction(dictionary, activations.split_users(train_sae.SHARES)[2].x)
    if spliced:
        table = train_sae.metric_recovered(run, activations, dictionary)
        row |= {f"recovered_{name}": table["text"][name] for name in ("mean", "zero")}
        row |= {f"ndcg_{name}": table["ndcg@10"][name] for name in table.index}
    concepts = train_sae.concept_table(run, activations, dictionary, draws=DRAWS)
    single_item = (concepts["effective_items"] > 0) & (concepts["effective_items"] < 2)
    share = float(concepts["activation_share"][concepts["significant"]].sum())
    return row | {
        "significant_activation_share": share, "significant": int(concepts["significant"].sum()),
        "single_item": int(single_item.sum()),
    }  # fmt: skip


def compare_kinds(run: Run, dataset: str, by_network: dict[bool, Activations]) -> list[dict]:
    """One row per dictionary of the trained network (True) and, for topk, of the untrained network (False)."""
    sae_kinds = KINDS.get(dataset, sae.SAE_KINDS)
    baselines = (*BASELINES, "items") if dataset == "office" else BASELINES  # items: one direction per item
    configurations = [(True, kind, k, seed) for kind in (*sae_kinds, *baselines) for k in SPARSITIES[dataset]
                      for seed in range(3 if kind in THREE_SEEDS.get(dataset, ()) else 1)]  # fmt: skip
    configurations += [(True, "kmeans", 1, 0), *((False, "topk", k, 0) for k in SPARSITIES[dataset])]
    rows = []
    for trained, kind, k, seed in configurations:
        activations, settings = by_network[trained], training_settings(dataset, kind, k)
        dictionary = train_sae.train_dictionary(run, activations, kind=kind, k=k, seed=seed, **settings)
        row = {"kind": kind, "trained": trained, "k": k, "seed": seed}
        try:
            row |= evaluate_dictionary(run, activations, dictionary, spliced=trained and seed == 0)
        except ValueError as error:  # worse than predicting the mean
            row |= {"failed": str(error)}
        rows.append(row)
        print(dataset, row, flush=True)
    return rows


def probe_topk(run: Run, dataset: str, by_network: dict[bool, Activations]) -> dict:
    """Topk at k = 8: compared with baselines over seeds, its concepts, ablations, steering and faithfulness."""
    activations, settings = by_network[True], training_settings(dataset, "topk", K)
    seeds = [(activations, train_sae.train_dictionary(run, activations, k=K, seed=seed, **settings))
             for seed in range(3)]  # fmt: skip
    baselines = {kind: [(activations, train_sae.train_dictionary(run, activations, kind=kind, k=K))]
              for kind in ("pca", "neurons", "random")}  # fmt: skip
    untrained = by_network[False]
    baselines["untrained network"] = [(untrained, train_sae.train_dictionary(run, untrained, k=K, **settings))]
    dictionary = seeds[0][1]
    table = feature_table(run, activations, dictionary, draws=DRAWS)
    significant = table[table["significant"]]
    ablations = causal_tests.ablation_table(run, activations, dictionary, table, latents=ABLATED)
    effective = ablations[ablations["significant"]].sort_values("change")
    largest = (significant if len(significant) else table)["effect"].idxmax()
    latent = int(effective.index[0] if len(effective) else largest)
    curves = causal_tests.dose_response_table(run, activations, dictionary, latent, table["concept"][latent])
    title = f"{dataset}: steering latent {latent} towards {table['concept'][latent]}"
    svg = svg_dose_response(curves[curves["intervention"] != causal_tests.SCORE_BOOST], title)
    write_text(HERE / f"probe-{dataset}-steering.svg", svg)
    r2 = faithfulness_by_group.last_item_r2(activations, dictionary)
    return {
        "comparison": records(compare_dictionaries(run, {"topk": seeds} | baselines, ours="topk", draws=DRAWS)),
        "latents": {
            "active": int(table["p"].notna().sum()), "significant": len(significant),
            "activation_share": float(significant["activation_share"].sum()),
            "sources": significant["source"].value_counts().to_dict(), "flags": table["flag"].value_counts().to_dict(),
            "families": significant["family"].value_counts().to_dict(), "f1": significant["f1"].mean(),
            "baseline_f1": significant["baseline_f1"].mean(), "ap": significant["ap"].mean(),
            "next_item_auroc": significant["next_item_auroc"].mean(),
            "name_f1": table["name_f1"].mean(), "shuffled_f1": table["shuffled_f1"].mean(),
            "confidence": table["confidence"].mean(), "confident": float((table["confidence"] >= 0.8).mean()),
            "last_item_r2_median": float(pd.Series(r2).median()),
        },
        "largest_effects": records(significant.nlargest(10, "effect")[EFFECT_COLUMNS]),
        "ablations": records(ablations),
        "steering": {"latent": latent, "concept": table["concept"][latent],
                     "costs": records(causal_tests.steering_costs(curves))},
        "by_group": records(faithfulness_by_group.faithfulness_by_group(run, activations, dictionary)),
        "by_latent_set": records(faithfulness_by_group.metric_by_latent_set(run, activations, dictionary, table)),
        "list_overlap": faithfulness_by_group.list_overlap(run, activations, dictionary),
    }  # fmt: skip


def study(dataset: str, device: str) -> dict:
    """The run and the results of probing it."""
    bench = open_bench(dataset, profile="paper", device=device, protocol={"mask_history": dataset in MASKED})
    run = bench.fit("sasrec", **NETWORK.get(dataset, {}))
    site = train_sae.choose_site(run)
    by_network = {trained: train_sae.read_activations(run, site, trained=trained) for trained in (True, False)}
    about = {key: run.info[key] for key in ("dataset", "data_hash", "protocol", "seed", "settings", "recipe")}
    about |= {"ndcg@10": run.metrics["ndcg@10"], "site": site.path, "sae_settings": SAE_SETTINGS}
    about |= {"draws": DRAWS, "k": K}
    topk = probe_topk(run, dataset, by_network)
    topk["latents"] = {name: None if value != value else value for name, value in topk["latents"].items()}
    return about | {"topk": topk, "dictionaries": compare_kinds(run, dataset, by_network)}


def main() -> None:
    options = arguments(__doc__, SPARSITIES)
    for dataset in options.datasets:
        result = study(dataset, options.device)
        write_text(HERE / f"probe-{dataset}.json", json.dumps(result, indent=1, default=float))
        table = pd.DataFrame(result["dictionaries"])
        print(table.groupby(["trained", "kind", "k"], sort=False)[["fvu", "l0", "significant_activation_share"]].mean())


if __name__ == "__main__":
    main()

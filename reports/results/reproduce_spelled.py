"""Reproduce spelled-*.json: a trained tiger by code level. Variance unexplained and metric recovered by dictionaries,
attribution of each code to token positions, category latents that only copy the code at their position, and steering at
one level; also for the untrained network, on permuted codes, on the category tree, and for codes without prefixes.

    python reports/results/reproduce_spelled.py [office beauty] [--device auto]

Tiger has its small size and all of its epochs, as in reproduce_codes.py. Stages are stored as they finish.
"""
import json

import numpy as np
import pandas as pd
from kept_tables import records
from reproduce import HERE, arguments
from reproduce_codes import ALONE, LEARNED, PERMUTED, SMALL, TREE

from workbench.artifacts import write_text
from workbench.diagnose.models.beam_search import loss_by_level
from workbench.experiment import Run, open_bench
from workbench.experiment.probing import by_code_level, causal_tests, train_sae
from workbench.experiment.probing.feature_table import item_concepts_of
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.code_confound import summarize_by_level
from workbench.probing.interventions import dose_response, per_level

SITE, OTHER_SITES, K = Site("blocks.1.out"), (Site("blocks.0.out"), Site("blocks.2.out")), 8
SAE_SETTINGS, SEEDS, DRAWS = {"latents": 512, "epochs": 50, "batch": 1024}, (0, 1, 2), 999
AMOUNTS = (-1.0, 0.0, 0.5, 1.0, 2.0)  # times the mean distance from the level's mean
CODES = {
    "office": {"learned": LEARNED, "permuted": PERMUTED, "category": TREE, "alone": ALONE},
    "beauty": {"learned": LEARNED, "permuted": PERMUTED},
}


def dictionaries(run: Run, activations: Activations, *, more: bool) -> dict[str, tuple]:
    """A dictionary shared by all levels, and PCA; more: other seeds, a dictionary per level with as many latents each
    or in all, and random directions."""
    by_kind = {
        "topk": by_code_level.shared_dictionaries(run, activations, k=K, **SAE_SETTINGS),
        "pca": by_code_level.shared_dictionaries(run, activations, k=K, kind="pca"),
    }
    if not more:
        return by_kind
    narrow = SAE_SETTINGS | {"latents": SAE_SETTINGS["latents"] // len(by_kind["topk"])}
    by_kind |= {
        f"topk, seed {seed}": by_code_level.shared_dictionaries(run, activations, k=K, seed=seed, **SAE_SETTINGS)
        for seed in SEEDS[1:]
    }
    by_kind["topk, separate"] = by_code_level.separate_dictionaries(run, activations, k=K, **SAE_SETTINGS)
    name = f"topk, separate, {narrow['latents']} latents"
    by_kind[name] = by_code_level.separate_dictionaries(run, activations, k=K, **narrow)
    by_kind["pca, separate"] = by_code_level.separate_dictionaries(run, activations, k=K, kind="pca")
    return by_kind | {"random": by_code_level.shared_dictionaries(run, activations, k=K, kind="random")}


def measure_network(run: Run, *, trained: bool = True, more: bool = False) -> dict:
    """All results on one network."""
    activations = train_sae.read_activations(run, SITE, trained=trained)
    by_kind = dictionaries(run, activations, more=more)
    fvu = by_code_level.fvu_by_level(activations, by_kind)
    results = {"fvu": records(fvu), "recovered": {}, "beyond_prefix": {}, "best_concepts": {}}
    for kind, by_level in by_kind.items():
        recovered = by_code_level.recovered_by_level(run, activations, by_level, trained=trained)
        rows = recovered[(recovered["edited"] == per_level.ALL) | (recovered["edited"] == recovered["code"])]
        results["recovered"][kind] = records(rows.reset_index(drop=True))
        concepts = by_code_level.concepts_beyond_codes(run, activations, by_level, draws=DRAWS)
        results["beyond_prefix"][kind] = records(summarize_by_level(concepts))
    concepts = by_code_level.concepts_beyond_codes(run, activations, by_kind["topk"], codes_too=True, draws=DRAWS)
    significant = concepts[concepts["significant"]].assign(kind=lambda rows: rows["family"].str.split().str[0])
    results["best_concepts"] = records(significant.groupby(["level", "kind"]).size().rename("latents").to_frame())
    results["test_power"] = records(test_power(run, activations))
    attribution = {SITE.path: by_code_level.position_attribution(run, activations, trained=trained)}
    for site in OTHER_SITES if trained else ():
        attribution[site.path] = by_code_level.position_attribution(run, train_sae.read_activations(run, site))
    results["attribution"] = {path: records(per_level.mean_attribution(table)) for path, table in attribution.items()}
    if trained:
        cases = causal_tests.held_out_cases(run, activations)
        losses = loss_by_level(run.recommender(), cases).assign(uniform_codes=np.log(run.recommender().codes.sizes))
        results |= {"cases": len(cases.targets), "ndcg@10": run.metrics["ndcg@10"], "losses": records(losses),
                    "information": records(by_code_level.code_category_information(run))}  # fmt: skip
    if more:
        results["beams"] = {
            kind: records(by_code_level.beam_recovered(run, activations, by_kind[kind]))
            for kind in ("topk", "pca", "random")
        }
        results["steering"] = steering(run, activations, by_kind["topk"])
    return results


def test_power(run: Run, activations: Activations) -> pd.DataFrame:
    """Power of the concept test by level: concepts that can be tested, those for which an oracle latent would be
    significant, and those for which a dense direction is, before and after multiple-comparison correction."""
    table = by_code_level.concept_test_power(run, activations, draws=DRAWS)
    tested = table[table["p_oracle"].notna()]
    tested = tested.assign(oracle=tested["p_oracle"] < 0.05, dense=tested["p"] < 0.05, dense_fdr=tested["q"] < 0.05)
    return tested.groupby("level").agg(concepts=("concept", "size"), oracle=("oracle", "sum"), dense=("dense", "sum"),
                                       dense_fdr=("dense_fdr", "sum"))  # fmt: skip


def steering(run: Run, activations: Activations, dictionaries: tuple) -> dict:
    """Steer towards the category of the latent with the largest significant effect at the first level: along the mean
    difference and along the latent where the first code is predicted, along the mean difference of the second level
    where the second code is predicted, and along the first one at every position."""
    table = by_code_level.concepts_beyond_codes(run, activations, dictionaries, draws=DRAWS)
    best = table[table["significant"] & (table["level"] == 0)].sort_values("overall").iloc[-1]
    member = item_concepts_of(run).members_of(best["concept"])
    results = {"concept": best["concept"], "items": int(member.sum()), "latent": int(best["latent"]), "curves": {}}
    directions, norms = [], []
    for level in (0, 1):
        positions = by_code_level.positions_of_level(activations.split_users(train_sae.SHARES)[1], level)
        difference = positions.x[member[positions.next]].mean(axis=0) - positions.x.mean(axis=0)
        directions.append(difference / np.linalg.norm(difference))
        norms.append(float(np.linalg.norm(positions.x - positions.x.mean(axis=0), axis=1).mean()))
    latent = dictionaries[0].decoder[best["latent"]].numpy()
    interventions = {
        "mean difference, code 1": (directions[0], norms[0], (0,)), "latent, code 1": (latent, norms[0], (0,)),
        "mean difference, code 2": (directions[1], norms[1], (1,)),
        "mean difference, every code": (directions[0], norms[0], ()),
    }  # fmt: skip
    for name, (direction, norm, levels) in interventions.items():
        amounts = [norm * amount for amount in AMOUNTS]
        curve = by_code_level.steer_level(run, activations, direction, amounts, member, levels=levels)
        results["curves"][name] = {"mean_gain": dose_response.mean_share_gain(curve),
                                   "ndcg@10_lost": dose_response.cost_of_gain(curve),
                                   "curve": records(curve)}  # fmt: skip
    return results


def study(dataset: str, device: str) -> dict:
    """The run and the results on each network."""
    bench, networks = open_bench(dataset, profile=SMALL, device=device), {}
    for name, changes in CODES[dataset].items():
        run = bench.fit("tiger", **changes)
        networks[name] = measure_network(run, more=name == "learned")
        print(dataset, name, json.dumps(networks[name]["beyond_prefix"]["topk"]), flush=True)
        if name == "learned":
            networks["untrained"] = measure_network(run, trained=False)
            keys = ("dataset", "data_hash", "protocol", "seed", "settings", "recipe")
            about = {key: run.info[key] for key in keys}
    return about | {"site": SITE.path, "k": K, "sae_settings": SAE_SETTINGS, "draws": DRAWS, "networks": networks}


def main() -> None:
    options = arguments(__doc__, CODES)
    for dataset in options.datasets:
        write_text(HERE / f"spelled-{dataset}.json", json.dumps(study(dataset, options.device), indent=1))


if __name__ == "__main__":
    main()

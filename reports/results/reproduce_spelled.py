"""Make spelled-*.json here again: a trained tiger level by level. What dictionaries leave unexplained and what the
network keeps with them in place, which slot each code is foretold from, which latents about categories are copies of
the code just read, and what steering at one level does; beside the same network before training, on permuted codes, on
the category tree, and reading codes without their prefix.

    python reports/results/reproduce_spelled.py [office beauty] [--device auto]

Tiger has its small size with all of its epochs, as in reproduce_codes.py. Stages are stored as they finish.
"""
import json

import numpy as np
import pandas as pd
from reproduce import HERE, arguments
from reproduce_codes import ALONE, LEARNED, PERMUTED, SMALL, TREE

from workbench.artifacts import write_text
from workbench.diagnose.models.beam_search import loss_by_level
from workbench.experiment import Run, open_bench
from workbench.experiment.probing import by_code_level, causal_tests, train_sae
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.code_confound import copies
from workbench.probing.interventions import ablation, per_level

SITE, OTHERS, K = Site("blocks.1.out"), (Site("blocks.0.out"), Site("blocks.2.out")), 8
TRAINED, SEEDS, DRAWS = {"latents": 512, "epochs": 50, "batch": 1024}, (0, 1, 2), 999
AMOUNTS = (-1.0, 0.0, 0.5, 1.0, 2.0)  # times the mean distance from the level's mean
CODES = {
    "office": {"learned": LEARNED, "permuted": PERMUTED, "category": TREE, "alone": ALONE},
    "beauty": {"learned": LEARNED, "permuted": PERMUTED},
}


def records(table: pd.DataFrame | None) -> list[dict] | None:
    """A table as JSON values, its index among the columns."""
    return None if table is None else json.loads(table.reset_index().round(6).to_json(orient="records"))


def dictionaries(run: Run, read: Activations, *, more: bool) -> dict[str, tuple]:
    """One for all levels and its rival; more: other seeds, one for each level with as many latents each or in all, and
    random directions."""
    found = {
        "topk": by_code_level.shared(run, read, k=K, **TRAINED),
        "pca": by_code_level.shared(run, read, k=K, kind="pca"),
    }
    if not more:
        return found
    few = TRAINED | {"latents": TRAINED["latents"] // len(found["topk"])}
    found |= {f"topk, seed {seed}": by_code_level.shared(run, read, k=K, seed=seed, **TRAINED) for seed in SEEDS[1:]}
    found["topk, one a level"] = by_code_level.separate(run, read, k=K, **TRAINED)
    found[f"topk, one a level of {few['latents']}"] = by_code_level.separate(run, read, k=K, **few)
    found["pca, one a level"] = by_code_level.separate(run, read, k=K, kind="pca")
    return found | {"random": by_code_level.shared(run, read, k=K, kind="random")}


def measured(run: Run, *, trained: bool = True, more: bool = False) -> dict:
    """All that is said of one network."""
    read = train_sae.read(run, SITE, trained=trained)
    made = dictionaries(run, read, more=more)
    found = {"unexplained": records(by_code_level.unexplained(read, made)), "kept": {}, "copies": {}, "best": {}}
    for kind, each in made.items():
        kept = by_code_level.kept(run, read, each, trained=trained)
        told = kept[(kept["edited"] == per_level.ALL) | (kept["edited"] == kept["code"])]
        found["kept"][kind] = records(told.reset_index(drop=True))
        found["copies"][kind] = records(copies(by_code_level.beyond(run, read, each, draws=DRAWS)))
    both = by_code_level.beyond(run, read, made["topk"], codes_too=True, draws=DRAWS)
    sure = both[both["certified"]].assign(of=lambda rows: rows["family"].str.split().str[0])
    found["best"] = records(sure.groupby(["level", "of"]).size().rename("latents").to_frame())
    found["reach"] = records(reach(run, read))
    rises = {SITE.path: by_code_level.attributed(run, read, trained=trained)}
    for site in OTHERS if trained else ():
        rises[site.path] = by_code_level.attributed(run, train_sae.read(run, site))
    found["attribution"] = {path: records(per_level.average(rise)) for path, rise in rises.items()}
    if trained:
        cases = causal_tests.held_out(run, read)
        losses = loss_by_level(run.recommender(), cases).assign(even=np.log(run.recommender().codes.sizes))
        found |= {"cases": len(cases.targets), "ndcg@10": run.metrics["ndcg@10"], "losses": records(losses),
                  "information": records(by_code_level.told(run))}  # fmt: skip
    if more:
        found["beams"] = {
            kind: records(by_code_level.stand_in(run, read, made[kind])) for kind in ("topk", "pca", "random")
        }
        found["steering"] = steering(run, read, made["topk"])
    return found


def reach(run: Run, read: Activations) -> pd.DataFrame:
    """Of the concepts of a level: how many could be tested, how many of those a latent that knew them would pass, and
    how many a dense direction does, before and after correction."""
    table = by_code_level.reachable(run, read, draws=DRAWS)
    asked = table[table["p_known"].notna()]
    told = asked.assign(known=asked["p_known"] < 0.05, dense=asked["p"] < 0.05, dense_sure=asked["q"] < 0.05)
    return told.groupby("level").agg(concepts=("concept", "size"), known=("known", "sum"), dense=("dense", "sum"),
                                     dense_sure=("dense_sure", "sum"))  # fmt: skip


def steering(run: Run, read: Activations, made: tuple) -> dict:
    """Pushed towards the category of the latent that is most surely of one before any code is read: along the mean
    difference and along that latent, where the first code is foretold; along the mean difference of the second level
    where that is; and along the first one at every slot."""
    table = by_code_level.beyond(run, read, made, draws=DRAWS)
    best = table[table["certified"] & (table["level"] == 0)].sort_values("overall").iloc[-1]
    member = causal_tests.member_of(run, best["concept"])
    found = {"concept": best["concept"], "items": int(member.sum()), "latent": int(best["latent"]), "curves": {}}
    directions, sizes = [], []
    for level in (0, 1):
        part = by_code_level.at(read.users(train_sae.SHARES)[1], level)
        apart = part.x[member[part.next]].mean(axis=0) - part.x.mean(axis=0)
        directions.append(apart / np.linalg.norm(apart))
        sizes.append(float(np.linalg.norm(part.x - part.x.mean(axis=0), axis=1).mean()))
    latent = made[0].decoder[best["latent"]].numpy()
    asked = {"mean difference, code 1": (directions[0], sizes[0], (0,)), "latent, code 1": (latent, sizes[0], (0,)),
             "mean difference, code 2": (directions[1], sizes[1], (1,)),
             "mean difference, every code": (directions[0], sizes[0], ())}  # fmt: skip
    for name, (direction, size, levels) in asked.items():
        amounts = [size * amount for amount in AMOUNTS]
        curve = by_code_level.steered(run, read, direction, amounts, member, levels=levels)
        found["curves"][name] = {"area": ablation.area(curve), "cost": ablation.cost(curve), "curve": records(curve)}
    return found


def study(dataset: str, device: str) -> dict:
    """What was probed, and what was found of each network."""
    bench, found = open_bench(dataset, profile=SMALL, device=device), {}
    for name, changes in CODES[dataset].items():
        run = bench.fit("tiger", **changes)
        found[name] = measured(run, more=name == "learned")
        print(dataset, name, json.dumps(found[name]["copies"]["topk"]), flush=True)
        if name == "learned":
            found["untrained"] = measured(run, trained=False)
            keys = ("dataset", "data_hash", "protocol", "seed", "settings", "recipe")
            about = {key: run.info[key] for key in keys}
    return about | {"site": SITE.path, "k": K, "trained": TRAINED, "draws": DRAWS, "networks": found}


def main() -> None:
    asked = arguments(__doc__, CODES)
    for dataset in asked.datasets:
        write_text(HERE / f"spelled-{dataset}.json", json.dumps(study(dataset, asked.device), indent=1))


if __name__ == "__main__":
    main()

"""Stages of a probe on a stored run: activations at a site, a dictionary of them, and what stands in for them."""
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from workbench.artifacts import code_hash
from workbench.evaluate import evaluate, per_case
from workbench.experiment.run import Run
from workbench.probe import baselines, faithful, sae
from workbench.probe.cache import Activations, activations
from workbench.probe.dictionary import Dictionary
from workbench.probe.hooks import Site

SHARES = (0.6, 0.2, 0.2)  # of the users: to train on, to discover on, to test on


def read(run: Run, site: Site) -> Activations:
    """Activations of a run's network at every event of the train histories, stored. UserError as `activations`."""
    bench = run.bench()
    inputs = {"run": run.folder.name, "site": asdict(site), "code": code_hash("probe", "recommenders", "nets")}
    path = bench.store.get("activations", inputs, lambda folder: _read(run, site).save(folder))
    return Activations.load(path)


def _read(run: Run, site: Site) -> Activations:
    model = run.recommender()
    return activations(model, site, run.bench().split.train, data_hash=run.info["data_hash"])


def dictionary(run: Run, site: Site, *, kind: str = "topk", k: int = 8, seed: int = 0, **settings) -> Dictionary:
    """A dictionary of a run's activations at a site, learned on six users of ten, stored.

    kind: a form of `sae.train`, which takes `settings`, or a name in `baselines.KINDS`, which takes none.
    """
    cached = read(run, site)
    inputs = {
        "at": cached.fingerprint, "run": run.folder.name, "site": asdict(site), "kind": kind, "k": k, "seed": seed,
        "settings": settings, "code": code_hash("probe"),
    }  # fmt: skip

    def make(folder) -> None:
        x = cached.users(SHARES)[0].x
        found = sae.train(x, form=kind, k=k, seed=seed, **settings) if kind in sae.FORMS else baselines.make(
            kind, x, k=k, seed=seed)  # fmt: skip
        replace(found, fingerprint=cached.fingerprint, about=found.about | {"site": site.path}).save(folder)

    return Dictionary.load(run.bench().store.get("dictionary", inputs, make)).on(cached.fingerprint)


def stand_in(run: Run, site: Site, found: Dictionary, *, metric: str = "ndcg@10") -> pd.DataFrame:
    """The run's test metric with a reconstruction in the place of the activations, and with these taken away: a row for
    base, spliced, mean and zero; recovered, low and high against each way of taking away. Summary in `attrs`."""
    bench, model, cached = run.bench(), run.recommender(), read(run, site)
    cases = bench.split.test

    def values() -> np.ndarray:
        found = evaluate(model, cases, bench.split, quiet=True)
        return per_case(metric, found.ranks, found.groups)

    per_user = {"base": values()}
    for name, edit in faithful.edits(found, cached.x.mean(axis=0)).items():
        with faithful.standing_in(model, site, edit):
            per_user[name] = values()
    rows = {name: {metric: float(scores.mean())} for name, scores in per_user.items()}
    for name in ("mean", "zero"):
        kept = faithful.recovered(per_user["base"], per_user["spliced"], per_user[name])
        rows[name] |= {"recovered": kept.share, "low": kept.low, "high": kept.high, "said": kept.said}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("stands in")
    table.attrs["summary"] = faithful.summary(found, cached.users(SHARES)[2].x)
    return table

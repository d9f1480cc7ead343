"""Stages of a probe on a stored run: activations at a site, a dictionary of them, and what stands in for them."""
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.artifacts import code_hash, sha256
from workbench.evaluate import evaluate, per_case
from workbench.experiment.run import Run
from workbench.probe import baselines, faithful, sae
from workbench.probe.cache import Activations, activations
from workbench.probe.certify import certify
from workbench.probe.concepts import item_concepts
from workbench.probe.dictionary import Dictionary
from workbench.probe.hooks import Site, fingerprint

SHARES = (0.6, 0.2, 0.2)  # of the users: to train on, to discover on, to test on


def read(run: Run, site: Site, *, trained: bool = True) -> Activations:
    """Activations of a run's network at every event of the train histories, stored.

    trained: False for the control, the same network as it was before training. UserError as `activations`.
    """
    bench = run.bench()
    inputs = {"weights": sha256(run.folder / "state.safetensors"), "data": run.info["data_hash"], "site": asdict(site),
              "trained": trained, "code": code_hash("probe", "recommenders", "nets")}  # fmt: skip

    def make(folder: Path) -> None:
        model = run.recommender() if trained else bench.build(run.system, **run.info["settings"])
        activations(model, site, bench.split.train, data_hash=run.info["data_hash"]).save(folder)

    return Activations.load(bench.store.get("activations", inputs, make))


def dictionary(
    run: Run, cached: Activations, *, kind: str = "topk", k: int = 8, seed: int = 0, **settings
) -> Dictionary:
    """A dictionary of activations that `read` gave, learned on six users of ten, stored.

    kind: a form of `sae.train`, which takes `settings`, or a name in `baselines.KINDS`, which takes those in
    `baselines.takes(kind)`. UserError names the nearest kind or setting.
    """
    inputs = {"at": cached.fingerprint, "kind": kind, "k": k, "seed": seed, "settings": settings,
              "code": code_hash("probe")}  # fmt: skip

    def make(folder: Path) -> None:
        x = cached.users(SHARES)[0].x
        if kind in sae.FORMS:
            found = sae.train(x, form=kind, k=k, seed=seed, **settings)
        else:
            found = baselines.make(kind, x, k=k, seed=seed, **settings)
        replace(found, fingerprint=cached.fingerprint, about=found.about | {"site": cached.site.path}).save(folder)

    return Dictionary.load(run.bench().store.get("dictionary", inputs, make)).on(cached.fingerprint)


def sweep(
    run: Run, cached: Activations, *, kinds: tuple[str, ...], ks: tuple[int, ...], latents: int = 0, epochs: int = 50,
    batch: int = 4096,
) -> pd.DataFrame:  # fmt: skip
    """What dictionaries of several kinds and sparsities leave unexplained on users they have not seen, a row each."""
    test, rows, given = cached.users(SHARES)[2].x, [], {"latents": latents, "epochs": epochs, "batch": batch}
    for kind in kinds:
        taken = given if kind in sae.FORMS else baselines.takes(kind)
        learned = {name: value for name, value in given.items() if name in taken}
        for k in ks:
            found = dictionary(run, cached, kind=kind, k=k, **learned)
            rows.append({"kind": kind, "k": k} | faithful.summary(found, test))
    return pd.DataFrame(rows)


def certified(
    run: Run, cached: Activations, found: Dictionary, *, source: str = "last", draws: int = 999
) -> pd.DataFrame:
    """What each latent certifiably stands for: `certify` on users that the dictionary was not learned on."""
    bench = run.bench()
    _, discovery, test = cached.users(SHARES)
    sides = [(part, found.latents_of(part.x)) for part in (discovery, test)]
    known = item_concepts(bench.dataset, bench.split)
    return certify(*sides, known, bench.split.train_counts(), source=source, draws=draws)


def stand_in(run: Run, cached: Activations, found: Dictionary, *, metric: str = "ndcg@10") -> pd.DataFrame:
    """The run's test metric with a reconstruction in the place of the activations, and with these taken away: a row for
    base, spliced, mean and zero; recovered, low and high against each way of taking away."""
    bench, model = run.bench(), run.recommender()
    cases = bench.split.test
    found.on(fingerprint(model.module, cached.site, run.info["data_hash"]))

    def values() -> np.ndarray:
        found = evaluate(model, cases, bench.split, quiet=True)
        return per_case(metric, found.ranks, found.groups)

    per_user = {"base": values()}
    for name, edit in faithful.edits(found, cached.x.mean(axis=0)).items():
        with faithful.standing_in(model, cached.site, edit):
            per_user[name] = values()
    rows = {name: {metric: float(scores.mean())} for name, scores in per_user.items()}
    for name in ("mean", "zero"):
        kept = faithful.recovered(per_user["base"], per_user["spliced"], per_user[name])
        rows[name] |= {"recovered": kept.share, "low": kept.low, "high": kept.high, "said": kept.said}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stands in")

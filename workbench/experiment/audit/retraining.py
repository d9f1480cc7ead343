"""A system trained again on less: on the last events of each history, and on events in random order."""
import logging
from dataclasses import asdict, replace

import pandas as pd

from workbench import systems
from workbench.artifacts import code_hash
from workbench.data import perturbations
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.evaluate.bootstrap import share
from workbench.evaluate.compare import places
from workbench.experiment.audit.shortcuts import file_of, inputs_of
from workbench.experiment.bench import ROOMS, Bench, load_run, stored_runs
from workbench.experiment.run import Run
from workbench.experiment.training import train_run
from workbench.progress import track
from workbench.train.runtime import runtime

log = logging.getLogger("workbench")


def retrained(
    bench: Bench, system: str, *, lengths: tuple[int, ...] = (1, 2, 5, 10), metric: str = "ndcg@10", **changes
) -> Card:
    """HD_n of the system trained anew to read no more than n events (its setting max_length), and what it loses when it
    is trained on histories in random order, both over its usual self; paired over test cases, each one training long.

    changes: settings and recipe of all of them. The runs are stored, so an interrupted call goes on where it stopped.
    UserError where the system has no max_length, or reads no more than a length asked for.
    """
    known = systems.keywords(system)
    if "max_length" not in known:
        raise UserError(f"{system} has no setting max_length, so it cannot be trained to read less")
    usual = changes.get("max_length", known["max_length"])
    if not lengths or not 1 <= min(lengths) <= max(lengths) < usual:
        raise UserError(f"lengths={lengths}: must be from 1 to below the {usual} events that {system} reads")
    _announce(bench, system, [changes | {"max_length": n} for n in lengths] + [changes], changes)
    whole = bench.fit(system, **changes)
    base, rows, figures = places(whole, metric), {"whole": {metric: places(whole, metric).mean(), "share": 1.0}}, []
    for n in track(sorted(set(lengths)), f"train {system} on shorter histories", unit="lengths", stages=True):
        values = places(bench.fit(system, **(changes | {"max_length": n})), metric)
        part, low, high = share(values, base, seed=bench.seed)
        said = f"The {metric} of {whole.label} trained to read the last {n} of a history, over that of its usual self."
        figures.append(Figure(f"HD_{n} retrained", part, low, high, 1.0, "below", len(base), said))
        rows[f"last {n}"] = {metric: values.mean(), "share": part}
    values = places(reordered(bench, system, changes), metric)
    part, low, high = share(values, base, seed=bench.seed)
    said = f"The share of {metric} that {whole.label} loses when it is trained on histories in random order."
    figures.append(Figure("OS retrained", 1 - part, 1 - high, 1 - low, 0.0, "above", len(base), said))
    rows["train shuffled"] = {metric: values.mean(), "share": part}
    return Card(tuple(figures), {"retrained": pd.DataFrame.from_dict(rows, orient="index").rename_axis("reads")})


def reordered(bench: Bench, system: str, changes: dict) -> Run:
    """A run trained on train histories whose events are in random order, one order for all epochs; validation and test
    are as they were. changes: settings and recipe, as of `Bench.fit`.

    Stored apart from other runs: it is not among `stored_runs`, and its data hash is its own."""
    settings, recipe = bench.plan(system, **changes)
    other = shuffled_bench(bench)
    device = runtime(bench.device if bench.device != "auto" else bench.profile.device, threads=bench.profile.threads)
    inputs = inputs_of(other, system, settings) | {
        "recipe": {name: value for name, value in asdict(recipe).items() if name != "sizes"},
        "device": device.type,
        "code": code_hash(*ROOMS, file_of(system)),
    }
    return load_run(
        bench.store.get("reordered-run", inputs, lambda folder: train_run(other, inputs, recipe, changes, folder))
    )


def shuffled_bench(bench: Bench) -> Bench:
    """The same bench, but with each train history in a random order, and a data hash that says so."""
    part, other = bench.split, replace(bench)
    train = perturbations.shuffled(part.train, bench.rng("shuffled train"))
    known = {"dataset": bench.dataset, "protocol": bench.protocol, "store": bench.store}
    other.__dict__.update(known, split=replace(part, train=train, data_hash=f"{part.data_hash}-shuffled-{bench.seed}"))
    return other


def _announce(bench: Bench, system: str, plans: list[dict], changes: dict) -> None:
    """Say how long trainings will take, by the time of the stored run that they are variants of."""
    def of(run: Run, settings: dict) -> bool:
        same = {"system": system, "settings": settings, "data_hash": bench.split.data_hash, "users": bench.users}
        return all(run.info[name] == value for name, value in same.items())

    settings = [bench.plan(system, **plan)[0] for plan in plans]
    runs = stored_runs()
    left = 1 + sum(not any(of(run, plan) for run in runs) for plan in settings)  # 1 for the shuffled one
    like = [run.info["seconds"]["fit"] for run in runs if of(run, bench.plan(system, **changes)[0])]
    known = f"about {left * like[-1] / 60:.0f} minutes at most, by the stored run" if like else "no run of it is stored"
    log.info("%s is trained up to %d times: %s; what is done is kept", system, left, known)

"""A system retrained on less: on the last events of each history, and on events in random order."""
import logging

import pandas as pd

from workbench import systems
from workbench.data import perturbations
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.evaluate.bootstrap import ratio_of_means
from workbench.experiment.audit import networks
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.experiment.stored_runs import stored_runs
from workbench.progress import track

log = logging.getLogger("workbench")


def retraining_card(
    bench: Bench, system: str, *, lengths: tuple[int, ...] = (1, 2, 5, 10), metric: str = "ndcg@10", **changes
) -> Card:
    """What a system keeps of its score when it is retrained on less, paired over test cases; one training a figure.

    "HD_n retrained": trained to read the last n events (its setting max_length), relative to the usual training. "OS
    retrained": the relative loss when it is trained on histories in random order. changes: settings and recipe fields
    of every training. Runs are stored, so an interrupted call resumes. UserError if the system has no max_length, or
    does not read more than every length.
    """
    keywords = systems.keywords(system)
    if "max_length" not in keywords:
        raise UserError(f"{system} has no setting max_length, so it cannot be trained to read less")
    usual = changes.get("max_length", keywords["max_length"])
    if not lengths or not 1 <= min(lengths) <= max(lengths) < usual:
        raise UserError(f"lengths={lengths}: must be from 1 to below the {usual} events that {system} reads")
    _log_duration(bench, system, [changes | {"max_length": n} for n in lengths] + [changes], changes)
    run = bench.fit(system, **changes)
    base, fitted = run.per_case(metric), [run]
    rows, figures = {"full": {metric: base.mean(), "share": 1.0}}, []
    for n in track(sorted(set(lengths)), f"train {system} on shorter histories", unit="lengths", stages=True):
        fitted.append(bench.fit(system, **(changes | {"max_length": n})))
        values = fitted[-1].per_case(metric)
        share, low, high = ratio_of_means(values, base, seed=bench.seed)
        note = f"The {metric} of {run.label} trained to read the last {n} events, relative to the usual training."
        figures.append(Figure(f"HD_{n} retrained", share, low, high, 1.0, "below", len(base), note))
        rows[f"last {n}"] = {metric: values.mean(), "share": share}
    fitted.append(shuffled_bench(bench).fit(system, **changes))
    values = fitted[-1].per_case(metric)
    share, low, high = ratio_of_means(values, base, seed=bench.seed)
    note = f"The share of {metric} that {run.label} loses when it is trained on histories in random order."
    figures.append(Figure("OS retrained", 1 - share, 1 - high, 1 - low, 0.0, "above", len(base), note))
    rows["train shuffled"] = {metric: values.mean(), "share": share}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("training")
    why = "; ".join(f"{label}: {reason}" for label, reason in networks.undertrained(fitted).items())
    about = f"every training from seed {bench.seed}"
    return Card(tuple(figures), {"retrained": table}, undertrained={system: why} if why else {}, about=about)


def shuffled_bench(bench: Bench) -> Bench:
    """The same bench with every train history in one random order, the same for all epochs; validation and test are
    unchanged. Its runs are not among `stored_runs`."""
    train = perturbations.shuffled(bench.split.train, bench.rng("shuffled train"))
    return bench.variant(train=train, label="shuffled")


def _log_duration(bench: Bench, system: str, plans: list[dict], changes: dict) -> None:
    """Log how long the trainings will take, estimated from the stored run of the usual training."""

    def matches(run: Run, settings: dict) -> bool:
        fields = {"system": system, "settings": settings, "data_hash": bench.split.data_hash, "users": bench.users}
        return all(run.info[name] == value for name, value in fields.items())

    settings = [bench.plan(system, **plan)[0] for plan in plans]
    runs = stored_runs()
    missing = 1 + sum(not any(matches(run, plan) for run in runs) for plan in settings)  # 1 on shuffled histories
    seconds = [run.info["seconds"]["fit"] for run in runs if matches(run, bench.plan(system, **changes)[0])]
    estimate = "no run of it is stored"
    if seconds:
        estimate = f"about {missing * seconds[-1] / 60:.0f} minutes at most, by the stored run"
    log.info("%s is trained up to %d times: %s; finished trainings are kept", system, missing, estimate)

"""Dialogues, returns, streams and off-policy estimates: python reports/results/reproduce_acting.py [--tables ...]

Writes acting.json beside itself, a table a name. Runs are stored, so an interrupted call goes on, and a finished table
is kept. --epochs: the most of a training, 0 for those of the profile.
"""
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from kept_tables import keep, options

import workbench as wb
from workbench.evaluate import evaluate
from workbench.evaluate.episodes.off_policy import Log, Value, cross_fitted_rewards, off_policy, population_mean
from workbench.evaluate.intervals import estimate_mean
from workbench.experiment import Bench
from workbench.experiment.online.logged_sessions import on_logged_sessions
from workbench.recommenders.sessions.following_returns import asked_and_obtained
from workbench.train import get_profile

CANDIDATES, SHARES, EPISODES = 50, (0.0, 0.5, 1.0), 500
WALKS = {
    "popularity": ("popularity", {}), "co-occurrence": ("item_knn", {}), "walk": ("g_crs", {}),
    "walk without knowledge": ("g_crs", {"knowledge": 0.0}), "walk, links rewired": ("g_crs", {"rewired": True}),
    "walk, popularity removed": ("g_crs", {"prior": 1.0}),
    "walk, popularity removed, links rewired": ("g_crs", {"prior": 1.0, "rewired": True}),
}  # fmt: skip
SERVED = {
    "served_ctr": ("served_ctr", {}), "reloop2": ("reloop2", {}), "reloop2, errors shuffled": ("reloop2", {"errors":
    "shuffled"}), "one step a window": ("tuned_ctr", {}), "item_rate": ("item_rate", {}),
}  # fmt: skip


def candidates(bench: Bench) -> pd.DataFrame:
    """The share of what was recommended in test dialogues that is among 50 candidates."""
    rows, split = [], bench.split
    for name, (system, changes) in WALKS.items():
        model = bench.fit(system, **changes).recommender()
        hits = evaluate(model, split.test, split, depth=CANDIDATES, quiet=True).per_case(f"recall@{CANDIDATES}")
        low, high = estimate_mean(hits).interval()
        rows.append({"candidates": name, f"recall@{CANDIDATES}": hits.mean(), "from": low, "to": high,
                     "cases": len(hits)})  # fmt: skip
    return pd.DataFrame(rows)


def returns(bench: Bench) -> pd.DataFrame:
    """What policies obtain for shares of the most that the log has of each return, in at most 500 test episodes of the
    world of a bench."""
    arms = {"dt4ier": {}, "dt4ier, shuffled returns": {"shuffled": True}, "tadt_csa": {},
            "tadt_csa, shuffled returns": {"shuffled": True}}  # fmt: skip
    rows = []
    for name, changes in arms.items():
        policy = bench.fit(name.partition(",")[0], **changes).recommender()
        most = policy.module.scale.tolist()
        grid = [tuple(share * each for share, each in zip(shares, most, strict=True))
                for shares in product(SHARES, repeat=len(most))]  # fmt: skip
        episodes = np.arange(min(EPISODES, policy.world("test").n))
        rows += [{"policy": name} | row for row in asked_and_obtained(policy, grid, part="test", episodes=episodes)]
    return pd.DataFrame(rows)


def logged(bench: Bench) -> pd.DataFrame:
    """What was logged on later days, as policies foretell it that are told the true returns."""
    return on_logged_sessions(bench, epochs=4).rename_axis("policy").reset_index()


def windows(bench: Bench) -> pd.DataFrame:
    """AUC and log loss over the windows of a stream, and of each."""
    rows = []
    for name, (system, changes) in SERVED.items():
        run = bench.fit(system, **changes)
        row = {"model": name, "windows": run.info["cases"]}
        for measure in ("auc", "log_loss"):
            values = run.per_case(measure)
            row |= {measure: values.mean(), f"{measure} by window": values.round(4).tolist()}
        rows.append(row)
    return pd.DataFrame(rows)


def rating_errors(bench: Bench) -> pd.DataFrame:
    """What is said of ratings by coats that people chose, with and without propensities, beside the coats that chance
    chose: item means are learnt on one half of the chosen and judged on the other."""
    events = bench.dataset.interactions
    chosen, drawn = events[~events["held_out"]], events[events["held_out"]]
    judged, overall = chosen[1::2], chosen[::2]["rating"].mean()
    per_item = chosen[::2].groupby("item")["rating"].agg(["sum", "count"])
    means = (per_item["sum"] + 5 * overall) / (per_item["count"] + 5)
    values = {
        "squared error of item means": lambda rows: (rows["item"].map(means).fillna(overall) - rows["rating"]) ** 2,
        "absolute error of always 4": lambda rows: (4 - rows["rating"]).abs(), "rating": lambda rows: rows["rating"],
    }  # fmt: skip
    cells, chance, rows = bench.dataset.n_users * bench.dataset.n_items, judged["propensity"].to_numpy() / 2, []
    for what, value in values.items():
        truth = value(drawn).to_numpy(float)
        found = population_mean(value(judged).to_numpy(float), chance, cells)
        found["random test"] = Value(truth.mean(), *estimate_mean(truth).interval())
        rows += [{"of": what, "by": by} | each._asdict() for by, each in found.items()]
    return pd.DataFrame(rows)


def click_rates(bench: Bench) -> pd.DataFrame:
    """The click rate of each policy of Open Bandit by the log of the other, beside its own."""
    slates, n = bench.dataset.tables["slates"], bench.dataset.n_items
    logs = {name: Log(own["item"].to_numpy() - 1, own["clicked"].to_numpy(float), own["propensity"].to_numpy(),
                      own["position"].to_numpy() - 1) for name, own in slates.groupby("source")}  # fmt: skip
    slots, rows = max(log.contexts.max() for log in logs.values()) + 1, []
    targets = {name: np.full((slots, n), 1 / n) if name == "random" else _shares(log, slots, n)
               for name, log in logs.items()}  # fmt: skip
    for name, other in (("bts", "random"), ("random", "bts")):
        log, own = logs[other], logs[name].rewards
        found = off_policy(log, targets[name], rewards=cross_fitted_rewards(log, slots, n))
        size = found.pop("ess")
        found["its own clicks"] = Value(own.mean(), *estimate_mean(own).interval())
        rows += [{"policy": name, "log": other, "by": by, "effective": size} | each._asdict()
                 for by, each in found.items()]  # fmt: skip
    return pd.DataFrame(rows)


def _shares(log: Log, slots: int, n: int) -> np.ndarray:
    """(slots, n) how often each item was shown in each slot: a policy that goes on learning, as its average."""
    counts = np.bincount(log.contexts * n + log.actions, minlength=slots * n).reshape(slots, n)
    return counts / counts.sum(axis=1, keepdims=True)


Table = tuple[str, dict, Callable[[Bench], pd.DataFrame]]
TABLES: dict[str, Table] = {  # dataset, options, how it is made
    **{f"{name}: recall of candidates": (name, {"cases": "all"}, candidates) for name in ("inspired", "redial")},
    **{f"{name}: returns asked for": (name, {}, returns) for name in ("kuairand-clicks", "movielens-small")},
    "kuairand-clicks: logged sessions": ("kuairand-clicks", {}, logged),
    **{f"{name}: streams": (name, {}, windows) for name in ("kuairand-clicks", "movielens-small")},
    "coat: off-policy": ("coat", {}, rating_errors),
    "open-bandit: off-policy": ("open-bandit", {}, click_rates),
}  # fmt: skip


def opened(dataset: str, extra: dict, profile: str, seed: int, epochs: int = 0) -> Bench:
    """A bench of the published parts, where a dataset says which protocol these are."""
    limits = replace(get_profile(profile), epochs=epochs) if epochs else get_profile(profile)
    about = wb.open_bench(dataset, profile=limits, options=extra).dataset.about
    return wb.open_bench(dataset, profile=limits, seed=seed, options=extra, protocol=about.get("protocol", {}))


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "acting.json", tables=list(TABLES), seeds=1, epochs=0)
    for name in given.tables:
        dataset, extra, make = TABLES[name]
        benches = [opened(dataset, extra, given.profile, seed, given.epochs) for seed in range(given.seeds)]

        def measured(benches: list[Bench] = benches, make=make) -> pd.DataFrame:
            return pd.concat([make(bench).assign(seed=bench.seed) for bench in benches])

        keep(given.out, name, benches[0], measured, dataset=dataset, options=extra, seeds=given.seeds,
             epochs=given.epochs)  # fmt: skip


if __name__ == "__main__":
    main()

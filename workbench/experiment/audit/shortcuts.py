"""Stages that ask whether a shortcut would have done as well: what a run uses of a history, what heuristics without
training score beside it, and what is left of it when it is trained again on less."""
import logging
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from workbench import systems
from workbench.artifacts import code_hash
from workbench.data import Split
from workbench.diagnose.shortcuts import history_ablation
from workbench.diagnose.shortcuts import solvability as ratio
from workbench.diagnose.verdict.card import Card
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.compare import by_system, places, same_protocol
from workbench.experiment.audit.stored_cards import stored
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.progress import track

log = logging.getLogger("workbench")
CODE = ("data", "nets", "train/rng.py", "embed", "tokens", "decode.py", "evaluate", "recommenders", "diagnose",
        "experiment/audit/shortcuts.py", "experiment/audit/stored_cards.py")  # fmt: skip
GRAPH, WALK = "graph_heuristic", "graph_walk"
COUNTED = ("item_transitions", "item_knn", "popularity")
GRID = {"hops": (1, 2), "decay": (0.1, 0.5), "older": (0.0, 0.25, 0.5), "features": ("text", "none")}  # of WALK
HEURISTICS = ((GRAPH, {}), (GRAPH, {"form": "tgh2"}), (WALK, {}), *((name, {}) for name in COUNTED))
QUICK, SLOW = 5000, 1000  # cases that each reading is asked about
LIKE = 20  # items of like popularity that exchange their names in a permuted graph
Heuristics = tuple[tuple[str, dict], ...]


def memory(
    bench: Bench, run: Run, *, cases: int | None = None, lengths: tuple[int, ...] = (1, 2, 3, 5, 10), shuffles: int = 3,
    metric: str = "ndcg@10",
) -> Card:  # fmt: skip
    """`diagnose.memory.memory` of a run's recommender on the bench's split, with the bench's seed. Stored.

    cases: at most so many, 0 for all; without it QUICK, and SLOW of what spells items, which takes ten times as long.
    UserError where the run was made on other data, users or under another protocol than the bench has.
    """
    check_run(bench, run)
    inputs = {"run": run.key, "cases": cases, "lengths": sorted(set(lengths)), "shuffles": shuffles,
              "metric": metric, "seed": bench.seed, "code": code_hash(*CODE, file_of(run.system))}  # fmt: skip

    def measure() -> Card:
        model = run.recommender()
        few = (SLOW if getattr(model, "codes", None) is not None else QUICK) if cases is None else cases
        return history_ablation.memory(
            model, bench.split, cases=few, lengths=tuple(inputs["lengths"]), shuffles=shuffles, metric=metric,
            seed=bench.seed,
        )  # fmt: skip

    return stored(bench.store, "memory", inputs, measure)


def solvability(
    bench: Bench, runs: list[Run], *, heuristics: Heuristics = HEURISTICS, metric: str = "ndcg@10"
) -> Card:  # fmt: skip
    """SSI: the best of these heuristics (system, settings), fitted here where they are not stored, over the best of
    `runs`, each side's best chosen on validation. Nulls: popularity, and the graph heuristic on a permuted train
    graph.

    Seeds of one system are averaged case by case. UserError as `diagnose.shortcuts.solvability` and `evaluate.compare`.
    """
    if not runs or not heuristics:
        raise UserError("no trained system was given to hold a heuristic against", code=3)
    for run in runs:
        check_run(bench, run)
    rules = [bench.fit(system, **settings) for system, settings in heuristics]
    popular = bench.fit("popularity")
    same_protocol([*runs, *rules, popular])
    models, rivals = (_means(found, metric) for found in (runs, rules))
    valid = {}
    for found in (runs, rules):
        for run in found:
            valid.setdefault(run.label, []).append(_valid(bench, run, metric))
    valid = {name: float(np.mean(seeds)) for name, seeds in valid.items()}
    nulls = {ratio.POPULARITY: places(popular, metric)}
    graphs = {run.label: settings for run, (system, settings) in zip(rules, heuristics) if system == GRAPH}
    if graphs:
        nulls[ratio.PERMUTED] = permuted_graph(bench, graphs[max(graphs, key=valid.get)], metric=metric)
    return ratio.solvability(rivals, models, nulls=nulls, valid=valid, metric=metric, seed=bench.seed)


def tuned(bench: Bench, *, metric: str = "ndcg@10") -> dict:
    """The settings of graph_walk that are best on validation, of the 24 in GRID; of equal ones the first. Each is
    stored, so an interrupted call goes on where it stopped."""
    grid = [dict(zip(GRID, chosen)) for chosen in product(*GRID.values())]
    log.info("graph_walk is tried with %d settings on validation; the time left is said after the first", len(grid))
    found = []
    for settings in track(grid, "tune graph_walk", unit="settings", stages=True):
        found.append(_validated(bench, settings, metric))
    return grid[int(np.argmax(found))]


def _validated(bench: Bench, settings: dict, metric: str) -> float:
    inputs = inputs_of(bench, WALK, settings) | {"metric": metric, "code": code_hash(*CODE, file_of(WALK))}

    def make(folder: Path) -> None:
        model = bench.build(WALK, **settings)
        model.fit(bench.split)
        found = evaluate(model, bench.split.valid, bench.split, quiet=True)
        np.save(folder / "values.npy", per_case(metric, found.ranks, found.groups))

    return float(np.load(bench.store.get("validation", inputs, make) / "values.npy").mean())


def permuted_graph(bench: Bench, settings: dict, *, metric: str = "ndcg@10") -> np.ndarray:
    """(C,) a metric per test case of the graph heuristic where the items of the train graph have exchanged their names
    with others of like popularity: its edges lead to items as popular as before, and say nothing else. Stored."""
    settings = systems.settings(GRAPH, **settings)
    inputs = inputs_of(bench, GRAPH, settings) | {"placebo": "permuted graph", "code": code_hash(*CODE, file_of(GRAPH))}

    def make(folder: Path) -> None:
        part, model = bench.split, bench.build(GRAPH, **settings)
        names = exchanged(part.train_counts(), bench.rng("permuted graph"))
        model.fit(replace(part, train=replace(part.train, items=names[part.train.items])))
        np.save(folder / "ranks.npy", evaluate(model, part.test, part, quiet=True).ranks)

    return per_case(metric, np.load(bench.store.get("permuted-graph", inputs, make) / "ranks.npy"))


def exchanged(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(I+1,) int32 new names of items: a random permutation within every LIKE items that follow each other in
    popularity. counts: (I+1,) of train."""
    draw = rng.random(len(counts) - 1)
    by_count = np.lexsort((draw, counts[1:]))
    block = np.arange(len(by_count)) // LIKE
    names = np.zeros(len(counts), np.int32)
    names[1 + by_count] = 1 + by_count[np.lexsort((rng.random(len(by_count)), block))]
    return names


def inputs_of(bench: Bench, system: str, settings: dict) -> dict:
    """What any answer of a system depends on, as a stage is named by."""
    part: Split = bench.split
    return {"system": system, "settings": settings, "seed": bench.seed, "dataset": bench.name,
            "options": bench.options, "users": bench.users, "protocol": bench.protocol.dict(),
            "data_hash": part.data_hash, "items": bench.content}  # fmt: skip


def file_of(system: str) -> str:
    """Where the code of a system lies in the package."""
    return f"systems/{systems.family(system)}/{system}.py"


def check_run(bench: Bench, run: Run) -> None:
    """UserError unless a run's cases and protocol are the bench's."""
    mine = {"data": bench.split.data_hash, "protocol": bench.protocol.dict(), "users": bench.users}
    theirs = run.info | {"data": run.info["data_hash"]}
    if differ := [name for name, value in mine.items() if theirs[name] != value]:
        raise UserError(f"{run.label} was made with another {' and '.join(differ)} than this bench has", code=3)


def _means(runs: list[Run], metric: str) -> dict[str, np.ndarray]:
    return {name: seeds.mean(axis=0) for name, seeds in by_system(runs, metric).items()}


def _valid(bench: Bench, run: Run, metric: str) -> float:
    """A metric on all validation cases: the best of the learning curve, or measured where that does not tell."""
    if run.curve and metric in run.curve[0] and not run.info["recipe"].get("valid_cases", 0):
        return max(row[metric] for row in run.curve)
    inputs = {"run": run.key, "metric": metric, "code": code_hash(*CODE, file_of(run.system))}

    def make(folder: Path) -> None:
        found = evaluate(run.recommender(), bench.split.valid, bench.split, quiet=True)
        np.save(folder / "values.npy", per_case(metric, found.ranks, found.groups))

    return float(np.load(bench.store.get("validation", inputs, make) / "values.npy").mean())

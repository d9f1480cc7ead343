"""Could a shortcut do as well? How much of its history a run uses, and how near training-free heuristics come to it."""
import logging
from dataclasses import replace
from itertools import product

import numpy as np

from workbench.diagnose.shortcuts import history_ablation, solvability
from workbench.diagnose.verdict.card import Card
from workbench.errors import UserError
from workbench.evaluate import evaluate, per_case
from workbench.evaluate.compare import check_same_protocol, per_case_by_system
from workbench.experiment.audit.networks import by_label
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.interfaces import HasCodes
from workbench.progress import track
from workbench.stages import stage

log = logging.getLogger("workbench")
GRAPH_HEURISTIC, GRAPH_WALK = "graph_heuristic", "graph_walk"
Heuristics = tuple[tuple[str, dict], ...]  # system, settings
HEURISTICS: Heuristics = (
    (GRAPH_HEURISTIC, {}), (GRAPH_HEURISTIC, {"form": "tgh2"}), (GRAPH_WALK, {}), ("item_transitions", {}),
    ("item_knn", {}), ("popularity", {}),
)  # fmt: skip
GRID = {"hops": (1, 2), "decay": (0.1, 0.5), "older": (0.0, 0.25, 0.5), "features": ("text", "none")}  # of graph_walk
MAX_CASES, MAX_CASES_DECODED = 5000, 1000  # test cases under ablation; fewer for a decoder of semantic IDs, as slow
BIN_SIZE = 20  # items of similar popularity that are permuted among themselves


@stage("history-ablation")
def history_ablation_card(
    bench: Bench, run: Run, *, cases: int | None = None, lengths: tuple[int, ...] = (1, 2, 3, 5, 10), shuffles: int = 3,
    metric: str = "ndcg@10",
) -> Card:  # fmt: skip
    """`diagnose.shortcuts.history_ablation` of a run's recommender on the bench's split, with the bench's seed. Stored.

    cases: at most so many test cases, 0 for all; by default 5,000, or 1,000 for a decoder of semantic IDs. UserError if
    the run was made on other data or users, or under another protocol.
    """
    check_run(bench, run)
    recommender = run.recommender()
    if cases is None:
        cases = MAX_CASES_DECODED if isinstance(recommender, HasCodes) else MAX_CASES
    return history_ablation.history_ablation(
        recommender, bench.split, cases=cases, lengths=tuple(sorted(set(lengths))), shuffles=shuffles, metric=metric,
        seed=bench.seed,
    )  # fmt: skip


def solvability_card(
    bench: Bench, runs: list[Run], *, heuristics: Heuristics = HEURISTICS, metric: str = "ndcg@10"
) -> Card:  # fmt: skip
    """Shortcut solvability (SSI): the score of the best heuristic over that of the best run, each chosen on validation.

    runs may hold several training seeds of a system: its score is their mean, and the interval is over cases and seeds.
    heuristics are fitted if they are not stored. Nulls: popularity, and the graph heuristic on a permuted train graph.
    UserError as `diagnose.shortcuts.solvability` and `evaluate.compare`.
    """
    if not runs or not heuristics:
        raise UserError("no trained system was given to hold a heuristic against", code=3)
    for run in runs:
        check_run(bench, run)
    baselines = [bench.fit(system, **settings) for system, settings in heuristics]
    popularity = bench.fit("popularity")
    check_same_protocol([*runs, *baselines, popularity])
    by_seed: dict[str, list[float]] = {}
    for run in (*runs, *baselines):
        by_seed.setdefault(run.label, []).append(validation_metric(bench, run, metric))
    valid = {name: float(np.mean(seeds)) for name, seeds in by_seed.items()}
    nulls = {solvability.POPULARITY: popularity.per_case(metric)}
    graphs = {run.label: settings for run, (name, settings) in zip(baselines, heuristics) if name == GRAPH_HEURISTIC}
    if graphs:
        best = graphs[max(graphs, key=valid.get)]
        nulls[solvability.PERMUTED] = permuted_graph_baseline(bench, best, metric=metric)
    seeds = {name: [run.info["seed"] for run in own] for name, own in by_label(runs).items()}
    return solvability.solvability(
        per_case_by_system(baselines, metric), per_case_by_system(runs, metric), nulls=nulls, valid=valid, seeds=seeds,
        metric=metric, seed=bench.seed,
    )  # fmt: skip


def tune_graph_walk(bench: Bench, *, metric: str = "ndcg@10") -> dict:
    """The settings of graph_walk with the best validation metric among the 24 in GRID; the first of equally good ones.
    Each evaluation is stored, so an interrupted call resumes."""
    grid = [dict(zip(GRID, values)) for values in product(*GRID.values())]
    log.info("graph_walk is tried with %d settings on validation; the time left is said after the first", len(grid))
    scores = []
    for settings in track(grid, "tune graph_walk", unit="settings", stages=True):
        scores.append(_graph_walk_validation(bench, settings, metric).mean())
    return grid[int(np.argmax(scores))]


@stage("graph-walk-validation", "systems/baselines/graph_walk.py")
def _graph_walk_validation(bench: Bench, settings: dict, metric: str) -> np.ndarray:
    """(V,) a metric per validation case."""
    recommender = bench.build(GRAPH_WALK, **settings)
    recommender.fit(bench.split)
    evaluation = evaluate(recommender, bench.split.valid, bench.split, quiet=True)
    return per_case(metric, evaluation.ranks, evaluation.groups)


@stage("permuted-graph", "systems/baselines/graph_heuristic.py")
def permuted_graph_baseline(bench: Bench, settings: dict, *, metric: str = "ndcg@10") -> np.ndarray:
    """(C,) a metric per test case of the graph heuristic on a permuted train graph, the null of solvability: items are
    permuted among items of similar popularity, so edges lead to items as popular as before and say nothing else.
    Stored."""
    split, recommender = bench.split, bench.build(GRAPH_HEURISTIC, **settings)
    permutation = permute_within_popularity_bins(split.train_counts(), bench.rng("permuted graph"))
    recommender.fit(replace(split, train=replace(split.train, items=permutation[split.train.items])))
    return per_case(metric, evaluate(recommender, split.test, split, quiet=True).ranks)


def permute_within_popularity_bins(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(I+1,) int32 a random permutation of items 1..I within bins of BIN_SIZE items that are adjacent in popularity
    rank; 0 stays. counts: (I+1,) occurrences in train."""
    ties = rng.random(len(counts) - 1)
    by_count = np.lexsort((ties, counts[1:]))
    bins = np.arange(len(by_count)) // BIN_SIZE
    permutation = np.zeros(len(counts), np.int32)
    permutation[1 + by_count] = 1 + by_count[np.lexsort((rng.random(len(by_count)), bins))]
    return permutation


def check_run(bench: Bench, run: Run) -> None:
    """UserError unless a run has the bench's data, protocol and users."""
    expected = {"data": bench.split.data_hash, "protocol": bench.protocol.dict(), "users": bench.users}
    actual = run.info | {"data": run.info["data_hash"]}
    if different := [name for name, value in expected.items() if actual[name] != value]:
        raise UserError(f"{run.label} was made with another {' and '.join(different)} than this bench has", code=3)


def validation_metric(bench: Bench, run: Run, metric: str) -> float:
    """The metric on all validation cases: the best of the learning curve, or measured if the curve lacks it."""
    if run.curve and metric in run.curve[0] and not run.info["recipe"].get("valid_cases", 0):
        return max(row[metric] for row in run.curve)
    return float(_validation_values(bench, run, metric).mean())


@stage("validation")
def _validation_values(bench: Bench, run: Run, metric: str) -> np.ndarray:
    """(V,) a metric per validation case."""
    evaluation = evaluate(run.recommender(), bench.split.valid, bench.split, quiet=True)
    return per_case(metric, evaluation.ranks, evaluation.groups)

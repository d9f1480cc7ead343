"""The audit of a benchmark, and of systems trained on it: every diagnostic as a stored stage, and what it all says."""
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from workbench import embed, systems
from workbench.artifacts import code_hash
from workbench.data import presets
from workbench.diagnose import hard, leakage, sensitivity, strata
from workbench.diagnose.branching import branching
from workbench.diagnose.card import Card, Figure, gathered, mean_figure
from workbench.diagnose.data import data_card
from workbench.diagnose.predictability import predictability
from workbench.diagnose.rings import ring_coverage, transition_coverage
from workbench.diagnose.smooth import smoothness
from workbench.diagnose.verdict import DECODING, MEMORY, Sentence, verdict
from workbench.errors import UserError, unknown
from workbench.evaluate import compare, lists, per_case
from workbench.evaluate.compare import by_system
from workbench.experiment import decoding, shortcuts
from workbench.experiment.bench import Bench, load_run
from workbench.experiment.cards import stored
from workbench.experiment.run import Run
from workbench.progress import track

log = logging.getLogger("workbench")
METRIC, DEPTH = "ndcg@10", 10
FLOORS = ("popularity", "item_transitions", "item_knn")
HEURISTICS = (("graph_heuristic", {}), ("graph_heuristic", {"form": "tgh2"}), ("graph_walk", {}))
LISTED = 5_000  # test users whose lists are looked at for items that did not exist yet


@dataclass(frozen=True)
class Audit:
    """What was measured. runs: the trained systems; floors: what stands beside them. cards: by name, in reading order.
    seconds: what each took, next to nothing where it was stored."""

    bench: Bench
    runs: list[Run]
    floors: list[Run]
    cards: dict[str, Card]
    seconds: dict[str, float]

    @property
    def sentences(self) -> list[Sentence]:
        return verdict(self.cards)

    def dict(self) -> dict:
        """Plain JSON values: what was asked, the sentences, and every figure with interval and null."""
        split = self.bench.split
        cards = {
            name: {"figures": [figure._asdict() | {"found": figure.found} for figure in card.figures],
                   "unmeasured": card.unmeasured}
            for name, card in self.cards.items()
        }  # fmt: skip
        return {
            "dataset": self.bench.name, "data_hash": split.data_hash, "protocol": split.protocol.dict(),
            "profile": self.bench.profile.name, "users": self.bench.users, "seed": self.bench.seed,
            "systems": [run.label for run in self.runs], "floors": [run.label for run in self.floors],
            "verdict": [sentence._asdict() for sentence in self.sentences], "cards": cards, "seconds": self.seconds,
        }  # fmt: skip


def trained(bench: Bench, names: list[str]) -> list[Run]:
    """The runs of these systems on a bench, trained if they are not stored; a name may be the folder of a saved run.
    UserError names the nearest system, or says what is counted and not trained; before anything is trained."""
    known = systems.names("*")
    for name in names:
        if not Path(name).is_dir() and name not in known:
            raise unknown("system", name, known)
        if name in known and systems.family(name) == "floors":
            raise UserError(f"{name} is counted, not trained: it stands in every audit; name a trained system")
    return [load_run(name) if name not in known else bench.fit(name) for name in names]


def audit(
    bench: Bench, runs: list[Run] = (), *, heuristics: tuple = HEURISTICS, retrain: tuple = (), tune: bool = False
) -> Audit:  # fmt: skip
    """Every diagnostic of a dataset under its protocol, and of trained systems on it. What cannot be measured says why.

    runs: of the same data and protocol. heuristics: (system, settings) whose best is held against the best run.
    retrain: names of systems that are trained anew on shorter and on shuffled histories, a training each. tune: choose
    graph_walk's settings on validation first, see `shortcuts.tuned`.
    UserError where a run is of other data.
    """
    heuristics = (*heuristics, (shortcuts.WALK, shortcuts.tuned(bench))) if tune else heuristics
    floors = [bench.fit(name) for name in FLOORS] + [bench.fit(name, **settings) for name, settings in heuristics]
    parts = _parts(bench, list(runs), floors, heuristics)
    parts |= {f"retrained {name}": partial(shortcuts.retrained, bench, name) for name in retrain}
    cards, seconds = {}, {}
    for name, measure in track(list(parts.items()), "audit", unit="cards"):
        started = time.perf_counter()
        cards[name] = gathered({name: measure})
        seconds[name] = round(time.perf_counter() - started, 2)
    return Audit(bench, list(runs), floors, cards, seconds)


def _parts(bench: Bench, runs: list[Run], floors: list[Run], heuristics: tuple) -> dict[str, Callable[[], Card]]:
    split, seed = bench.split, bench.seed
    once = partial(_once, bench)
    parts = {
        "data": once("data", lambda: data_card(bench.dataset, split, seed=seed)),
        "published counts": lambda: published(bench),
        "graph": once("graph", lambda: gathered({
            "ring coverage": lambda: ring_coverage(split, seed=seed),
            "transition coverage": lambda: transition_coverage(split, seed=seed),
            "branching": lambda: branching(split, seed=seed),
            "predictability": lambda: predictability(split, seed=seed),
        })),
        "features": once("features", lambda: smoothness(split, texts(bench), seed=seed)),
        "systems": lambda: systems_card([*runs, *floors]),
        "splits": lambda: splits(bench),
        "strata": lambda: strata_card(bench, [*runs, *floors]),
        "hard subset": lambda: hard_card(bench, [*runs, *floors]),
        "shortcuts": lambda: shortcuts.solvability(bench, runs, heuristics=heuristics),
    }  # fmt: skip
    for run in runs:
        parts[f"{MEMORY}{run.label}"] = partial(shortcuts.memory, bench, run)
        parts[f"{DECODING}{run.label}"] = partial(decoding.decoding, run, seed=seed)
    for run in runs or floors[1:2]:
        parts[f"future of {run.label}"] = partial(future, bench, run)
    return parts


def _once(bench: Bench, name: str, measure: Callable[[], Card]) -> Callable[[], Card]:
    """The measurement as a stage of the store: it depends on the data, the protocol, the seed and the code."""
    inputs = {
        "part": name, "dataset": bench.name, "options": bench.options, "data_hash": bench.split.data_hash,
        "items": bench.content, "protocol": bench.protocol.dict(), "users": bench.users, "seed": bench.seed,
        "code": code_hash("diagnose", "data", "embed", "evaluate", "train/rng.py"),
    }  # fmt: skip
    return lambda: stored(bench.store, "audit", inputs, measure)


def texts(bench: Bench) -> np.ndarray | None:
    """Item vectors from what the catalogue says; None where it has no words."""
    return bench.vectors("text") if embed.usual(bench.dataset) == "text" else None


def published(bench: Bench) -> Card:
    """Our counts beside those of the published benchmark that goes by this name. UserError where none is known."""
    preset = presets.for_dataset(bench.name)
    if preset is None:
        raise UserError(f"no published filter of {bench.name} is known", code=3)
    found = presets.figures(preset, bench.dataset)
    same = all(value == getattr(preset, name) for name, value in found.items())
    return Card((
        Figure("as published", float(same), note=f"1 if all counts are those of {preset.source}; else 0."),
        *(Figure(f"published {name}", float(getattr(preset, name)), note=f"Here: {value:,}.")
          for name, value in found.items()),
    ))  # fmt: skip


def splits(bench: Bench) -> Card:
    """What is counted, under a cut at one point in time beside the bench's own split. UserError without times."""
    if bench.protocol.split == "global-time":
        raise UserError("the split is by global time already", code=3)
    other = replace(bench, protocol_changes=bench.protocol_changes | {"split": "global-time"})
    for name in ("dataset", "store"):
        other.__dict__[name] = getattr(bench, name)
    found = {part.protocol.split: values([part.fit(name) for name in FLOORS]) for part in (bench, other)}
    return sensitivity.split_sensitivity(found, seed=bench.seed)


def systems_card(runs: list[Run]) -> Card:
    """All systems with intervals, beside the best floor."""
    table = compare(runs, metric=METRIC)
    effect = float(table["smallest_effect"].median())
    note = f"The smallest difference in {METRIC} that is seen four times out of five, for the middle system here."
    return Card((Figure("smallest effect", effect, n=len(runs[0].ranks), note=note),), {"systems": table})


def values(runs: list[Run]) -> dict[str, np.ndarray]:
    """(C,) the metric a case of every system, its seeds averaged."""
    return {name: rows.mean(axis=0) for name, rows in by_system(runs, METRIC).items()}


def kinds(bench: Bench) -> np.ndarray:
    """(C,) the stratum of each test case. Stored."""
    return _strata(bench).tables["labels"]["label"].to_numpy(str)


def _strata(bench: Bench) -> Card:
    def measure() -> Card:
        found = strata.kinds(bench.split)
        return Card(tables={"strata": strata.shares(found), "labels": pd.DataFrame({"label": strata.labels(found)})})

    return _once(bench, "strata", measure)()


def strata_card(bench: Bench, runs: list[Run]) -> Card:
    """Every system by whether the transition was seen in train, can be composed of some that were, or neither."""
    of, named = values(runs), kinds(bench)
    note = "Share of test cases whose step from the last item to the answer occurs in train."
    figure = mean_figure("memorised", (named == strata.MEMORISED).astype(float), note=note)
    return Card((figure,), {"by stratum": strata.by_stratum(of, named), "strata": _strata(bench).tables["strata"]})


def hard_card(bench: Bench, runs: list[Run]) -> Card:
    """The cases that neither graph nor texts come near, and the order of systems on them."""
    split, counts = bench.split, bench.split.train_counts()
    mask = hard.hard(split, texts(bench))
    note = "Share of test cases whose answer lies beyond two steps in the train graph and the fifty nearest texts."
    order = hard.order_on(values(runs), mask, popularity=counts[split.test.targets], seed=bench.seed)
    return Card((mean_figure("hard cases", mask.astype(float), note=note), *order.figures), order.tables)


def future(bench: Bench, run: Run) -> Card:
    """How many of a run's hits stand on what happened only later, and how many of its items did not exist yet."""
    split, n = bench.split, min(LISTED, len(bench.split.test.targets))
    few = split.test.take(np.arange(n))  # users are in hash order

    def shown() -> Card:
        leakage.timed(few.histories)
        depth = min(DEPTH, split.n_items)
        found = lists(run.recommender(), few.histories, depth, masked=bench.protocol.mask_history)
        return leakage.future_items(found.items, few, bench.dataset)

    hits = per_case(f"recall@{DEPTH}", run.ranks, run.groups) > 0
    inputs = {"run": run.folder.name, "n": n, "code": code_hash("diagnose", "evaluate", "experiment/audit.py")}
    return stored(bench.store, "future", inputs, lambda: gathered({
        "transitions": lambda: leakage.future_transitions(split, hits=hits), "items": shown,
    }))  # fmt: skip

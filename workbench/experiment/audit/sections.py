"""The parts of an audit that need a bench: what stands beside what, and the cards of systems already trained."""
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench import embed
from workbench.artifacts import code_hash
from workbench.data import presets
from workbench.diagnose.data import leakage, sensitivity
from workbench.diagnose.shortcuts import hard_subset, memorization
from workbench.diagnose.verdict.card import Card, Figure, gathered, mean_figure
from workbench.errors import UserError
from workbench.evaluate import compare, lists, per_case
from workbench.evaluate.compare import by_system, places, smallest_effect
from workbench.evaluate.evaluation import longest_set
from workbench.experiment.audit.shortcuts import WALK, file_of
from workbench.experiment.audit.stored_cards import stored
from workbench.experiment.bench import ROOMS, Bench
from workbench.experiment.run import Run

METRIC, DEPTH = "ndcg@10", 10
CODE = (*ROOMS, "diagnose", "experiment/audit/run_audit.py", "experiment/audit/sections.py")
FLOORS = ("popularity", "item_knn")
WITHOUT = {  # parts of the graph walk: the settings that leave them out, and whether that takes texts
    "likeness": ({"features": "none"}, True), "the right texts": ({"features": "permuted"}, True),
    "the graph": ({"hops": 0}, True), "the second step": ({"hops": 1}, False),
    "the item before": ({"older": 0.0}, False),
}  # fmt: skip
SAID = {
    "likeness": "by edge counts alone", "the right texts": "with texts dealt to other items",
    "the graph": "by likeness alone", "the second step": "with one step", "the item before": "from the last item alone",
}  # fmt: skip
LISTED, DEEP = 5_000, 50  # test users whose lists are looked at for items that did not exist yet, and how deep


def once(bench: Bench, name: str, measure: Callable[[], Card]) -> Callable[[], Card]:
    """The measurement as a stage of the store: it depends on the data, the protocol, the seed and the code."""
    inputs = {
        "part": name, "dataset": bench.name, "options": bench.options, "data_hash": bench.split.data_hash,
        "items": bench.content, "protocol": bench.protocol.dict(), "users": bench.users, "seed": bench.seed,
        "code": code_hash(*CODE),
    }  # fmt: skip
    return lambda: stored(bench.store, "audit", inputs, measure)


def texts(bench: Bench) -> np.ndarray | None:
    """Item vectors from what the catalogue says; None where it has no words."""
    return bench.vectors("text") if embed.usual(bench.dataset) == "text" else None


def published(bench: Bench) -> Card:
    """Our counts beside those of the published benchmark that goes by this name. UserError where none is known."""
    asked = bench.dataset.about.get("preset")
    preset = presets.named(asked) if asked else presets.for_dataset(bench.name)
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
    counted = (*FLOORS, "item_transitions")
    found = {part.protocol.split: values([part.fit(name) for name in counted]) for part in (bench, other)}
    return sensitivity.split_sensitivity(found, seed=bench.seed)


def systems_card(runs: list[Run], floors: list[Run]) -> Card:
    """All systems with intervals, beside the best floor; and what difference between the best trained system and the
    best floor (between the two best floors, where nothing was trained) this many cases can see."""
    table, of = compare([*runs, *floors], metric=METRIC), values([*runs, *floors])
    sides = [[run.label for run in side] for side in (runs or floors, floors)]
    first = next(name for name in table.index if name in sides[0])
    second = next(name for name in table.index if name in sides[1] and name != first)
    effect = smallest_effect(of[first] - of[second])
    if np.isnan(effect):
        return Card((), {"systems": table}, {"smallest effect": "one test case tells nothing of how much cases differ"})
    note = f"The difference in {METRIC} between {first} and {second} that is seen four times out of five."
    pair = pd.DataFrame({"ours": [first], "rival": [second]})
    return Card((Figure("smallest effect", effect, n=len(of[first]), note=note),), {"systems": table, "pair": pair})


def heuristic(bench: Bench) -> Card:
    """What each part of the graph walk is worth: its score less that of the same walk without the part."""
    told = texts(bench) is not None
    without = {name: settings for name, (settings, needs_texts) in WITHOUT.items() if told or not needs_texts}
    whole, rows = places(bench.fit(WALK), METRIC), {}
    figures = []
    for name, settings in without.items():
        rows[name] = places(bench.fit(WALK, **settings), METRIC)
        note = f"{METRIC} of the graph walk less that of the same {SAID[name]}."
        figures.append(mean_figure(f"worth of {name}", whole - rows[name], null=0.0, toward="above", note=note))
    table = pd.DataFrame({METRIC: {"whole": whole.mean()} | {f"without {n}": v.mean() for n, v in rows.items()}})
    reason = {} if told else {"worth of texts": "the items have no text"}
    return Card(tuple(figures), {"heuristic": table.rename_axis("graph walk")}, reason)


def values(runs: list[Run]) -> dict[str, np.ndarray]:
    """(C,) the metric a case of every system, its seeds averaged."""
    return {name: rows.mean(axis=0) for name, rows in by_system(runs, METRIC).items()}


def strata_of(bench: Bench) -> np.ndarray:
    """(C,) the stratum of each test case. Stored."""
    return _strata(bench).tables["labels"]["label"].to_numpy(str)


def _strata(bench: Bench) -> Card:
    def measure() -> Card:
        found = memorization.kinds(bench.split)
        return Card(
            tables={"strata": memorization.shares(found), "labels": pd.DataFrame({"label": memorization.labels(found)})}
        )

    return once(bench, "strata", measure)()


def strata_card(bench: Bench, runs: list[Run], floors: list[Run]) -> Card:
    """Every system by whether the transition was seen in train, can be composed of some that were, or neither."""
    of, named = values([*runs, *floors]), strata_of(bench)
    note = "Share of test cases whose step from the last item to the answer occurs in train."
    figure = mean_figure("memorised", (named == memorization.MEMORISED).astype(float), note=note)
    unseen, tables = named != memorization.MEMORISED, {"by stratum": memorization.by_stratum(of, named)}
    tables["strata"] = _strata(bench).tables["strata"]
    if not runs or not unseen.any():
        return Card((figure,), tables)
    ours = max((run.label for run in runs), key=lambda name: of[name].mean())
    rival = max((run.label for run in floors), key=lambda name: of[name][unseen].mean())  # to the rival's advantage
    lead = mean_figure(
        "lead on unseen steps", (of[ours] - of[rival])[unseen], null=0.0, toward="above",
        note=f"{METRIC} of {ours} less that of {rival}, the best rule there, where the step is not in train.",
    )  # fmt: skip
    tables["lead"] = pd.DataFrame({"ours": [ours], "rival": [rival], "share": [unseen.mean()]})
    return Card((figure, lead), tables)


def hard_card(bench: Bench, runs: list[Run], floors: list[Run]) -> Card:
    """The cases that neither graph nor texts come near, and which system is best there. Systems that walk the graph
    are in no order there: they have put nearer items first by construction."""
    split, vectors, mask = bench.split, texts(bench), _hard(bench)
    where = "beyond two steps in the train graph" + (" and the fifty nearest texts" if vectors is not None else "")
    share = mean_figure("hard cases", mask.astype(float), note=f"Share of test cases whose answer lies {where}.")
    sighted = values([*runs, *(floor for floor in floors if floor.system in FLOORS)])
    counts = split.train_counts()[split.test.targets]
    order = gathered({"order": lambda: hard_subset.order_on(sighted, mask, popularity=counts, seed=bench.seed)})
    return Card((share, *order.figures), order.tables, order.unmeasured)


def _hard(bench: Bench) -> np.ndarray:
    """(C,) bool, stored."""
    def measure() -> Card:
        return Card(tables={"hard": pd.DataFrame({"hard": hard_subset.hard(bench.split, texts(bench))})})

    return once(bench, "hard", measure)().tables["hard"]["hard"].to_numpy()


def future(bench: Bench, run: Run) -> Card:
    """How many of a run's hits stand on what happened only later, and how many of its items did not exist yet."""
    split, n = bench.split, min(LISTED, len(bench.split.test.targets))
    few = split.test.take(np.arange(n))  # users are in hash order

    def shown() -> Card:
        leakage.timed(few.histories)
        room = longest_set(few.histories) if bench.protocol.mask_history else 0
        depth = min(DEEP, split.n_items - room)
        found = lists(run.recommender(), few.histories, depth, masked=bench.protocol.mask_history)
        return leakage.future_items(found.items, few, bench.dataset)

    hits = per_case(f"recall@{DEPTH}", run.ranks, run.groups) > 0
    inputs = {"run": run.key, "n": n, "code": code_hash(*CODE, file_of(run.system))}
    return stored(bench.store, "future", inputs, lambda: gathered({
        "transitions": lambda: leakage.future_transitions(split, hits=hits), "items": shown,
    }))  # fmt: skip

"""The sections of an audit that need a bench: data, train graph, texts, and comparisons of evaluated runs."""
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from workbench import embed
from workbench.data import presets
from workbench.diagnose.data import leakage, sensitivity
from workbench.diagnose.data.branching import branching
from workbench.diagnose.data.data_card import data_card
from workbench.diagnose.data.event_order import require_event_order
from workbench.diagnose.data.predictability import predictability
from workbench.diagnose.shortcuts import hard_subset, memorization
from workbench.diagnose.shortcuts.feature_smoothness import feature_smoothness
from workbench.diagnose.shortcuts.graph_distance import hop_coverage, transition_coverage
from workbench.diagnose.verdict.card import Card, Figure, gather_cards, mean_figure
from workbench.errors import UserError
from workbench.evaluate import compare, recommend_all
from workbench.evaluate.compare import per_case_by_system
from workbench.evaluate.evaluation import max_distinct_items
from workbench.evaluate.intervals import estimate_difference
from workbench.experiment.audit import shortcuts
from workbench.experiment.audit.shortcuts import GRAPH_WALK
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.stages import stage

METRIC, DEPTH = "ndcg@10", 10
NON_GRAPH_BASELINES = ("popularity", "item_knn")
GRAPH_DIAGNOSTICS = {
    "hop coverage": hop_coverage, "transition coverage": transition_coverage, "branching": branching,
    "predictability": predictability,
}  # fmt: skip
ABLATIONS = {  # parts of graph_walk: settings without the part, whether it needs texts, the ablated model in words
    "text similarity": ({"features": "none"}, True, "by transition counts alone"),
    "matching texts": ({"features": "permuted"}, True, "with texts permuted among items"),
    "the graph": ({"hops": 0}, True, "by text similarity alone"),
    "the second hop": ({"hops": 1}, False, "with one hop"),
    "the previous item": ({"older": 0.0}, False, "from the last item alone"),
}  # fmt: skip
LISTED_USERS, LIST_DEPTH = 5_000, 50  # top-k lists that are searched for items from the future


@stage("data-card")
def dataset_card(bench: Bench) -> Card:
    """Statistics of the log and what in it could mislead, see `data_card`. Stored."""
    return data_card(bench.dataset, bench.split, seed=bench.seed)


@stage("graph-card")
def graph_card(bench: Bench) -> Card:
    """How far the train graph predicts the next item: coverage by hops, branching and predictability. Stored."""

    def measure(diagnostic: Callable) -> Card:
        require_event_order(bench.split)
        return diagnostic(bench.split, seed=bench.seed)

    return gather_cards({name: partial(measure, diagnostic) for name, diagnostic in GRAPH_DIAGNOSTICS.items()})


@stage("features-card")
def features_card(bench: Bench) -> Card:
    """Feature smoothness: how similar the target's text is to the last item's. Stored. UserError without texts."""
    return feature_smoothness(bench.split, text_vectors(bench), seed=bench.seed)


def text_vectors(bench: Bench) -> np.ndarray | None:
    """(I+1, D) vectors of the item texts, None where items have no text."""
    return bench.vectors("text") if embed.default_kind(bench.dataset) == "text" else None


def published_counts_card(bench: Bench) -> Card:
    """The dataset's counts, compared with those of the published benchmark of the same name. UserError if none is
    known."""
    name = bench.dataset.about.get("preset")
    preset = presets.get_preset(name) if name else presets.preset_for_dataset(bench.name)
    if preset is None:
        raise UserError(f"no published filter of {bench.dataset.name} is known", code=3)
    counts = presets.dataset_statistics(preset, bench.dataset)
    same = all(count == getattr(preset, name) for name, count in counts.items())
    return Card((
        Figure("as published", float(same), note=f"1 if all counts are those of {preset.source}; else 0."),
        *(Figure(f"published {name}", float(getattr(preset, name)), note=f"Here: {count:,}.")
          for name, count in counts.items()),
    ))  # fmt: skip


def split_sensitivity_card(bench: Bench, heuristics: shortcuts.Heuristics) -> Card:
    """The best training-free baseline under the bench's split and under a global temporal split, each chosen on
    validation. UserError without times."""
    if bench.protocol.split == "global-time":
        raise UserError("the split is by global time already", code=3)
    other = bench.variant(protocol={"split": "global-time"})
    benches = {each.protocol.split: each for each in (bench, other)}
    runs = {split: [each.fit(name, **settings) for name, settings in heuristics] for split, each in benches.items()}
    valid = {split: {run.label: shortcuts.validation_metric(benches[split], run, METRIC) for run in rules}
             for split, rules in runs.items()}  # fmt: skip
    scores = {split: per_case_metric(rules) for split, rules in runs.items()}
    return sensitivity.split_sensitivity(scores, valid=valid, seed=bench.seed)


def systems_card(runs: list[Run], baselines: list[Run]) -> Card:
    """All systems with intervals, and the minimum detectable effect between the best trained system and the best
    baseline (between the two best baselines where nothing was trained)."""
    table, values = compare([*runs, *baselines], metric=METRIC), per_case_by_system([*runs, *baselines], METRIC)
    sides = [[run.label for run in side] for side in (runs or baselines, baselines)]
    first = next(name for name in table.index if name in sides[0])
    second = next(name for name in table.index if name in sides[1] and name != first)
    effect, name = estimate_difference(values[first], values[second]), "minimum detectable effect"
    if effect.cases < 2:
        return Card((), {"systems": table}, {name: "one test case tells nothing of how much cases differ"})
    note = f"The difference in {METRIC} between {first} and {second} that is detected with 80 % power."
    pair = pd.DataFrame({"ours": [first], "rival": [second]})
    return Card((Figure(name, effect.detectable(), n=effect.cases, note=note),), {"systems": table, "pair": pair})


def baseline_ablation_card(bench: Bench) -> Card:
    """An ablation of graph_walk: for each of its parts, its score minus the score without that part."""
    has_texts = text_vectors(bench) is not None
    full = bench.fit(GRAPH_WALK).per_case(METRIC)
    figures, means = [], {"full": full.mean()}
    for part, (settings, needs_texts, words) in ABLATIONS.items():
        if needs_texts and not has_texts:
            continue
        ablated = bench.fit(GRAPH_WALK, **settings).per_case(METRIC)
        note = f"{METRIC} of the graph walk minus that of the same {words}."
        figures.append(mean_figure(f"gain from {part}", full - ablated, null=0.0, direction="above", note=note))
        means[f"without {part}"] = ablated.mean()
    unmeasured = {} if has_texts else {"gain from texts": "the items have no text"}
    return Card(tuple(figures), {"ablation": pd.DataFrame({METRIC: means}).rename_axis("graph walk")}, unmeasured)


def per_case_metric(runs: list[Run]) -> dict[str, np.ndarray]:
    """(C,) per-case values of METRIC by system, averaged over seeds."""
    return {name: seeds.mean(axis=0) for name, seeds in per_case_by_system(runs, METRIC).items()}


@stage("generalization-hops")
def _generalization_hops(bench: Bench) -> pd.DataFrame:
    return memorization.generalization_hops(bench.split)


def generalization_kinds(bench: Bench) -> np.ndarray:
    """(C,) what each test case asks for: a memorised transition, one composed of several, or neither. Stored."""
    return memorization.generalization_kinds(_generalization_hops(bench))


def memorization_card(bench: Bench, runs: list[Run], baselines: list[Run]) -> Card:
    """Every system by kind of test case: transition seen in train, composed of transitions in train, or neither."""
    values, kinds = per_case_metric([*runs, *baselines]), generalization_kinds(bench)
    seen = kinds == memorization.MEMORIZED
    note = "Share of test cases whose transition from the last item to the target occurs in train."
    share = mean_figure("memorized", seen.astype(float), note=note)
    tables = {"by kind": memorization.metric_by_kind(values, kinds),
              "kinds": memorization.kind_shares(_generalization_hops(bench))}  # fmt: skip
    if not runs or seen.all():
        return Card((share,), tables)
    ours = max((run.label for run in runs), key=lambda name: values[name].mean())
    rival = max((run.label for run in baselines), key=lambda name: values[name][~seen].mean())  # in the rival's favour
    lead = mean_figure(
        "lead on unseen transitions", (values[ours] - values[rival])[~seen], null=0.0, direction="above",
        note=f"{METRIC} of {ours} minus that of {rival}, the best baseline there, on transitions not in train.",
    )  # fmt: skip
    tables["lead"] = pd.DataFrame({"ours": [ours], "rival": [rival], "share": [(~seen).mean()]})
    return Card((share, lead), tables)


def hard_subset_card(bench: Bench, runs: list[Run], baselines: list[Run]) -> Card:
    """Test cases whose target is near neither in the train graph nor in text, and how systems rank on them. Baselines
    that walk the graph are left out: they rank nearer items first by construction."""
    hard = _hard_cases(bench)
    texts = " and outside the fifty texts most similar to its text" if text_vectors(bench) is not None else ""
    note = f"Share of test cases whose target lies beyond two hops from the last item in the train graph{texts}."
    share = mean_figure("hard cases", hard.astype(float), note=note)
    values = per_case_metric([*runs, *(run for run in baselines if run.system in NON_GRAPH_BASELINES)])
    counts = bench.split.train_counts()[bench.split.test.targets]
    ranking = gather_cards({
        "ranking": lambda: hard_subset.ranking_agreement(values, hard, popularity=counts, seed=bench.seed)
    })  # fmt: skip
    return Card((share, *ranking.figures), ranking.tables, ranking.unmeasured)


@stage("hard-cases")
def _hard_cases(bench: Bench) -> np.ndarray:
    return hard_subset.hard_cases(bench.split, text_vectors(bench))


@stage("temporal-leakage")
def temporal_leakage_card(bench: Bench, run: Run) -> Card:
    """The hits of a run on transitions that occur in train only after the test event, and recommended items that had
    not occurred by then. Stored."""
    cases = bench.split.test.take(np.arange(min(LISTED_USERS, len(bench.split.test.targets))))  # users in hash order

    def future_items() -> Card:
        leakage.require_times(cases.histories)
        n_masked = max_distinct_items(cases.histories) if bench.protocol.mask_history else 0
        depth = min(LIST_DEPTH, bench.split.n_items - n_masked)
        top_k = recommend_all(run.recommender(), cases.histories, depth, masked=bench.protocol.mask_history)
        return leakage.future_items(top_k.items, cases, bench.dataset)

    hits = run.per_case(f"recall@{DEPTH}") > 0
    return gather_cards({
        "transitions": lambda: leakage.future_transitions(bench.split, hits=hits), "items": future_items,
    })  # fmt: skip

"""The audit of a benchmark and of systems trained on it: every diagnostic as a stored card, and a verdict over them."""
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workbench import systems
from workbench.diagnose.data.event_order import require_event_order
from workbench.diagnose.verdict.card import Card, gather_cards
from workbench.diagnose.verdict.rules import verdict
from workbench.diagnose.verdict.sentences import DECODING, HISTORY_ABLATION, RETRAINED, Sentence
from workbench.errors import UserError, check_names, unknown_name
from workbench.experiment.audit import decoding, sections, shortcuts
from workbench.experiment.audit.retraining import retraining_card
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run, run_list
from workbench.experiment.stored_runs import load_run
from workbench.progress import track

TEMPORAL_LEAKAGE = "temporal leakage: "


@dataclass(frozen=True)
class Audit:
    """The result of an audit, a card for each section.

    runs: the audited runs. baselines: the training-free baselines they are compared with. cards: by name, in reading
    order. seconds: the time each took, next to nothing for a stored card.
    """

    bench: Bench
    runs: list[Run]
    baselines: list[Run]
    cards: dict[str, Card]
    seconds: dict[str, float]

    @property
    def sentences(self) -> list[Sentence]:
        """The verdict: what the cards allow to say about the benchmark, by fixed rules."""
        return verdict(self.cards)

    @property
    def data(self) -> Card:
        """Statistics of the log: size, ties, leakage, repeats, drift, near-duplicates."""
        return self._measured("data")

    @property
    def published_counts(self) -> Card:
        """The dataset's counts, compared with the published benchmark of the same name."""
        return self._measured("published counts")

    @property
    def graph(self) -> Card:
        """How far the train graph predicts the target: coverage by hops, branching, predictability."""
        return self._measured("graph")

    @property
    def features(self) -> Card:
        """Feature smoothness: how similar the texts of the last item and the target are."""
        return self._measured("features")

    @property
    def systems(self) -> Card:
        """All runs and baselines with intervals, and the minimum detectable effect."""
        return self._measured("systems")

    @property
    def splits(self) -> Card:
        """The baselines under this split and under a global temporal split."""
        return self._measured("splits")

    @property
    def memorization(self) -> Card:
        """Every system by whether the test transition was seen in train, can be composed, or neither."""
        return self._measured("memorization")

    @property
    def hard_subset(self) -> Card:
        """The ranking of systems on test cases that are near neither in the train graph nor in text."""
        return self._measured("hard subset")

    @property
    def baseline_ablation(self) -> Card:
        """What each part of the graph walk baseline contributes to its score."""
        return self._measured("baseline ablation")

    @property
    def shortcuts(self) -> Card:
        """Shortcut solvability (SSI): the best heuristic's score relative to the best run's."""
        return self._measured("shortcuts")

    def history_ablation(self, system: str = "") -> Card:
        """What a run loses when its history is cut or shuffled. system: a label, if several runs were audited."""
        return self._card(HISTORY_ABLATION, system)

    def decoding(self, system: str = "") -> Card:
        """Top-k lists, calibration and beam search of a run. system: a label, if several runs were audited."""
        return self._card(DECODING, system)

    def temporal_leakage(self, system: str = "") -> Card:
        """The hits of a run that rest on future transitions. system: a label, if several runs were audited."""
        return self._card(TEMPORAL_LEAKAGE, system)

    def retrained(self, system: str = "") -> Card:
        """What a system keeps when it is retrained on less. system: a name, if several were retrained."""
        return self._card(RETRAINED, system)

    def _measured(self, name: str) -> Card:
        """A card by its name. UserError if this audit was asked for others only."""
        if name not in self.cards:
            raise UserError(f"this audit did not measure {name!r}, only {', '.join(self.cards)}", code=3)
        return self.cards[name]

    def _card(self, prefix: str, system: str) -> Card:
        """The one card of this kind, or that of the system with this label or name. UserError if there is not one."""
        labels = [name.removeprefix(prefix) for name in self.cards if name.startswith(prefix)]
        matches = [label for label in labels if label == system] or [
            label for label in labels if not system or label.partition("(")[0] == system
        ]
        if len(matches) == 1:
            return self.cards[prefix + matches[0]]
        kind = prefix.removesuffix(": ")
        if not labels:
            raise UserError(f"this audit has no card of {kind}: it was given no system for it", code=3)
        if not matches:
            raise unknown_name(f"system with a card of {kind}", system, labels)
        raise UserError(f"several systems have a card of {kind}: {', '.join(matches)}; name one")

    def dict(self) -> dict:
        """Plain JSON values: the protocol and the systems, the verdict, and every figure with interval and null."""
        split = self.bench.split
        cards = {
            name: {"figures": [figure._asdict() | {"significant": figure.significant} for figure in card.figures],
                   "unmeasured": card.unmeasured}
            for name, card in self.cards.items()
        }  # fmt: skip
        return {
            "dataset": self.bench.name, "data_hash": split.data_hash, "protocol": split.protocol.dict(),
            "profile": self.bench.profile.name, "users": self.bench.users, "seed": self.bench.seed,
            "systems": [run.label for run in self.runs], "baselines": [run.label for run in self.baselines],
            "verdict": [sentence._asdict() for sentence in self.sentences], "cards": cards, "seconds": self.seconds,
        }  # fmt: skip


def fit_or_load(bench: Bench, names: Sequence[str]) -> list[Run]:
    """The runs of these systems on a bench, trained if they are not stored. A name may be the folder of a saved run.

    Every name is checked before anything is trained. UserError if a name is neither a system nor a run, if it is a
    training-free baseline, or if a saved run was made on other data or under another protocol.
    """
    known = systems.names("*")
    for name in names:
        if not Path(name).is_dir() and name not in known:
            raise unknown_name("system", name, known)
        if name in known and systems.family(name) == "baselines":
            baselines = ", ".join(dict(shortcuts.HEURISTICS))
            raise UserError(f"{name} is counted, not trained; name a trained system. Every audit has {baselines}")
    saved = {name: load_run(name) for name in names if name not in known}
    for run in saved.values():
        shortcuts.check_run(bench, run)
    return [saved[name] if name in saved else bench.fit(name) for name in dict.fromkeys(names)]


def audit(
    bench: Bench, runs: Sequence[Run] = (), *, heuristics: shortcuts.Heuristics = shortcuts.HEURISTICS,
    retrain: Sequence[str] = (), tune: bool = False, only: Sequence[str] = (),
) -> Audit:  # fmt: skip
    """Run every diagnostic of a dataset under its protocol, and of runs on it. What cannot be measured says why.

    runs: of the same data and protocol. heuristics: training-free baselines (system, settings); the best of them is
    compared with the best run. retrain: names of systems to retrain on shorter and on shuffled histories. tune: whether
    to choose graph_walk's settings on validation first, see `shortcuts.tune_graph_walk`. only: names of cards, such as
    "memorization", to measure no others. UserError if a run was made on other data, or a name is of no system or card.
    """
    runs = run_list(runs)
    for run in runs:
        shortcuts.check_run(bench, run)
    for name in retrain:
        systems.keywords(name)
    started = time.perf_counter()
    if tune:
        heuristics = (*heuristics, (shortcuts.GRAPH_WALK, shortcuts.tune_graph_walk(bench)))
    baselines = []
    for name, settings in track(heuristics, "baselines", unit="systems", stages=True):
        baselines.append(bench.fit(name, **settings))
    measurements = _measurements(bench, runs, baselines, heuristics)
    measurements |= {f"{RETRAINED}{name}": partial(retraining_card, bench, name) for name in retrain}
    check_names("card of an audit", only, list(dict.fromkeys(name.partition(":")[0] for name in measurements)))
    measurements = {name: m for name, m in measurements.items() if not only or name.partition(":")[0] in only}
    cards, seconds = {}, {"baselines": round(time.perf_counter() - started, 2)}
    for name, measure in track(list(measurements.items()), "audit", unit="cards", stages=True):
        started = time.perf_counter()
        cards[name] = gather_cards({name: measure})
        seconds[name] = round(time.perf_counter() - started, 2)
    return Audit(bench, runs, baselines, cards, seconds)


def _measurements(
    bench: Bench, runs: list[Run], baselines: list[Run], heuristics: shortcuts.Heuristics
) -> dict[str, Callable[[], Card]]:
    """How to measure each card, by its name, in reading order."""

    def ordered(section: Callable) -> Card:
        require_event_order(bench.split)
        return section(bench, runs, baselines)

    measurements = {
        "data": partial(sections.dataset_card, bench),
        "published counts": partial(sections.published_counts_card, bench),
        "graph": partial(sections.graph_card, bench),
        "features": partial(sections.features_card, bench),
        "systems": partial(sections.systems_card, runs, baselines),
        "splits": partial(sections.split_sensitivity_card, bench),
        "memorization": partial(ordered, sections.memorization_card),
        "hard subset": partial(ordered, sections.hard_subset_card),
        "baseline ablation": partial(sections.baseline_ablation_card, bench),
        "shortcuts": partial(shortcuts.solvability_card, bench, runs, heuristics=heuristics),
    }
    for run in runs:
        measurements[f"{HISTORY_ABLATION}{run.label}"] = partial(shortcuts.history_ablation_card, bench, run)
        measurements[f"{DECODING}{run.label}"] = partial(decoding.decoding_card, run, seed=bench.seed)
    for run in runs or [run for run in baselines if run.system == "item_transitions"]:
        measurements[f"{TEMPORAL_LEAKAGE}{run.label}"] = partial(sections.temporal_leakage_card, bench, run)
    return measurements

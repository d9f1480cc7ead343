"""The audit of a benchmark and of systems trained on it: every diagnostic as a stored card."""
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from workbench import systems
from workbench.data.protocol import require_one_target
from workbench.diagnose.data.event_order import require_event_order
from workbench.diagnose.verdict.card import Card, gather_cards
from workbench.diagnose.verdict.sentences import DECODING, HISTORY_ABLATION, RETRAINED
from workbench.errors import UserError, check_names, unknown_name
from workbench.experiment.audit import decoding, networks, sections, shortcuts
from workbench.experiment.audit.audit_result import TEMPORAL_LEAKAGE, Audit
from workbench.experiment.audit.retraining import retraining_card
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run, run_list
from workbench.experiment.stored_runs import load_run
from workbench.progress import track

SECTIONS = ("data", "published counts", "graph", "features", "systems", "splits", "memorization", "hard subset",
            "baseline ablation", "shortcuts")  # fmt: skip
COMPARING = {"systems", "memorization", "hard subset", "shortcuts"}  # cards of all systems, over all their seeds


def fit_or_load(bench: Bench, names: Sequence[str]) -> list[Run]:
    """The runs of these systems on a bench, trained if they are not stored. A name may be the folder of a saved run.

    Every name is checked before anything is trained. UserError if a name is neither a system nor a run, if it is a
    training-free baseline, or if a saved run was made on other data or under another protocol.
    """
    require_one_target(bench.protocol.split, "an audit")
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
    retrain: Sequence[str] = (), tune: bool = False, only: Sequence[str] = (), seeds: int = 0,
) -> Audit:  # fmt: skip
    """Run every diagnostic of a dataset under its protocol, and of runs on it. What cannot be measured says why.

    runs: of the same data and protocol. heuristics: training-free baselines (system, settings); the best of them is
    compared with the best run. retrain: names of systems to retrain on shorter and on shuffled histories. tune: whether
    to choose graph_walk's settings on validation first, see `shortcuts.tune_graph_walk`. only: names of cards, such as
    "memorization", to measure no others. seeds: from how many training seeds to compare systems, where runs hold fewer
    of one they are trained; 0 for three, or one in smoke. Cards of one network are about the seed that was given first.
    UserError if a run was made on other data, or a name is of no system or card.
    """
    require_one_target(bench.protocol.split, "an audit")
    runs = run_list(runs)
    for run in runs:
        shortcuts.check_run(bench, run)
    for name in retrain:
        systems.keywords(name)
    if seeds < 0:
        raise UserError(f"seeds={seeds}: must be 1 or more, or 0 for the usual number")
    kinds = _kinds(runs, retrain)
    check_names("card of an audit", only, kinds)
    wanted = set(only or kinds)
    started = time.perf_counter()
    if tune:
        heuristics = (*heuristics, (shortcuts.GRAPH_WALK, shortcuts.tune_graph_walk(bench)))
    baselines = []
    if wanted & (COMPARING if runs else COMPARING | {_kind(TEMPORAL_LEAKAGE)}):
        for name, settings in track(heuristics, "baselines", unit="systems", stages=True):
            baselines.append(bench.fit(name, **settings))
    seconds = {"baselines": round(time.perf_counter() - started, 2)}
    if wanted & COMPARING:
        runs = networks.with_seeds(bench, runs, seeds)
    measurements = _measurements(bench, runs, baselines, heuristics)
    measurements |= {f"{RETRAINED}{name}": partial(retraining_card, bench, name) for name in retrain}
    measurements = {name: m for name, m in measurements.items() if _kind(name) in wanted}
    cards = {}
    for name, measure in track(list(measurements.items()), "audit", unit="cards", stages=True):
        started = time.perf_counter()
        cards[name] = networks.name_seeds(gather_cards({name: measure}), _quoted(name, runs))
        seconds[name] = round(time.perf_counter() - started, 2)
    return Audit(bench, runs, baselines, cards, seconds)


def _kinds(runs: list[Run], retrain: Sequence[str]) -> list[str]:
    """The cards that an audit of these runs measures, by what is before the colon of their names, in reading order."""
    of_runs = (HISTORY_ABLATION, DECODING) if runs else ()
    return [*SECTIONS, *map(_kind, (*of_runs, TEMPORAL_LEAKAGE, *([RETRAINED] if retrain else [])))]


def _kind(name: str) -> str:
    """What is before the colon of a card's name."""
    return name.partition(":")[0]


def _quoted(name: str, runs: list[Run]) -> list[Run]:
    """The runs that a card quotes: all of them, or the first seed of the system in its name."""
    return runs if name in COMPARING else networks.by_label(runs).get(name.partition(": ")[2], [])[:1]


def _measurements(
    bench: Bench, runs: list[Run], baselines: list[Run], heuristics: shortcuts.Heuristics
) -> dict[str, Callable[[], Card]]:
    """How to measure each card, by its name, in reading order."""
    def ordered(section: Callable) -> Card:
        require_event_order(bench.split)
        return section(bench, runs, baselines)

    measurements = dict(zip(SECTIONS, (
        partial(sections.dataset_card, bench), partial(sections.published_counts_card, bench),
        partial(sections.graph_card, bench), partial(sections.features_card, bench),
        partial(sections.systems_card, runs, baselines), partial(sections.split_sensitivity_card, bench, heuristics),
        partial(ordered, sections.memorization_card), partial(ordered, sections.hard_subset_card),
        partial(sections.baseline_ablation_card, bench),
        partial(shortcuts.solvability_card, bench, runs, heuristics=heuristics),
    ), strict=True))  # fmt: skip
    first = [own[0] for own in networks.by_label(runs).values()]
    for run in first:
        measurements[f"{HISTORY_ABLATION}{run.label}"] = partial(shortcuts.history_ablation_card, bench, run)
        measurements[f"{DECODING}{run.label}"] = partial(decoding.decoding_card, run, seed=bench.seed)
    for run in first or [run for run in baselines if run.system == "item_transitions"]:
        measurements[f"{TEMPORAL_LEAKAGE}{run.label}"] = partial(sections.temporal_leakage_card, bench, run)
    return measurements

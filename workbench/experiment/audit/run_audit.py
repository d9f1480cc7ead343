"""The audit of a benchmark, and of systems trained on it: every diagnostic as a stored stage, and what it all says."""
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workbench import systems
from workbench.diagnose.data.branching import branching
from workbench.diagnose.data.data_card import data_card
from workbench.diagnose.data.event_order import ordered
from workbench.diagnose.data.predictability import predictability
from workbench.diagnose.shortcuts.feature_smoothness import smoothness
from workbench.diagnose.shortcuts.graph_distance import ring_coverage, transition_coverage
from workbench.diagnose.verdict.card import Card, gathered
from workbench.diagnose.verdict.rules import verdict
from workbench.diagnose.verdict.sentences import DECODING, MEMORY, RETRAINED, Sentence
from workbench.errors import UserError, unknown
from workbench.experiment.audit import decoding, sections, shortcuts
from workbench.experiment.audit.retraining import retrained
from workbench.experiment.bench import Bench, load_run
from workbench.experiment.run import Run
from workbench.progress import track

log = logging.getLogger("workbench")


@dataclass(frozen=True)
class Audit:
    """What was measured. runs: the trained systems; floors: what stands beside them. cards: by name, in reading order.
    seconds: what each took, and what stands beside the systems, next to nothing where it was stored."""

    bench: Bench
    runs: list[Run]
    floors: list[Run]
    cards: dict[str, Card]
    seconds: dict[str, float]

    @property
    def sentences(self) -> list[Sentence]:
        """What the cards allow to say."""
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
    UserError names the nearest system, or says what is counted and not trained, what folder is no run or what run is of
    other data; before anything is trained."""
    known = systems.names("*")
    for name in names:
        if not Path(name).is_dir() and name not in known:
            raise unknown("system", name, known)
        if name in known and systems.family(name) == "baselines":
            beside = ", ".join(dict(shortcuts.HEURISTICS))
            raise UserError(f"{name} is counted, not trained; name a trained system. Every audit has {beside}")
    saved = {name: load_run(name) for name in names if name not in known}
    for run in saved.values():
        shortcuts.check_run(bench, run)
    return [saved[name] if name in saved else bench.fit(name) for name in dict.fromkeys(names)]


def audit(
    bench: Bench, runs: list[Run] = (), *, heuristics: tuple = shortcuts.HEURISTICS, retrain: tuple = (),
    tune: bool = False,
) -> Audit:  # fmt: skip
    """Every diagnostic of a dataset under its protocol, and of trained systems on it. What cannot be measured says why.

    runs: of the same data and protocol. heuristics: (system, settings) whose best is held against the best run.
    retrain: names of systems that are trained anew on shorter and on shuffled histories, a training each. tune: choose
    graph_walk's settings on validation first, see `shortcuts.tuned`.
    UserError where a run is of other data, or a name is of no system.
    """
    for run in runs:
        shortcuts.check_run(bench, run)
    for name in retrain:
        systems.keywords(name)
    started = time.perf_counter()
    heuristics = (*heuristics, (shortcuts.WALK, shortcuts.tuned(bench))) if tune else heuristics
    floors = []
    for name, given in track(heuristics, "floors", unit="systems", stages=True):
        floors.append(bench.fit(name, **given))
    asked = _parts(bench, list(runs), floors, heuristics)
    asked |= {f"{RETRAINED}{name}": partial(retrained, bench, name) for name in retrain}
    cards, seconds = {}, {"floors": round(time.perf_counter() - started, 2)}
    for name, measure in track(list(asked.items()), "audit", unit="cards", stages=True):
        started = time.perf_counter()
        cards[name] = gathered({name: measure})
        seconds[name] = round(time.perf_counter() - started, 2)
    return Audit(bench, list(runs), floors, cards, seconds)


def _parts(bench: Bench, runs: list[Run], floors: list[Run], heuristics: tuple) -> dict[str, Callable[[], Card]]:
    split, seed = bench.split, bench.seed
    once = partial(sections.once, bench)
    asked = {
        "data": once("data", lambda: data_card(bench.dataset, split, seed=seed)),
        "published counts": lambda: sections.published(bench),
        "graph": once("graph", lambda: gathered({
            "ring coverage": lambda: ordered(split) or ring_coverage(split, seed=seed),
            "transition coverage": lambda: ordered(split) or transition_coverage(split, seed=seed),
            "branching": lambda: ordered(split) or branching(split, seed=seed),
            "predictability": lambda: ordered(split) or predictability(split, seed=seed),
        })),
        "features": once("features", lambda: smoothness(split, sections.texts(bench), seed=seed)),
        "systems": lambda: sections.systems_card(runs, floors),
        "splits": lambda: sections.splits(bench),
        "strata": lambda: ordered(split) or sections.strata_card(bench, runs, floors),
        "hard subset": lambda: ordered(split) or sections.hard_card(bench, runs, floors),
        "heuristic": lambda: sections.heuristic(bench),
        "shortcuts": lambda: shortcuts.solvability(bench, runs, heuristics=heuristics),
    }  # fmt: skip
    for run in runs:
        asked[f"{MEMORY}{run.label}"] = partial(shortcuts.memory, bench, run)
        asked[f"{DECODING}{run.label}"] = partial(decoding.decoding, run, seed=seed)
    for run in runs or [floor for floor in floors if floor.system == "item_transitions"]:
        asked[f"future of {run.label}"] = partial(sections.future, bench, run)
    return asked

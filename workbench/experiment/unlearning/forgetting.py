"""Ways to make a base forget, side by side: what they keep, what they still know, and how far they are from the oracle.
"""
import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workbench import systems
from workbench.arguments import public
from workbench.errors import UserError, unknown_name
from workbench.evaluate.intervals import estimate_difference
from workbench.evaluate.unlearning.forget_sets import Events, Users, event_cases, rows_to_forget
from workbench.evaluate.unlearning.probes import Distance, Probe, Said, ask, distance, make_probe, of_targets
from workbench.experiment.run import Run
from workbench.progress import Progress
from workbench.train.rng import named_rng

log = logging.getLogger("workbench")
ORACLE = "retrain"


class Way(NamedTuple):
    """A row of the table. system, changes: what forgets. oracle: the row that it would be if it had never seen the
    forgotten; an oracle is compared with itself of another seed, which is the null. around: the row whose recommender
    it serves, where it only serves one: it is not trained again then, and takes the seconds of that one."""

    system: str
    changes: dict = {}
    oracle: str = ORACLE
    around: str = ""


WAYS = {
    "untouched": Way("untouched"), ORACLE: Way("retrain"), "gradient_ascent": Way("gradient_ascent"),
    "finetune_rest": Way("finetune_rest"), "cure": Way("cure"),
    "cure, random groups": Way("cure", {"grouping": "random"}), "u_can": Way("u_can"),
    "u_can, other neurons": Way("u_can", {"permuted": True}),
    "cragru, full candidates": Way("cragru", {"candidates": "full"}, "cragru, retained candidates", "untouched"),
    "cragru, retained candidates": Way("cragru", {"candidates": "retained"}, around=ORACLE),
}  # fmt: skip
MEASURES = ("ranks", "lists", "scores")


@public
@dataclass(frozen=True)
class Forgetting:
    """Ways to forget users or events, on a base, each trained from the same seeds.

    users, events: a share to forget, the other 0, or lists of ids and of (user, item), as `rows_to_forget`. seeds: two
    or more, so that every oracle has another one beside it. ways: names of `WAYS`; those that a base is not made for
    are left out and said so. base_changes: fields of the recipe of all, such as {"epochs": 5}. UserError for an unknown
    way, one without its oracle, fewer seeds, or a share that cannot be.
    """

    bench: Any
    base: str = "sasrec"
    users: Users = 0.05
    events: Events = 0.0
    seeds: int = 2
    ways: tuple[str, ...] = tuple(WAYS)
    base_changes: dict = field(default_factory=dict)
    loaded: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in self.ways:
            if name not in WAYS:
                raise unknown_name("way to forget", name, WAYS)
            if lacking := {WAYS[name].oracle, WAYS[name].around or ORACLE} - {*self.ways}:
                raise UserError(f"{name} is measured by {', '.join(sorted(lacking))}: name it among the ways, too")
        if self.seeds < 2:
            raise UserError(f"seeds={self.seeds}: an oracle of another seed is the null of every measure, so give 2 or "
                            "more")  # fmt: skip
        if not len(self.rows):
            raise UserError("nothing is to be forgotten: give a share of users, or of events")

    @cached_property
    def rows(self) -> np.ndarray:
        """(n,) events of train to forget."""
        return rows_to_forget(self.bench.split, users=self.users, events=self.events)

    @cached_property
    def probe(self) -> Probe:
        """The cases that all are measured on, the same at every seed."""
        return make_probe(self.bench.split, self.rows, named_rng(0, "probed events"))

    @cached_property
    def possible(self) -> list[str]:
        """The ways that the base is made for; of the others the log says why not."""
        found = []
        for name in self.ways:
            way = WAYS[name]
            try:
                self.bench.build(way.system, base=self.base, users=self.users, events=self.events, **way.changes)
                found.append(name)
            except UserError as error:
                log.warning("left out: %s", error)
        return found

    def run(self, name: str, seed: int = 0) -> Run:
        """The run of a way from the bench's seed and `seed` more. UserError for an unknown way."""
        if name not in self.ways:
            raise unknown_name("way to forget", name, self.ways)
        way = WAYS[name]
        return self.seeded(seed).fit(way.system, base=self.base, users=self.users, events=self.events, **way.changes,
                                     **self.base_changes)  # fmt: skip

    def seeded(self, seed: int) -> Any:
        """The bench from its seed and `seed` more."""
        return self.bench if not seed else self.bench.variant(seed=self.bench.seed + seed)

    @cached_property
    def models(self) -> dict[tuple[str, int], Any]:
        """The recommender of each way and seed."""
        with Progress("forget", len(self.possible) * self.seeds, "runs", stages=True) as progress:
            found = {}
            for name in self.possible:
                for seed in range(self.seeds):
                    found[name, seed] = self.model(name, seed)
                    progress.step(note=f"{name}, seed {seed}")
        return found

    @cached_property
    def distances(self) -> dict[str, list[Distance]]:
        """Of each way, by seed, its distance to its oracle. An oracle's is to that of the next seed."""
        split = self.bench.split
        said: dict[tuple[str, int], Said] = {key: ask(model, self.probe, split) for key, model in self.models.items()}
        found: dict[str, list[Distance]] = {}
        for name, seed in self.models:
            oracle, other = WAYS[name].oracle, (seed + 1) % self.seeds
            truth = (oracle, other if oracle == name else seed)
            found.setdefault(name, []).append(distance(self.models[name, seed], said[name, seed], self.models[truth],
                                                       said[truth], said[oracle, other], self.probe))  # fmt: skip
        return found

    def table(self) -> pd.DataFrame:
        """A row a way, means over seeds.

        ndcg@10: of those who stay. difference, low, high: to its oracle, paired by case, 95 % over cases and seeds.
        membership: the area under the curve by which the forgotten are told from what was never learned, .5 where
        nothing is known; membership low, high: the mean bounds of its 95 % intervals over users. An oracle's is
        against that of the next seed, which is as good: it is .5 but for chance, whatever both know, and with two seeds
        .5 exactly. ranks, lists, scores: Kolmogorov-Smirnov distance of the ranks of the forgotten items, share of the
        items of the lists of those who stay, and Jensen-Shannon divergence of their scores, all to the oracle. null: of
        each, between oracles of two seeds. seconds: as a share of the oracle's.
        """
        rows, oracle_seconds = [], self._seconds(ORACLE)
        for name, each in self.distances.items():
            oracle = WAYS[name].oracle
            ndcg, truth = (np.stack([one.ndcg for one in self.distances[way]]) for way in (name, oracle))
            low, high = estimate_difference(ndcg, truth).interval() if name != oracle else (np.nan, np.nan)
            row = {"way": name, "ndcg@10": ndcg.mean(), "difference": ndcg.mean() - truth.mean(), "low": low,
                   "high": high, "membership": np.mean([one.auc.value for one in each]),
                   "membership low": np.mean([one.auc.low for one in each]),
                   "membership high": np.mean([one.auc.high for one in each])}  # fmt: skip
            for measure in MEASURES:
                row[measure] = np.mean([one._asdict()[measure] for one in each])
                row[f"{measure} null"] = np.mean([one._asdict()[measure] for one in self.distances[oracle]])
            rows.append(row | {"seconds": self._seconds(name) / oracle_seconds})
        frame = pd.DataFrame(rows).set_index("way")
        frame.attrs = {"base": self.base, "forgotten": len(self.rows), "cases": len(self.probe.retained.targets),
                       "seeds": self.seeds}  # fmt: skip
        return frame

    def users_forgotten(self, n: int = 30) -> list[int]:
        """n users who lose events, those with the most first."""
        counts = np.bincount(self.bench.split.train.rows()[self.rows])
        return np.argsort(-counts, kind="stable")[: min(n, int((counts > 0).sum()))].tolist()

    def known(self, user: int) -> pd.DataFrame:
        """What is still known of a user, by the bench's seed: a row for each forgotten event, its title and, a column a
        way, the place of its item among all, after the events before it. UserError for a user of whom nothing is
        forgotten."""
        train = self.bench.split.train
        rows = self.rows[train.rows()[self.rows] == user]
        if not len(rows):
            raise UserError(f"nothing of user {user} is forgotten; users_forgotten() lists some of whom something is")
        cases = event_cases(train, rows)
        places = {name: of_targets(self.model(name), cases)[0] for name in self.possible}
        return pd.DataFrame({"title": self.bench.dataset.titles(cases.targets), **places})

    def model(self, name: str, seed: int = 0) -> Any:
        """The recommender of a way and a seed."""
        way = WAYS[name]
        if (name, seed) not in self.loaded and way.around:
            built = systems.build(way.system, self.seeded(seed), base=self.base, users=self.users, events=self.events,
                                  **way.changes)  # fmt: skip
            self.loaded[name, seed] = built.serve(self.model(way.around, seed), self.bench.split.train, self.rows)
        elif (name, seed) not in self.loaded:
            self.loaded[name, seed] = self.run(name, seed).recommender()
        return self.loaded[name, seed]

    def _seconds(self, name: str) -> float:
        """Mean seconds that a way took, without training the base."""
        name = WAYS[name].around or name
        return float(np.mean([self.run(name, seed).info["seconds"]["fit"] for seed in range(self.seeds)]))

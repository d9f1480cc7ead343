"""Systems that work on another one, as recommenders: a base that is trained on what is selected, or made to forget."""
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable

import numpy as np

from workbench.errors import UserError
from workbench.evaluate.unlearning.forget_sets import Events, Users, rows_to_forget, whole_users, without
from workbench.interfaces import Recommendations, Recommender
from workbench.verb_interfaces import Selector, Unlearner

ROWS = "selected_rows"  # of the state, beside what the base learned


class OnSelected:
    """An `interfaces.Recommender`: a base, trained on the events of train that a selector chooses.

    base, settings: a system and keywords of its build(). share: of the events of train, how many at most.
    """

    def __init__(self, bench: Any, selector: Selector, base: str, settings: dict, *, share: float):
        if not 0 < share <= 1:
            raise UserError(f"share={share} is the part of the train events to select: above 0 and at most 1")
        self.budget = round(share * len(bench.split.train.items))
        if not self.budget:
            raise UserError(f"share={share} of {len(bench.split.train.items):,} train events is none: give a larger")
        self.bench, self.selector = bench, selector
        self.base, self.settings = base, settings
        self.model: Recommender = bench.build(base, **settings)  # so that what it draws on is part of the key
        self.rows = np.zeros(0, np.int64)

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Select, then train the base anew. Returns its learning curve. UserError for rows that are no selection."""
        rows = self.selector.select(split, self.budget, session)
        self.rows = checked_rows(rows, n=len(split.train.items), budget=self.budget)
        return self._build().fit(self._bench.split, session)

    def recommend(self, histories: Any, k: int, exclude: Any = None) -> Recommendations:
        """The k best items, by the base."""
        return self.model.recommend(histories, k, exclude)

    def state(self) -> dict[str, np.ndarray]:
        """What the base learned, and from which events."""
        return self.model.state() | {ROWS: self.rows}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore a base, which stands on vectors and codes of the same events."""
        self.rows = np.asarray(state[ROWS])
        self._build().load_state({name: array for name, array in state.items() if name != ROWS})

    def _build(self) -> Recommender:
        """A new base, made of nothing but the selected events: its vectors, codes and teachers too."""
        train = self.bench.split.train
        self._bench = self.bench
        if len(self.rows) < len(train.items):
            keep = np.isin(np.arange(len(train.items)), self.rows)
            self._bench = self.bench.variant(train=keep, label="selected")
        self.model = self._bench.build(self.base, **self.settings)
        return self.model


class Unlearned:
    """An `interfaces.Recommender`: a trained base that an unlearner makes forget some events of train.

    base, settings: as `OnSelected`. users, events: a share of them, or which, as `forget_sets.rows_to_forget`. rows:
    (n,) the events to forget. forgotten: how many users lose all their events. single: those of the rows whose users
    keep others; they are left out of the histories that are given, too: nobody has them any more.
    """

    def __init__(self, bench: Any, unlearner: Unlearner, base: str, settings: dict, *, users: Users, events: Events):
        self.rows, train = rows_to_forget(bench.split, users=users, events=events), bench.split.train
        gone = whole_users(train, self.rows)
        self.forgotten, self.events = len(gone), len(self.rows)
        self.single = self.rows[~np.isin(train.rows()[self.rows], gone)]
        self.bench, self.unlearner, self.base, self.settings = bench, unlearner, base, settings
        self.model: Recommender = bench.build(base, **settings)
        self.served = self.model

    def fit(self, split: Any, session: Any) -> list[dict]:
        """Train the base on everything, unless that is stored, and make it forget. Returns the curve of the latter."""
        model = teacher(self.bench, self.base, self.settings, session.recipe).recommender()
        self.model = self.unlearner.forget(model, split, self.rows, session)
        self._serve()
        return self.unlearner.curve

    def recommend(self, histories: Any, k: int, exclude: Any = None) -> Recommendations:
        """The k best items, by what is left of the base, for what is left of the histories."""
        if len(self.single):
            histories = without(histories, self.bench.split.train, self.single)
        return self.served.recommend(histories, k, exclude)

    def state(self) -> dict[str, np.ndarray]:
        """The state of the base."""
        return self.model.state()

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore the base, built on the events that `forget` built it on."""
        if isinstance(self.unlearner, Rebuilds):
            self.model = self.unlearner.rebuilt(self.model, self.rows)
        self.model.load_state(state)
        self._serve()

    def _serve(self) -> None:
        self.served = self.model
        if isinstance(self.unlearner, Serves):
            self.served = self.unlearner.serve(self.model, self.bench.split.train, self.rows)


@runtime_checkable
class Rebuilds(Protocol):
    """Optional capability of an unlearner: what it gives is built on what is left, and so are its vectors and graphs.
    """

    def rebuilt(self, model: Recommender, rows: np.ndarray) -> Recommender:
        """What `forget` gives, untrained, in the place of a base built on all of train. rows: (n,) events, forgotten.
        """


@runtime_checkable
class Serves(Protocol):
    """Optional capability of an unlearner: what is served is not the base alone."""

    def serve(self, model: Recommender, train: Any, rows: np.ndarray) -> Recommender:
        """The recommender that answers, around what is left of a base. rows: (n,) events of train, forgotten."""


def inner(recommender: Any) -> Any:
    """The base that a system works on, with all its capabilities; any other recommender is itself."""
    if isinstance(recommender, Unlearned):
        return recommender.served
    return recommender.model if isinstance(recommender, OnSelected) else recommender


def teacher(bench: Any, base: str, settings: dict, recipe: Any) -> Any:
    """The run of a base on all of train, by the recipe of the run that it is for."""
    values = {name: value for name, value in asdict(recipe).items() if name != "sizes"}
    return bench.teacher(base, **values | settings)


def checked_rows(rows: Any, *, n: int, budget: int) -> np.ndarray:
    """Selected rows, sorted: distinct ones of n events, from one to a budget. UserError otherwise."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise UserError(f"select() returns rows of train, (n,) int; given {rows.shape} {rows.dtype}")
    if not 0 < len(rows) <= budget:
        raise UserError(f"select() returned {len(rows):,} of {n:,} train events; its budget is {budget:,}, and one is "
                        "the least")  # fmt: skip
    if rows.min() < 0 or rows.max() >= n or len(np.unique(rows)) < len(rows):
        raise UserError(f"select() returned rows that are outside 0..{n - 1:,}, or one twice")
    return np.sort(rows).astype(np.int64)

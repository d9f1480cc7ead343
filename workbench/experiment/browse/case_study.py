"""Single test cases: what the train graph and the item vectors say of them, and what runs answer, with as much of the
history as somebody wants to give."""
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.data.graph import distances
from workbench.diagnose.shortcuts.graph_distance import path
from workbench.errors import UserError, whole
from workbench.experiment.audit.shortcuts import check_run
from workbench.experiment.bench import Bench
from workbench.experiment.browse.item_index import Shelf
from workbench.experiment.run import Run

DEPTH = 3  # rings


@dataclass(frozen=True)
class Cases:
    """The test cases of a bench, by row, and the runs that answered them. labels: (C,) text, a stratum each, or None.
    UserError where a run is of other data or another protocol."""

    bench: Bench
    runs: list[Run]
    labels: np.ndarray | None = None
    loaded: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.runs, list | tuple) or not all(isinstance(run, Run) for run in self.runs):
            raise UserError(f"runs is a list of runs, such as [bench.fit('popularity')]; given {self.runs!r}")
        for run in self.runs:
            check_run(self.bench, run)

    @cached_property
    def shelf(self) -> Shelf:
        """The items, and what train and their texts say of them."""
        return Shelf(self.bench)

    @property
    def follows(self) -> csr_matrix:
        """(I+1, I+1) how often one item directly followed another in train."""
        return self.shelf.follows

    @property
    def vectors(self) -> np.ndarray | None:
        """(I+1, D) unit rows of item texts, None where there are none."""
        return self.shelf.vectors

    @cached_property
    def named(self) -> dict[str, Run]:
        """The runs by label, with the seed where two share one. UserError where that does not tell them apart."""
        labels = [run.label for run in self.runs]
        names = [f"{name}, seed {run.info['seed']}" if labels.count(name) > 1 else name
                 for name, run in zip(labels, self.runs)]  # fmt: skip
        if twice := {name for name in names if names.count(name) > 1}:
            raise UserError(f"{min(twice)} is given twice: two columns would have one name")
        return dict(zip(names, self.runs))

    def of(self, stratum: str = "") -> np.ndarray:
        """The rows of a stratum; all where it is empty. UserError where there is no such stratum."""
        if not stratum:
            return np.arange(len(self.bench.split.test.targets))
        if self.labels is None or stratum not in self.labels:
            raise UserError(f"no test case is of the stratum {stratum!r}")
        return np.flatnonzero(self.labels == stratum)

    def history(self, row: int, length: int = 0) -> Histories:
        """The history of a case, its last `length` events, all where that is 0."""
        last = len(self.bench.split.test.targets) - 1
        if not whole(row, 0, last):
            raise UserError(f"case {row!r}: there are cases 0 to {last}")
        if not whole(length, 0):
            raise UserError(f"length={length!r}: how many events are read, a whole number; 0 for all")
        found = self.bench.split.test.histories.take(np.array([row]))
        return found.last(length) if length else found

    def target(self, row: int) -> int:
        """The item that came next."""
        return int(self.bench.split.test.targets[row])

    def way(self, row: int) -> list[int]:
        """The shortest way in the train graph from the last item to the one that came next; [] where there is none."""
        return path(self.follows, int(self.history(row).items[-1]), self.target(row), depth=DEPTH)

    def rings(self, row: int) -> pd.DataFrame:
        """All items but the last one of the history, by item: ring (4: farther than three edges), follows (how often in
        train right after the last item), likeness (cosine of texts, NaN without)."""
        last = int(self.history(row).items[-1])
        steps = distances(self.follows, np.array([last]), DEPTH)[0].astype(int)
        steps[last] = 1 if self.follows[last, last] else steps[last]
        count = self.follows[last].toarray()[0]
        like = np.full(len(steps), np.nan) if self.vectors is None else self.vectors @ self.vectors[last]
        frame = pd.DataFrame({"ring": steps, "follows": count, "likeness": like}).rename_axis("item")
        return frame[(frame["ring"] > 0) & (frame.index > 0)]

    def answers(self, row: int, *, length: int = 0, k: int = 10) -> pd.DataFrame:
        """(k, runs) items that each run recommends after the last `length` events. What was read may be masked by the
        protocol: always the whole history, so that a shorter one is asked the same question."""
        read, known = self.history(row, length), self.history(row)
        found = {}
        for name, run in self.named.items():
            recommender = self.loaded.setdefault(run.folder, None) or run.recommender()
            self.loaded[run.folder] = recommender
            exclude = known if self.bench.protocol.mask_history else None
            found[name] = recommender.recommend(read, k, exclude).items[0]
        return pd.DataFrame(found, index=pd.RangeIndex(1, k + 1, name="place"))

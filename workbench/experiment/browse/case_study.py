"""Single test cases: the distance from the last item to the target, and what each run recommends after a history of
any length."""
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.arguments import public
from workbench.data import Histories
from workbench.data.graph import hop_distances
from workbench.data.protocol import require_one_target
from workbench.diagnose.shortcuts.graph_distance import widest_shortest_path
from workbench.errors import UserError, check_names, is_integer
from workbench.experiment.audit.sections import generalization_kinds
from workbench.experiment.audit.shortcuts import check_run
from workbench.experiment.bench import Bench
from workbench.experiment.browse.history_changes import HistoryChanges
from workbench.experiment.browse.item_index import ItemIndex
from workbench.experiment.run import Run, run_list
from workbench.interfaces import Recommender

MAX_HOPS = 3  # of the shortest paths that are searched for


@public
@dataclass(frozen=True)
class CaseStudy:
    """The test cases of a bench, by row, with the runs whose recommendations are compared.

    strata: (C,) the stratum of each case as text, or None. recommenders: those loaded so far, by folder of the run.
    UserError if a run was made on other data or under another protocol.
    """

    bench: Bench
    runs: list[Run]
    strata: np.ndarray | None = None
    recommenders: dict[Path, Recommender] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        require_one_target(self.bench.protocol.split, "the inspection of single cases")
        for run in run_list(self.runs):
            check_run(self.bench, run)

    @cached_property
    def item_index(self) -> ItemIndex:
        """The items, with titles and train statistics."""
        return ItemIndex(self.bench)

    @property
    def transition_counts(self) -> csr_matrix:
        """(I+1, I+1): entry (i, j) counts how often item j directly followed item i in train."""
        return self.item_index.transition_counts

    @property
    def text_vectors(self) -> np.ndarray | None:
        """(I+1, D) item text vectors of unit length, None where items have no text."""
        return self.item_index.text_vectors

    @cached_property
    def runs_by_label(self) -> dict[str, Run]:
        """The runs by label, with the seed where two runs share one. UserError if two runs are still alike."""
        labels = [run.label for run in self.runs]
        names = [f"{name}, seed {run.info['seed']}" if labels.count(name) > 1 else name
                 for name, run in zip(labels, self.runs)]  # fmt: skip
        if duplicates := {name for name in names if names.count(name) > 1}:
            raise UserError(f"{min(duplicates)} is given twice: two columns would have one name")
        return dict(zip(names, self.runs))

    def rows_of_stratum(self, stratum: str = "") -> np.ndarray:
        """(n,) the rows of the cases of a stratum, all rows without one. UserError if there is no such stratum."""
        if not stratum:
            return np.arange(len(self.bench.split.test.targets))
        if self.strata is None or stratum not in self.strata:
            raise UserError(f"no test case is of the stratum {stratum!r}")
        return np.flatnonzero(self.strata == stratum)

    def history(self, row: int, length: int = 0) -> Histories:
        """The history of a case, or its last `length` events. UserError if there is no such row or length."""
        last = len(self.bench.split.test.targets) - 1
        if not is_integer(row, 0, last):
            raise UserError(f"case {row!r}: there are cases 0 to {last}")
        if not is_integer(length, 0):
            raise UserError(f"length={length!r}: how many events are read, a whole number; 0 for all")
        history = self.bench.split.test.histories.take(np.array([row]))
        return history.last(length) if length else history

    def target(self, row: int) -> int:
        """The held-out item of a case."""
        return int(self.bench.split.test.targets[row])

    def shortest_path(self, row: int) -> list[int]:
        """The items of the shortest path in the train graph from the last item to the target, both included; of equally
        short paths the one whose rarest transition is most frequent. [] if the target is farther than MAX_HOPS."""
        last = int(self.history(row).items[-1])
        return widest_shortest_path(self.transition_counts, last, self.target(row), depth=MAX_HOPS)

    def distances(self, row: int) -> pd.DataFrame:
        """Every other item's distance from the last item of a case, by item: hops in the train graph (4: more than 3),
        transitions (times it directly followed the last item in train), similarity (cosine of texts, NaN without)."""
        last = int(self.history(row).items[-1])
        hops = hop_distances(self.transition_counts, np.array([last]), MAX_HOPS)[0].astype(int)
        hops[last] = 1 if self.transition_counts[last, last] else hops[last]
        counts, vectors = self.transition_counts[last].toarray()[0], self.text_vectors
        similarity = np.full(len(hops), np.nan) if vectors is None else vectors @ vectors[last]
        table = pd.DataFrame({"hops": hops, "transitions": counts, "similarity": similarity}).rename_axis("item")
        return table[(table["hops"] > 0) & (table.index > 0)]

    def recommendations(self, row: int, *, length: int = 0, k: int = 10) -> pd.DataFrame:
        """(k, runs) top-k items of each run, by rank, after the last `length` events of a history (0: all). A protocol
        that masks the history masks all of it, whatever the length, so that the candidates stay the same."""
        history = self.history(row, length)
        masked = self.history(row) if self.bench.protocol.mask_history else None
        top_k = {name: self._recommender(name).recommend(history, k, masked).items[0] for name in self.runs_by_label}
        return pd.DataFrame(top_k, index=pd.RangeIndex(1, k + 1, name="rank"))

    def changes(self, row: int, run: str = "", *, k: int = 10) -> HistoryChanges:
        """What the list of a run becomes when the history of a case is changed: times stretched, events left out or in
        another order. run: its label, the first run if empty. UserError for an unknown one, or without runs."""
        if not self.runs_by_label:
            raise UserError("there is no run whose lists could change: inspect_cases(bench, [run])")
        name = run or next(iter(self.runs_by_label))
        check_names("run", [name], self.runs_by_label)
        return HistoryChanges(self._recommender(name), self.history(row), self.target(row), self.bench.dataset,
                              self.bench.protocol.mask_history, k=k)  # fmt: skip

    def _recommender(self, name: str) -> Recommender:
        """The recommender of a run by label, loaded once."""
        run = self.runs_by_label[name]
        if run.folder not in self.recommenders:
            self.recommenders[run.folder] = run.recommender()
        return self.recommenders[run.folder]


def inspect_cases(bench: Bench, runs: Sequence[Run] = (), *, by_kind: bool = False) -> CaseStudy:
    """Inspect single test cases and compare what runs recommend: `inspect_cases(bench, runs).recommendations(0)`.

    by_kind: whether to stratify the cases by what they ask for: a transition seen in train (memorised), one that can be
    composed of several (symmetry, transitivity, ...), or neither (rest). UserError as `CaseStudy`.
    """
    return CaseStudy(bench, run_list(runs), strata=generalization_kinds(bench) if by_kind else None)

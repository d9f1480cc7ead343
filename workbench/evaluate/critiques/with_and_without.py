"""One recommender on the same cases with what was said and with nothing said: the worth of a hint of the target.

A critique is written with the next item in sight. Figures with critiques are an upper figure under an oracle's hint;
beside figures of systems that read none stand those of the same recommender without them.
"""
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from workbench.data import Cases, Histories, Split
from workbench.errors import UserError
from workbench.evaluate.evaluation import Evaluation, evaluate
from workbench.interfaces import Recommender


class Hint(NamedTuple):
    """said, unsaid: evaluations of the C cases with critiques and with none. asked: (C,) bool, whether something was
    said after the last event of a case."""

    said: Evaluation
    unsaid: Evaluation
    asked: np.ndarray

    def rows(self, metric: str = "ndcg@10") -> dict[str, float]:
        """The mean metric of all cases with and without critiques, and of the cases where something was said last. NaN
        for those where there are none."""
        said, unsaid = self.said.per_case(metric), self.unsaid.per_case(metric)
        among = {" where asked": self.asked} if self.asked.any() else {}
        found = {"cases": float(len(said)), "asked": float(self.asked.mean())}
        for name, mask in ({"": np.ones(len(said), bool)} | among).items():
            found |= {f"with critiques, which know the target{name}": float(said[mask].mean()),
                      f"without critiques{name}": float(unsaid[mask].mean())}  # fmt: skip
        return found


def with_and_without(
    recommender: Recommender, cases: Cases, split: Split, *, column: str = "critique", everywhere: bool = False
) -> Hint:
    """Both evaluations. column: of the numbers of critiques, 0 for none. everywhere: whether all critiques of a history
    are left out, instead of the last one alone, which is the one about the target. UserError without that column."""
    said = cases.histories.columns.get(column)
    if said is None:
        raise UserError(f"the histories have no column {column!r} of critiques", code=3)
    last = cases.histories.offsets[1:] - 1
    asked = np.where(cases.histories.lengths > 0, said[np.maximum(last, 0)] > 0, False)
    silent = cases._replace(histories=without(cases.histories, column, everywhere=everywhere))
    return Hint(*(evaluate(recommender, each, split, quiet=True) for each in (cases, silent)), asked)


def without(histories: Histories, column: str, *, everywhere: bool = False) -> Histories:
    """The histories with 0 in a column at the last event of each, or everywhere."""
    values = histories.columns[column].copy()
    values[slice(None) if everywhere else histories.offsets[1:][histories.lengths > 0] - 1] = 0
    return replace(histories, columns={**histories.columns, column: values})

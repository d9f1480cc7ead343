"""How a run of a prescriber is made: train it fold by fold, then measure the set of every visit."""
from pathlib import Path
from typing import Any

import numpy as np

from workbench.evaluate.sets.cases import Cases, evaluate_sets, validation
from workbench.experiment.online.measured import Measured, measured_run
from workbench.set_interfaces import Prescriber
from workbench.train import Recipe


def prescribe_run(
    bench: Any, inputs: dict, recipe: Recipe, prescriber: Prescriber, folder: Path, *, about: dict | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Train and evaluate a prescriber, and write the files of a run, as `training.train_run`. A case is a visit, in
    order of user and time, so runs are paired by visit. UserError as `evaluate_sets`."""

    def evaluate() -> Measured:
        cases = prescriber.cases
        return Measured(evaluate_sets(prescriber), len(cases.visits), {"visits": described(cases)})

    measured_run(bench, inputs, recipe, prescriber, folder, validate=validation, evaluate=evaluate, about=about,
                 command=command)  # fmt: skip


def described(cases: Cases) -> dict[str, Any]:
    """What metrics.json says of the visits: users, folds, later visits, and what of the test visits no train visit
    of their fold has, codes and items."""
    visits = cases.visits
    unknown = {kind: sum(_unseen(matrix, fold) for fold in cases.folds) for kind, matrix in visits.codes.items()}
    return {"users": len(np.unique(visits.users)), "folds": len(cases.folds), "later": int((visits.position > 0).sum()),
            "without_codes": visits.without_codes, "outside_the_vocabulary": unknown | {
                "items": sum(_unseen(visits.sets, fold) for fold in cases.folds)}}  # fmt: skip


def _unseen(matrix: Any, fold: Any) -> int:
    """How many codes of the test visits of a fold, counted at each visit, are at none of its train visits."""
    known = np.zeros(matrix.shape[1], bool)
    known[matrix[fold.train].indices] = True
    return int((~known[matrix[fold.test].indices]).sum())

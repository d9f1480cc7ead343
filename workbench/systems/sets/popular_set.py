"""Popular set: prescribes to everybody the items that most visits have.

Paper     None; the simplest rule for sets.
Idea      The same set for every visit: items in more than some share of the train visits.
Claim     Stands for one set for all visits: what reads the visit, or those before it, must prescribe better.
Differs   The share above which an item is prescribed is chosen on the validation visits of each fold.
Reported  Nothing.
"""
import numpy as np

from workbench.evaluate.sets.cases import cases_of
from workbench.recommenders.sets.cross_fitted import CrossFitted
from workbench.recommenders.sets.rules import Rule, shares
from workbench.train import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(monitor="jaccard")


def build(bench, *, folds=5):
    """folds: parts of the users, each tested once. UserError as `cases_of`."""
    cases = cases_of(bench, folds=folds)

    def make(fold):
        return Rule(cases.visits, fold, lambda rows: {"share": shares(cases.visits, rows)},
                    lambda learned, rows: np.tile(learned["share"], (len(rows), 1)))  # fmt: skip

    return CrossFitted(cases, make)

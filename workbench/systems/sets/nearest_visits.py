"""Nearest visits: prescribes what the train visits with the most similar codes were prescribed.

Paper     None; k nearest neighbours (Cover and Hart, IEEE TIT 13, 1967) on the current codes.
Idea      Visits with the same diagnoses and procedures get the same items.
Equation  score = sum over the k nearest of cos(x, x_j) set_j / sum of cos(x, x_j), x = codes * log(n / n_c)
Claim     Stands for codes without training: they tell what is prescribed better than one set for all visits
          (popular_set). A network that reads visits (visit_net, leader) must beat it.
Differs   The score above which an item is prescribed is chosen on the validation visits of each fold. Where the data
          have no codes, the last set and the profile are compared; a visit like no other gets the popular set.
Reported  Nothing.
"""
import numpy as np

from workbench.errors import UserError
from workbench.evaluate.sets.cases import cases_of, dense
from workbench.recommenders.sets.cross_fitted import CrossFitted
from workbench.recommenders.sets.rules import Rule, features, shares, weighted
from workbench.train import Recipe

PARENT = OFF = PLACEBO = None
RECIPE = Recipe(monitor="jaccard")


def build(bench, *, folds=5, k=15):
    """folds: parts of the users, each tested once. k: neighbours. UserError as `cases_of`, and for k below 1."""
    if k < 1:
        raise UserError(f"nearest_visits: {k=} neighbours, 1 or more")
    cases = cases_of(bench, folds=folds)
    visits = cases.visits

    def learn(rows):
        counts = np.asarray(features(visits, rows).astype(bool).sum(axis=0)).ravel()
        return {"idf": np.log(len(rows) / np.maximum(counts, 1)) * (counts > 0), "share": shares(visits, rows)}

    def make(fold):
        def score(learned, rows):
            known, asked = (weighted(features(visits, each), learned["idf"]) for each in (fold.train, rows))
            likeness = (asked @ known.T).toarray()
            near = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
            weight = np.take_along_axis(likeness, near, 1)
            scores = np.tile(learned["share"], (len(rows), 1))
            for row in np.flatnonzero(weight.sum(axis=1) > 0):
                scores[row] = weight[row] @ dense(visits, fold.train[near[row]]) / weight[row].sum()
            return scores.clip(0, 1)

        return Rule(visits, fold, learn, score)

    return CrossFitted(cases, make)

"""Hits within lists of candidates that a dataset gives, such as the prompts of twenty of `lastfm-cans20`."""
import numpy as np
import pandas as pd

from workbench.data import Cases
from workbench.errors import UserError
from workbench.interfaces import Scorer


def hits_within(
    recommender: Scorer, cases: Cases, candidates: pd.DataFrame, *, k: int = 1, batch: int = 512
) -> np.ndarray:
    """(C,) the chance that the target of a case is among the k of highest score of its user's candidates, ties broken
    at random; not comparable with a hit rate of full ranking.

    candidates: (user, item) of the table. UserError where a case has several targets, or its target is no candidate of
    its user.
    """
    if cases.offsets is not None and (np.diff(cases.offsets) > 1).any():
        raise UserError("hits within given lists are of one target a case; here are sets of targets")
    users, targets = cases.histories.users, cases.targets
    order = candidates.sort_values("user", kind="stable")
    owner, items = order["user"].to_numpy(), order["item"].to_numpy()
    start, end = np.searchsorted(owner, users, "left"), np.searchsorted(owner, users, "right")
    found = np.zeros(len(targets))
    for first in range(0, len(targets), batch):
        rows = np.arange(first, min(first + batch, len(targets)))
        scores = recommender.score(cases.histories.take(rows))
        n = (end - start)[rows]
        of = np.repeat(np.arange(len(rows)), n)
        mine = items[start[rows][of] + np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)]
        own = scores[np.arange(len(rows)), targets[rows]]
        given, is_target = scores[of, mine], mine == targets[rows][of]
        missing = np.bincount(of[is_target], minlength=len(rows)) == 0
        if missing.any():
            raise UserError(f"user {int(users[rows[missing][0]])}: the target is not among the candidates of its user")
        above = np.bincount(of, given > own[of], minlength=len(rows))
        tied = np.bincount(of, given == own[of], minlength=len(rows))  # with the target itself
        found[rows] = np.clip((k - above) / tied, 0, 1)
    return found

"""Ratings of a log: which column holds them, and which events a least rating keeps."""
import logging
import re

import numpy as np
import pandas as pd

from workbench.errors import UserError

log = logging.getLogger("workbench")
NAMES = ("rating", "ratings", "stars", "score", "overall", "feedback", "label", "reviewoverall", "like", "liked")


def rating_column(columns: list[str]) -> str | None:
    """The column that is called as ratings are, most likely first; None where there is none."""
    by_letters = {re.sub(r"[^a-z]", "", name.partition(":")[0].lower()): name for name in reversed(columns)}
    return next((by_letters[name] for name in NAMES if name in by_letters), None)


def as_numbers(ratings: pd.Categorical | np.ndarray) -> np.ndarray:
    """(n,) float64 of a column of numbers or of texts, NaN where a text is no number."""
    if not isinstance(ratings, pd.Categorical):
        return np.asarray(ratings, np.float64)
    return pd.to_numeric(pd.Series(ratings.categories), errors="coerce").to_numpy(np.float64)[ratings.codes]


def kept_ratings(where: str, ratings: np.ndarray, least: float | None) -> np.ndarray | None:
    """(n,) bool: which events have a rating of at least `least`; None for all.

    Without `least` a warning says how many ratings of 0 or less stand beside positive ones. UserError (code 3) where no
    event is kept.
    """
    if least is None:
        low = ratings <= 0
        if low.any() and (ratings > 0).any():
            log.warning("%s: %d of %d rows have a rating of 0 or less (such as %g) and count like all others; "
                        "min_rating=%g leaves them out", where, low.sum(), len(ratings), ratings[low][0],
                        ratings[ratings > 0].min())  # fmt: skip
        return None
    kept = ratings >= least
    if not kept.any():
        raise UserError(f"{where}: no row has a rating of at least min_rating={least:g}; the highest is "
                        f"{np.nanmax(ratings, initial=-np.inf):g}", code=3)  # fmt: skip
    log.info("%s: %d of %d rows have a rating of at least %g and are kept", where, kept.sum(), len(kept), least)
    return kept

"""What random items among the events of test histories, such as accidental clicks, cost a recommender."""
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.data import Cases, Split
from workbench.errors import UserError
from workbench.evaluate.evaluation import evaluate
from workbench.evaluate.intervals import estimate_difference
from workbench.interfaces import Recommender
from workbench.train.rng import named_rng


def with_noise(cases: Cases, n_items: int, share: float, rng: np.random.Generator) -> Cases:
    """The cases with random items put into their histories: of each, `share` of its length, rounded up, at random
    places, the end among them. No item put in is a target of its case, which an excluded history would take off the
    list. Other columns, such as timestamps, are those of the event before. UserError for a share that is not positive.
    """
    if not share > 0:
        raise UserError(f"share={share} of a history's length is put in as random items; give a number above 0")
    histories, lengths = cases.histories, cases.histories.lengths
    count = np.ceil(share * lengths - 1e-9).astype(np.int64)
    row = np.repeat(np.arange(len(histories)), count)
    place = rng.random(len(row)) * (lengths[row] + 1)  # after so many events of its history
    items = rng.integers(1, n_items + 1, len(row))
    pairs = cases.rows() * (n_items + 1) + cases.targets
    items = np.where(np.isin(row * (n_items + 1) + items, pairs), items % n_items + 1, items)
    own = np.arange(len(histories.items))
    rows = np.concatenate([histories.rows(), row])
    before = histories.offsets[row] + np.maximum(place.astype(np.int64) - 1, 0)
    places = np.concatenate([own - histories.offsets[:-1][histories.rows()] + 1.0, place])
    order = np.lexsort((places, rows))
    offsets = np.concatenate([[0], np.cumsum(lengths + count)])
    noised = histories.select(offsets, histories.users, np.concatenate([own, before])[order])
    chosen = np.concatenate([histories.items, items])[order].astype(histories.items.dtype)
    return cases._replace(histories=replace(noised, items=chosen))


def clean_and_noised(
    recommender: Recommender, split: Split, *, share: float = 0.2, seed: int = 0, metric: str = "ndcg@10"
) -> np.ndarray:
    """(2, C) the metric of each test case as it is, and with noise of a seed in its history (see `with_noise`)."""
    noised = with_noise(split.test, split.n_items, share, named_rng(seed, "noise", share))
    both = [evaluate(recommender, cases, split, quiet=True) for cases in (split.test, noised)]
    return np.stack([each.per_case(metric) for each in both])


def noise_drop(
    recommenders: Mapping[str, Sequence[Recommender]], split: Split, *, share: float = 0.2, seed: int = 0,
    metric: str = "ndcg@10",
) -> pd.DataFrame:  # fmt: skip
    """A row for each system by name, of recommenders one for each training seed: the metric of the test cases as they
    are (clean) and with the same noise for all (noised); drop, the share of the clean one that is lost; and how much
    less it loses than the first system, with the 95 % interval, paired by case."""
    first, rows = None, []
    for name, seeds in recommenders.items():
        found = [clean_and_noised(each, split, share=share, seed=seed, metric=metric) for each in seeds]
        both = np.stack(found, axis=1)  # (2, S, C)
        clean, noised = both.mean((1, 2))
        gained = both[1] - both[0]
        first = gained if first is None else first
        less = estimate_difference(gained, first)
        low, high = less.interval() if len(rows) else (np.nan, np.nan)
        rows.append({"system": name, "clean": clean, "noised": noised, "drop": 1 - noised / clean if clean else np.nan,
                     "loses less by": less.mean, "from": low, "to": high})  # fmt: skip
    return pd.DataFrame(rows)

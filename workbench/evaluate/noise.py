"""What random items among the events of test histories, such as accidental clicks, cost a recommender."""
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.data import Cases, Split
from workbench.errors import UserError
from workbench.evaluate.evaluation import evaluate
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


def noise_drop(
    recommenders: Mapping[str, Recommender], split: Split, *, share: float = 0.2, seed: int = 0,
    metric: str = "ndcg@10",
) -> pd.DataFrame:  # fmt: skip
    """A row for each recommender by name: the metric of the test cases as they are (clean) and with the same noise for
    all (noised, see `with_noise`), and drop, the share of the clean one that is lost."""
    noised = with_noise(split.test, split.n_items, share, named_rng(seed, "noise", share))
    rows = []
    for name, recommender in recommenders.items():
        scores = [
            float(evaluate(recommender, cases, split, quiet=True).per_case(metric).mean())
            for cases in (split.test, noised)
        ]
        lost = 1 - scores[1] / scores[0] if scores[0] else np.nan
        rows.append({"system": name, "clean": scores[0], "noised": scores[1], "drop": lost})
    return pd.DataFrame(rows)

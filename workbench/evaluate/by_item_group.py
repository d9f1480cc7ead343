"""Metrics by the group of the target, such as its domain: of full rankings, or of rankings within that group alone."""
import numpy as np
import pandas as pd

from workbench.data import Cases, Dataset, Split
from workbench.errors import UserError, unknown_name
from workbench.evaluate.compare import check_same_protocol
from workbench.evaluate.evaluated import evaluated_list
from workbench.evaluate.evaluation import Evaluation
from workbench.evaluate.intervals import mean_interval
from workbench.interfaces import Evaluated, Scorer


def item_groups(dataset: Dataset, column: str = "domain") -> np.ndarray:
    """(I+1,) text, the value of each item in a column of the item table, "" for none and in row 0. UserError for a
    column that it lacks."""
    if column not in dataset.items:
        raise unknown_name(f"column of the items of {dataset.name}", column, dataset.items.columns)
    return np.concatenate([[""], dataset.items[column].astype("string").fillna("").to_numpy(object)]).astype(str)


def per_case_by_item_group(run: Evaluated, split: Split, groups: np.ndarray, metric: str) -> dict[str, np.ndarray]:
    """Values of a metric for the cases of each group (I+1,) that has any, by the targets in it alone."""
    whole = Evaluation(run.ranks, run.groups, np.zeros(0), 0, split.test.offsets)
    of_target = groups[split.test.targets]
    return {str(name): whole.among(of_target == name).per_case(metric) for name in np.unique(of_target)}


def metrics_by_item_group(
    runs: list, split: Split, groups: np.ndarray, *, metric: str = "ndcg@10"
) -> pd.DataFrame:
    """One row for each system and group of items (I+1,): mean with low and high (95 %), cases and seeds.

    runs of one label are the seeds of one system, each on `split`; every target is ranked among all items. UserError
    if protocols differ.
    """
    runs = evaluated_list(runs, "metrics_by_item_group")
    check_same_protocol(runs)
    found: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for run in runs:
        for name, values in per_case_by_item_group(run, split, groups, metric).items():
            found.setdefault((run.label, name), {})[run.info["seed"]] = values
    rows = []
    for (system, group), seeds in found.items():
        values = np.stack(list(seeds.values()))  # (S, C)
        low, high = mean_interval(values)
        rows.append({"system": system, "group": group, "mean": values.mean(), "low": low, "high": high,
                     "cases": values.shape[1], "seeds": len(values)})  # fmt: skip
    return pd.DataFrame(rows).set_index(["system", "group"])


def ranks_within(
    recommender: Scorer, cases: Cases, groups: np.ndarray, *, masked: bool = False, batch: int = 256
) -> np.ndarray:
    """(N,) int64 1-based rank of each target among the items of its own group (I+1,), ties by lower id: what counts
    where a list is of one domain, and for a system that knows one alone.

    masked: without the items of its history; a target that is one of them has rank 0. UserError for a recommender
    without scores of all items.
    """
    if not isinstance(recommender, Scorer):
        raise UserError(f"{type(recommender).__name__} scores no items, so they cannot be ranked within their group")
    names, code = np.unique(groups, return_inverse=True)
    ranks, single = np.zeros(len(cases.targets), np.int64), cases.one_each()
    for index in single.histories.batches(batch):
        part = single.take(index)
        scores, rows = recommender.score(part.histories), np.arange(len(index))
        others = code != code[part.targets][:, None]  # (B, I+1)
        others[:, 0] = True
        if masked:
            others[part.histories.rows(), part.histories.items] = True
        own = scores[rows, part.targets][:, None]
        before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < part.targets[:, None]))
        ranks[index] = np.where(others[rows, part.targets], 0, 1 + (before & ~others).sum(1))
    return ranks

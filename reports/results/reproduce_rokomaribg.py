"""Reproduce rokomaribg.json: training-free baselines on Bangla books, 70/15/15 per user at random, under both joins.

    python reports/results/reproduce_rokomaribg.py

Full ranking to 50 places, train and validation masked. Beside them stand the figures that the authors' notebooks print
under a split of the same shares: of their seven baselines there are three here (no kNN over users, ALS, explicit SVD or
two-tower network). Copies: targets of which the user has another book of the same review group in train or validation.
Two minutes on one thread.
"""
import json
from pathlib import Path

import numpy as np

from workbench.artifacts import write_text
from workbench.data import Cases
from workbench.evaluate import evaluate
from workbench.evaluate.intervals import estimate_difference, mean_interval
from workbench.experiment import open_bench

FILE = Path(__file__).parent / "rokomaribg.json"
PROTOCOL = {"split": "ratio", "ratios": (0.7, 0.15, 0.15), "order": "random"}
METRICS = ("ndcg@10", "ndcg@50", "recall@10", "recall@50", "hit@10", "hit@50", "mrr@10")
SYSTEMS = (  # the decay of older events, which item_knn has by default, means nothing where events have no order
    ("popularity", {}), ("category_popularity", {}), ("category_popularity", {"permuted": True}),
    ("item_knn", {"decay": 1.0}),
)  # fmt: skip
PRINTED = {  # NDCG@10 in the notebooks
    "popularity": 0.0566, "category-aware popularity": 0.1401, "item-CF": 0.1092, "user-CF": 0.0659,
    "implicit ALS": 0.0347, "explicit SVD": 0.0019, "two-tower": 0.2637, "best neural model, by the abstract": 0.204,
}  # fmt: skip


def measure(join: str) -> dict:
    """Means with 95 % intervals over the test users of one join, and the paired difference to popularity in NDCG@10."""
    bench = open_bench("rokomaribg", profile="paper", protocol=PROTOCOL, options={"join": join})
    split, rows, popular = bench.split, {}, np.zeros(0)
    copies = has_copy(split.test, np.concatenate([[-1], bench.dataset.items["review_group"]]))
    for name, settings in SYSTEMS:
        run = bench.fit(name, **settings)
        evaluation = evaluate(run.recommender(), split.test, split, depth=50, quiet=True)
        ndcg = evaluation.per_case("ndcg@10")
        popular = popular if len(popular) else ndcg
        row = {metric: round(float(evaluation.per_case(metric).mean()), 5) for metric in METRICS}
        row |= {"ndcg@10 interval": _rounded(mean_interval(ndcg))}
        parts = {"copies": copies, "other targets": ~copies}
        row |= {f"ndcg@10 of {part}": round(float(evaluation.among(mask).per_case("ndcg@10").mean()), 5)
                for part, mask in parts.items() if mask.any()}  # fmt: skip
        if name != "popularity":
            estimate = estimate_difference(ndcg, popular)
            row |= {"over popularity": round(estimate.mean, 5), "interval": _rounded(estimate.interval())}
        rows[run.label] = row
        print(join, run.label, row)
    return {"data_hash": split.data_hash, "users": split.n_users, "items": split.n_items,
            "cases": len(split.test.histories), "targets": len(copies), "copies": round(float(copies.mean()), 4),
            "train events": len(split.train.items), "rows": rows}  # fmt: skip


def has_copy(cases: Cases, group: np.ndarray) -> np.ndarray:
    """(N,) bool: whether the history of a target's case has an item of its group. group: (I+1,)."""
    known, wanted = (rows * len(group) + group[items] for rows, items in (
        (cases.histories.rows(), cases.histories.items), (cases.rows(), cases.targets)))  # fmt: skip
    return np.isin(wanted, known)


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(value, 5) for value in interval]


def main() -> None:
    protocol = open_bench("rokomaribg", protocol=PROTOCOL).protocol.dict()
    joins = {join: measure(join) for join in ("pairs", "last-wins")}
    result = {"dataset": "rokomaribg", "protocol": protocol, "depth": 50, "joins": joins, "printed ndcg@10": PRINTED}
    write_text(FILE, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

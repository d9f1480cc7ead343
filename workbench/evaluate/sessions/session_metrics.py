"""MRR@100 and Recall@100 of next items in sessions, all together and by locale, as KDD Cup 2023 reports them."""
import numpy as np
import pandas as pd

from workbench.data import Cases, Split
from workbench.errors import UserError
from workbench.evaluate.evaluation import evaluate
from workbench.interfaces import Recommender

DEPTH = 100
METRICS = ("mrr@100", "recall@100")


def session_metrics(
    recommender: Recommender, cases: Cases, split: Split, groups: np.ndarray | None = None, *, depth: int = DEPTH
) -> pd.DataFrame:
    """Means of METRICS, with a depth other than 100 at that depth, and the number of cases; a row `all`, and one for
    each value of groups (U,), such as users["locale"], of the session's user. UserError for groups of another length.
    """
    found = evaluate(recommender, cases, split, depth=depth, quiet=True)
    names = [metric.replace("@100", f"@{depth}") for metric in METRICS]
    table = pd.DataFrame({name: found.per_case(name) for name in names})
    rows = {"all": table}
    if groups is not None:
        if len(groups) != split.n_users:
            raise UserError(f"groups has {len(groups):,} values, one for each of {split.n_users:,} sessions is needed")
        of = np.asarray(groups)[cases.histories.users]
        rows |= {str(name): table[of == name] for name in pd.unique(of)}
    return pd.DataFrame({name: {"cases": len(rows_of), **rows_of.mean()} for name, rows_of in rows.items()}).T

"""Users held out whole: nothing of them is in train, and a model ranks for them by the history that it is given."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import UserError
from workbench.evaluate.intervals import estimate_difference

TUNED = "tuned profiles"
ARMS = {
    TUNED: {}, "text as it is": {"tuned": False}, "tuned, text of other items": {"permuted": True},
    "random": {"vectors": "random", "tuned": False},
}  # fmt: skip


def without_users(bench: Any, share: float = 0.5) -> tuple[Any, np.ndarray]:
    """The bench without the train events of a random share of its users, and (C,) bool: which test cases are theirs.
    UserError for a share out of range."""
    if not 0 < share < 1:
        raise UserError(f"share={share} of the users is held out: give a number above 0 and below 1")
    train, test = bench.split.train, bench.split.test
    held = bench.rng("users held out").random(bench.split.n_users) < share
    variant = bench.variant(train=~held[train.users[train.rows()]], label=f"{share:g} of users held out")
    return variant, held[test.histories.users]


def held_out_table(
    bench: Any, *, share: float = 0.5, metrics: Sequence[str] = ("ndcg@10", "recall@20"), **settings: Any
) -> pd.DataFrame:  # fmt: skip
    """Metrics of easyrec's profiles alone on test cases of users who are in no train event, best first.

    Rows: the profiles tuned on the other users; the text as it is; the same tuning with the texts of other items;
    random vectors; and popularity among the other users. Columns: the metrics; "behind", how much less of the first
    metric than tuned profiles have, paired by case, and "low" and "high", its 95 % interval; the number of cases.
    settings: of easyrec, such as vectors="sentence". UserError as `without_users`.
    """
    variant, cases = without_users(bench, share)
    runs = {name: variant.fit("easyrec", alone=True, **settings | changes) for name, changes in ARMS.items()}
    values = {name: {metric: run.per_case(metric)[cases] for metric in metrics}
              for name, run in (runs | {"popularity": variant.fit("popularity")}).items()}  # fmt: skip
    rows = []
    for name, found in values.items():
        row = {"model": name} | {metric: found[metric].mean() for metric in metrics}
        if name != TUNED:
            behind = estimate_difference(values[TUNED][metrics[0]], found[metrics[0]])
            row |= {"behind": behind.mean} | dict(zip(("low", "high"), behind.interval()))
        rows.append(row | {"cases": int(cases.sum())})
    return pd.DataFrame(rows).set_index("model").sort_values(metrics[0], ascending=False, kind="stable")

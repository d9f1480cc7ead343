"""What is lost where a graph is pruned: LightGNN's choice of edges beside others, at equal shares."""
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench import systems
from workbench.recommenders.graphs.masked import kept_shares


def pruning_table(
    bench: Any, *, shares: Sequence[float] = (0.5, 0.8), kinds: Sequence[str] = (), metric: str = "ndcg@10",
    changes: dict | None = None,
) -> pd.DataFrame:  # fmt: skip
    """A row for each share of pruned edges and each way to choose them, of lightgnn on the test cases of a bench: the
    metric, what was kept, and lost, the share of what lightgcn reaches, whose row comes first.

    kinds: of lightgnn's `by`; all without any. changes: of the settings and the recipe of both systems, such as width
    and epochs. No entries are pruned, unless the changes say so.
    """
    changes = changes or {}
    own = set(systems.keywords("lightgnn")) - set(systems.keywords("lightgcn"))
    of_parent = {name: value for name, value in changes.items() if name not in own}
    parent = bench.fit("lightgcn", **of_parent).metrics[metric]
    rows = [{"pruned": 0.0, "by": "lightgcn", "edges": 1.0, "entries": 1.0, metric: parent}]
    for share in shares:
        for by in kinds or systems.load("lightgnn").KINDS:
            run = bench.fit("lightgnn", **{"edges": share, "entries": 0.0, "by": by} | changes)
            kept = kept_shares(run.recommender().module)
            rows.append({"pruned": share, "by": by, **kept, metric: run.metrics[metric]})
    table = pd.DataFrame(rows)
    return table.assign(lost=1 - table[metric] / parent)

"""Which simulator decides the winner: policies side by side under other users."""
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench import systems
from workbench.errors import UserError


def by_simulator(
    bench: Any, names: Sequence[str] = (), *, patience: Sequence[int] = (5, 10, 15),
    silence: Sequence[float] = (0.0, 0.3), metric: str = "success@15", **changes: Any,
) -> pd.DataFrame:  # fmt: skip
    """One row per user model, a patience and a share of questions without an answer: the mean of the metric of each
    policy, trained under that model, and order, the policies from best to worst, with "=" between two whose difference
    is within its 95 % interval (paired by episode).

    names: systems of conversations, by default all. changes: settings and recipe fields of all. UserError for a system
    that holds no conversations.
    """
    from workbench.evaluate.intervals import estimate_difference

    known = [name for name in systems.names("conversational") if systems.verb(name) == "act"]
    names = list(names) or known
    if strange := [name for name in names if name not in known]:
        raise UserError(f"{', '.join(strange)} hold no conversations; those that do are {', '.join(known)}")
    rows = []
    for turns in patience:
        for share in silence:
            runs = [bench.fit(name, turns=turns, silence=share, **changes) for name in names]
            values = {name: run.per_case(metric) for name, run in zip(names, runs, strict=True)}
            ranked = sorted(names, key=lambda name: -values[name].mean())
            order = ranked[0]
            for before, name in zip(ranked, ranked[1:]):
                low, _ = estimate_difference(values[before][None], values[name][None]).interval()
                order += f" {'>' if low > 0 else '='} {name}"
            means = {name: float(values[name].mean()) for name in names}
            rows.append({"patience": turns, "silence": share, **means, "order": order})
    return pd.DataFrame(rows)

"""How much the answer depends on choices made before any model: the k-core filter and the split."""
from itertools import islice

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from workbench.data import Dataset
from workbench.data.kcore import rounds
from workbench.data.schema import ITEM, USER
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.train.rng import stream

KS = (1, 3, 5, 10)
DRAWS = 500


def core_effect(dataset: Dataset, *, ks: tuple[int, ...] = KS) -> Card:
    """Shares of users, items and interactions that a k-core filter would keep of this log; 1 where it is one already.

    The table `core` has a row for every k: those shares, rounds that took something out, and once, the share of
    interactions after the first of them.
    """
    users, items = dataset.interactions[USER].to_numpy(), dataset.interactions[ITEM].to_numpy()
    rows = {}
    for k in ks:
        first, kept, count = np.ones(len(users), bool), np.ones(len(users), bool), 0
        for count, kept in enumerate(rounds(users, items, k), 1):
            first = kept if count == 1 else first
        sides = (len(np.unique(side[kept])) / n for side, n in ((users, dataset.n_users), (items, dataset.n_items)))
        rows[k] = (*sides, kept.mean(), count, first.mean())
    columns = ["users", "items", "interactions", "rounds", "once"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("k")
    figures = [
        Figure(f"{what} kept by the {k}-core", float(table.loc[k, what]), null=1.0, toward="below", n=n,
               note=f"Share of the {n:,} {what} that stay when users and items with fewer than {k} events go.")
        for k in ks if k > 1
        for what, n in (("users", dataset.n_users), ("items", dataset.n_items), ("interactions", len(users)))
    ]  # fmt: skip
    return Card(tuple(figures), {"core": table})


def split_sensitivity(scores: dict[str, dict[str, np.ndarray]], *, seed: int = 0) -> Card:
    """What another split does to the scores of the same systems, and to their order.

    scores: protocol name -> system -> NDCG, as one number or per case (C,), all systems of a protocol over the same
    cases. Every protocol is set against the first: the ratio of the means over systems, and Kendall's tau between the
    two orders of systems (1: the same order). Per-case values give intervals by resampling cases within a protocol.
    UserError with fewer than two protocols, or systems that differ between them. The table `splits` has the means.
    """
    if len(scores) < 2:
        raise UserError(f"split sensitivity needs two protocols, {len(scores)} given")
    names = [sorted(systems) for systems in scores.values()]
    if any(other != names[0] for other in names) or not names[0]:
        raise UserError(f"the protocols must have the same systems, not {' / '.join(', '.join(n) for n in names)}")
    rng = stream(seed, "split sensitivity")
    values = {name: np.stack([np.atleast_1d(row[s]) for s in names[0]]) for name, row in scores.items()}
    means = {name: np.array([rows.mean(1), *_resampled(rows, rng)]) for name, rows in values.items()}
    (first, base), figures, missing = next(iter(means.items())), [], {}
    for name, own in islice(means.items(), 1, None):
        draws = min(len(own), len(base))
        ratio = own[:draws].mean(1) / np.where(base[:draws].mean(1) > 0, base[:draws].mean(1), np.nan)
        if np.isnan(ratio[0]):
            missing[f"{name} over {first}"] = f"no system finds anything under {first}"
        else:
            figures.append(_figure(
                f"{name} over {first}", ratio, values[name].shape[1], "Mean NDCG of the systems under the one split, "
                "as a multiple of that under the other; 1 where the split does not matter.",
            ))  # fmt: skip
        tau = np.array([kendalltau(a, b).statistic for a, b in zip(own[:draws], base[:draws], strict=True)])
        if np.isnan(tau[0]):
            missing[f"order of systems, {name} and {first}"] = "under one of the splits no system is before another"
        else:
            figures.append(_figure(
                f"order of systems, {name} and {first}", tau, len(names[0]),
                "Kendall's tau between the orders of the systems under the two splits; 1 where they agree.",
            ))  # fmt: skip
    table = pd.DataFrame({name: rows[0] for name, rows in means.items()}, index=pd.Index(names[0], name="system"))
    return Card(tuple(figures), {"splits": table}, missing)


def _resampled(rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Means (systems,) of rows (systems, C) over cases drawn again, the same ones for all systems."""
    n = rows.shape[1]
    if n < 2:
        return []
    return [rows @ np.bincount(rng.integers(n, size=n), minlength=n) / n for _ in range(DRAWS)]


def _figure(name: str, values: np.ndarray, n: int, note: str) -> Figure:
    """The first value, with the interval of the others where nearly all of them could be measured."""
    others = values[1:][~np.isnan(values[1:])]
    enough = len(others) and len(others) >= 0.99 * len(values[1:])
    low, high = np.quantile(others, [0.025, 0.975]) if enough else (np.nan, np.nan)
    return Figure(name, float(values[0]), float(low), float(high), 1.0, "below", n, note)

"""Sensitivity of results to preprocessing: the k-core filter and the split."""
from itertools import islice

import numpy as np
import pandas as pd

from workbench.data import Dataset
from workbench.data.kcore import pruning_rounds
from workbench.data.schema import ITEM, USER
from workbench.diagnose.verdict.card import Card, Figure
from workbench.errors import UserError
from workbench.train.rng import named_rng

KS = (1, 3, 5, 10)
DRAWS = 500


def k_core_sensitivity(dataset: Dataset, *, ks: tuple[int, ...] = KS) -> Card:
    """Shares of users, items and interactions that a k-core filter keeps; 1 if the log is a k-core already.

    Table `core`, one row per k: these shares, rounds (pruning rounds that removed something) and first_round (the share
    of interactions after the first round).
    """
    users, items = dataset.interactions[USER].to_numpy(), dataset.interactions[ITEM].to_numpy()
    rows = {}
    for k in ks:
        first, remaining, count = np.ones(len(users), bool), np.ones(len(users), bool), 0
        for count, remaining in enumerate(pruning_rounds(users, items, k), 1):
            first = remaining if count == 1 else first
        sides = (len(np.unique(side[remaining])) / n for side,
                 n in ((users, dataset.n_users), (items, dataset.n_items)))
        rows[k] = (*sides, remaining.mean(), count, first.mean())
    columns = ["users", "items", "interactions", "rounds", "first_round"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("k")
    figures = [
        Figure(f"{what} kept by the {k}-core", float(table.loc[k, what]), null=1.0, direction="below", n=n,
               note=f"Share of the {n:,} {what} that remain in the {k}-core (all users and items with {k} events).")
        for k in ks if k > 1
        for what, n in (("users", dataset.n_users), ("items", dataset.n_items), ("interactions", len(users)))
    ]  # fmt: skip
    return Card(tuple(figures), {"core": table})


def split_sensitivity(
    scores: dict[str, dict[str, np.ndarray]], *, valid: dict[str, dict[str, float]] | None = None, seed: int = 0
) -> Card:
    """Effect of another split on the best score and on the ranking of the same systems.

    scores: protocol name -> system -> NDCG, as one number or per case (C,), all systems of a protocol on the same
    cases. valid: the same systems' score on validation cases, by which the best of each protocol is chosen; without it
    the test cases choose. Every protocol is compared with the first: the best system's mean under it over the best
    system's mean under the first, and Kendall's tau between the two rankings of systems (1: identical). Per-case values
    give intervals by resampling cases within a protocol. Table `splits`: by system, the mean under each protocol and
    its ratio to the first (share, low, high). UserError for fewer than two protocols, or systems that differ.
    """
    from scipy.stats import kendalltau  # half a second, which every command would take

    if len(scores) < 2:
        raise UserError(f"split sensitivity needs two protocols; got {len(scores)}")
    names = [sorted(systems) for systems in [*scores.values(), *(valid or {}).values()]]
    if any(other != names[0] for other in names) or not names[0]:
        raise UserError(f"the protocols must have the same systems, not {' / '.join(', '.join(n) for n in names)}")
    rng = named_rng(seed, "split sensitivity")
    values = {name: np.stack([np.atleast_1d(row[s]) for s in names[0]]) for name, row in scores.items()}
    means = {name: np.array([rows.mean(1), *_resampled(rows, rng)]) for name, rows in values.items()}
    chosen = {name: _best(names[0], means[name][0], (valid or {}).get(name)) for name in scores}
    table = pd.DataFrame({name: rows[0] for name, rows in means.items()}, index=pd.Index(names[0], name="system"))
    (first, base), figures, missing = next(iter(means.items())), [], {}
    for name, own in islice(means.items(), 1, None):
        draws, n = min(len(own), len(base)), values[name].shape[1]
        best, rival = (names[0][chosen[split]] for split in (name, first))
        ratio = _ratio(own[:draws, chosen[name]], base[:draws, chosen[first]])
        if np.isnan(ratio[0]):
            missing[f"{name} over {first}"] = f"the best system, {rival}, scores 0 under {first}"
        else:
            figures.append(_figure(
                f"{name} over {first}", ratio, n, f"NDCG@10 of the best training-free rule under {name} ({best}, "
                f"{n:,} test cases) divided by that of the best under {first} ({rival}, {values[first].shape[1]:,} "
                f"test cases), each chosen on {'validation' if valid else 'the test'} cases; 1 if the split does not "
                "matter.",
            ))  # fmt: skip
        tau = np.array([kendalltau(a, b).statistic for a, b in zip(own[:draws], base[:draws], strict=True)])
        if np.isnan(tau[0]):
            missing[f"rank correlation of systems, {name} and {first}"] = "all systems tie under one split"
        else:
            figures.append(_figure(
                f"rank correlation of systems, {name} and {first}", tau, len(names[0]),
                f"Kendall's tau between the rankings of the {len(names[0])} systems under the two splits; 1 if they "
                "agree.",
            ))  # fmt: skip
        each = [_figure("", _ratio(own[:draws, row], base[:draws, row]), n, "") for row in range(len(names[0]))]
        table = table.assign(**{f"{name} over {first}": [f.value for f in each], "low": [f.low for f in each],
                                "high": [f.high for f in each]})  # fmt: skip
    return Card(tuple(figures), {"splits": table}, missing)


def _best(names: list[str], means: np.ndarray, valid: dict[str, float] | None) -> int:
    """The place of the best system, by validation score if it is known."""
    return int(np.argmax(means if valid is None else [valid[name] for name in names]))


def _ratio(own: np.ndarray, base: np.ndarray) -> np.ndarray:
    """own / base, NaN where base is 0."""
    return own / np.where(base > 0, base, np.nan)


def _resampled(rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Bootstrap means (systems,) of rows (systems, C): cases resampled, the same ones for all systems."""
    n = rows.shape[1]
    if n < 2:
        return []
    return [rows @ np.bincount(rng.integers(n, size=n), minlength=n) / n for _ in range(DRAWS)]


def _figure(name: str, values: np.ndarray, n: int, note: str) -> Figure:
    """The first value as the estimate, with the interval of the others if nearly all of these are defined."""
    draws = values[1:][~np.isnan(values[1:])]
    enough = len(draws) and len(draws) >= 0.99 * len(values[1:])
    low, high = np.quantile(draws, [0.025, 0.975]) if enough else (np.nan, np.nan)
    return Figure(name, float(values[0]), float(low), float(high), 1.0, "below", n, note)

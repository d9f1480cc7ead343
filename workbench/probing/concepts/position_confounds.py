"""Confounds: properties of a position other than its items, such as its index in the history, the history's length, and
time gaps. A latent that tracks one of these may be mistaken for a concept. Each has a permutation scheme of its own."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import Concepts, popularity_deciles
from workbench.probing.concepts.permutation_test import benjamini_hochberg
from workbench.progress import track

QUANTILES, DAY = 5, 86_400
BIN_EDGES = np.array([1, 2, 4, 8, 16, 32])  # of positions and lengths
FAMILIES = ("age", "gap", "length", "level", "position", "popularity")  # in the order of their random draws
WITHIN_USER, OF_USER = ("position", "level", "popularity"), ("length",)  # how labels of a family are permuted


def position_confounds(activations: Activations, histories: Histories, counts: np.ndarray) -> Concepts:
    """Properties of positions other than their items, as concepts with members (n, C): position in the history, its
    length, popularity of the last item (deciles of the catalogue), the code level that is predicted, and with
    timestamps the gap since the previous event and the age of the last item (quintiles of all events).

    histories: those that the activations were recorded from, one row per user. counts: (I+1,) train counts.
    """
    decile = pd.Series(popularity_deciles(counts)[activations.last] + 1).map(lambda d: f"popularity: decile {d}")
    labels = {"position": _binned("position", activations.position), "length": _binned("length", activations.length),
              "popularity": decile}  # fmt: skip
    if activations.level.any():
        labels["level"] = pd.Series(activations.level).map(lambda level: f"level: {level + 1}")
    if histories.times is not None:
        event = histories.offsets[activations.user] + activations.position
        gap = np.append(0, np.diff(histories.times)).astype(float)
        gap[histories.offsets[:-1][histories.lengths > 0]] = np.nan
        first_time = np.full(len(counts), np.iinfo(np.int64).max)
        np.minimum.at(first_time, histories.items, histories.times)
        labels["gap"] = _quintile("gap", gap, event)
        age = (histories.times - first_time[histories.items]).astype(float)
        labels["age"] = _quintile("age of the item", age, event)
    coded = {family: pd.factorize(values, sort=True) for family, values in labels.items()}
    start = np.cumsum([0, *(len(names) for _, names in coded.values())])
    columns = [np.where(code >= 0, code + first, -1) for (code, _), first in zip(coded.values(), start)]
    row, column = np.tile(np.arange(len(activations)), len(columns)), np.concatenate(columns)
    known = column >= 0
    members = csr_matrix((np.ones(known.sum(), np.float32), (row[known], column[known])),
                         shape=(len(activations), start[-1]))  # fmt: skip
    names = np.concatenate([np.asarray(names, object) for _, names in coded.values()])
    return Concepts(names, np.repeat(list(coded), np.diff(start)), members)


def _binned(family: str, value: np.ndarray) -> pd.Series:
    number = np.searchsorted(BIN_EDGES, value, side="right")
    low, high = np.append(0, BIN_EDGES), np.append(BIN_EDGES - 1, -1)
    names = [f"{family}: {a}" if a == b else f"{family}: {a} to {b}" if b > 0 else f"{family}: {a} or more"
             for a, b in zip(low, high)]  # fmt: skip
    return pd.Series(np.asarray(names, object)[number])


def _quintile(family: str, seconds: np.ndarray, events: np.ndarray) -> pd.Series:
    """Labels of these events, by quintiles of all events; equal values share a quintile."""
    levels = np.arange(1, QUANTILES) / QUANTILES
    edges = np.unique(np.nanquantile(seconds, levels)) if np.isfinite(seconds).any() else []
    number = np.searchsorted(edges, seconds[events])
    days = [f"{edge / DAY:.3g}" for edge in edges]
    inner = [f"{low} to {high} days" for low, high in zip(days, days[1:])]
    names = [f"up to {days[0]} days", *inner, f"over {days[-1]} days"] if days else ["any"]
    names = np.asarray([f"{family}: {name}" for name in names], object)
    return pd.Series(np.where(np.isnan(seconds[events]), None, names[number]))


def permuted_rows(activations: Activations, family: str, rng: np.random.Generator) -> np.ndarray:
    """(n,) the row whose label each position gets under the null: within the user for position, level and popularity;
    another user's for length; for properties with an order within the history (gap, age), all labels of another user
    with as many positions."""
    user, count = np.unique(activations.user, return_counts=True)
    order = np.argsort(activations.user, kind="stable")
    first = np.cumsum(count) - count
    if family in WITHIN_USER:
        source = np.lexsort((rng.random(len(activations)), activations.user))
    elif family in OF_USER:
        other = rng.permutation(len(user))
        source = order[np.repeat(first[other], count)]
    else:
        by_count, shuffled = np.argsort(count, kind="stable"), np.lexsort((rng.random(len(user)), count))
        other = np.empty(len(user), np.int64)
        other[by_count] = shuffled
        source = order[np.repeat(first[other], count) + np.arange(len(activations)) - np.repeat(first, count)]
    rows = np.empty(len(activations), np.int64)
    rows[order] = source
    return rows


def position_confound_test(
    discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix],
    confounds: tuple[Concepts, Concepts], *, chosen: np.ndarray | None = None, draws: int = 199, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """One row per latent: the confound with the largest correlation on the discovery users, or the one `chosen` there
    by name (m,), and effect (correlation), p and q on the held-out users, with labels permuted by `permuted_rows`.
    confounds: `position_confounds` of either split."""
    column_of = {name: column for column, name in enumerate(confounds[1].names)}
    if chosen is None:
        score = _correlation(discovery[1], confounds[0].members)
        score[:, [name not in column_of for name in confounds[0].names]] = -np.inf
        chosen = confounds[0].names[score.argmax(axis=1)]
    columns = np.array([column_of[name] for name in chosen])
    activations, z = held_out
    effect = _correlation(z, confounds[1].members)[np.arange(len(columns)), columns]
    families, p, rng = confounds[1].families[columns], np.full(len(columns), np.nan), np.random.default_rng(seed)
    for family in track([name for name in FAMILIES if name in families], "permute confounds", unit="families"):
        latents = np.flatnonzero((families == family) & (np.diff(z.tocsc().indptr) > 0))
        wanted, index = np.unique(columns[latents], return_inverse=True)
        values, members, exceeded = z[:, latents], confounds[1].members[:, wanted], np.zeros(len(latents))
        observed = (members.T @ values).toarray()[index, np.arange(len(latents))]
        for _ in range(draws):
            rows = permuted_rows(activations, family, rng)
            null = (members[rows].T @ values).toarray()[index, np.arange(len(latents))]
            exceeded += null >= observed * (1 - 1e-5)
        p[latents] = (1 + exceeded) / (1 + draws)
    return pd.DataFrame({"confound": confounds[1].names[columns], "family": families, "effect": effect, "p": p,
                         "q": benjamini_hochberg(p)})  # fmt: skip


def _correlation(z: csr_matrix, members: csr_matrix) -> np.ndarray:
    """(m, C) Pearson correlations of latents and labels; 0 for those that are constant."""
    n = z.shape[0]
    mean, square = np.asarray(z.mean(axis=0)).ravel(), np.asarray(z.multiply(z).mean(axis=0)).ravel()
    share = np.asarray(members.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(np.outer(square - mean**2, share * (1 - share)), 0))
    return ((z.T @ members).toarray() / n - np.outer(mean, share)) / np.where(spread > 1e-12, spread, np.inf)

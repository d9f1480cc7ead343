"""What a unit is, apart from its item: its place, how long the history is, how recent things are. A latent that follows
these is no concept of the catalogue, so they are looked at first; each has a permutation of its own."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.data import Histories
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import Concepts, deciles
from workbench.probing.concepts.permutation_test import step_up
from workbench.progress import track

PARTS, DAY = 5, 86_400
DOUBLING = np.array([1, 2, 4, 8, 16, 32])  # places and lengths are told apart by these
WITHIN_USER, OF_USER = ("place", "level", "popularity"), ("length",)  # how labels of a family are dealt out again


def marks(units: Activations, histories: Histories, counts: np.ndarray) -> Concepts:
    """What is known of units beside their items, as concepts with members (n, C): place in the history, its length,
    popularity of the item read (tenths of the catalogue), the code that is spelled next, and where there are times the
    gap since the event before and the age of the item read (fifths of all events).

    histories: those that the units were read from, a row a user. counts: (I+1,) train counts.
    """
    tenth = pd.Series(deciles(counts)[units.last] + 1).map(lambda d: f"popularity: decile {d}")
    labels = {"place": _doubling("place", units.place), "length": _doubling("length", units.length),
              "popularity": tenth}  # fmt: skip
    if units.level.any():
        labels["level"] = pd.Series(units.level).map(lambda level: f"level: {level + 1}")
    if histories.times is not None:
        at = histories.offsets[units.user] + units.place
        gap = np.append(0, np.diff(histories.times)).astype(float)
        gap[histories.offsets[:-1][histories.lengths > 0]] = np.nan
        born = np.full(len(counts), np.iinfo(np.int64).max)
        np.minimum.at(born, histories.items, histories.times)
        labels["gap"] = _fifths("gap", gap, at)
        labels["age"] = _fifths("age of the item", (histories.times - born[histories.items]).astype(float), at)
    parts = {family: pd.factorize(values, sort=True) for family, values in labels.items()}
    start = np.cumsum([0, *(len(names) for _, names in parts.values())])
    columns = [np.where(code >= 0, code + first, -1) for (code, _), first in zip(parts.values(), start)]
    row, col = np.tile(np.arange(len(units)), len(columns)), np.concatenate(columns)
    known = col >= 0
    members = csr_matrix((np.ones(known.sum(), np.float32), (row[known], col[known])), shape=(len(units), start[-1]))
    names = np.concatenate([np.asarray(names, object) for _, names in parts.values()])
    return Concepts(names, np.repeat(list(parts), np.diff(start)), members)


def _doubling(family: str, value: np.ndarray) -> pd.Series:
    part = np.searchsorted(DOUBLING, value, side="right")
    low, high = np.append(0, DOUBLING), np.append(DOUBLING - 1, -1)
    names = [f"{family}: {a}" if a == b else f"{family}: {a} to {b}" if b > 0 else f"{family}: {a} or more"
             for a, b in zip(low, high)]  # fmt: skip
    return pd.Series(np.asarray(names, object)[part])


def _fifths(family: str, seconds: np.ndarray, at: np.ndarray) -> pd.Series:
    """Labels of the events `at`; the fifths are those of all events, and equal values are of one."""
    edges = np.unique(np.nanquantile(seconds, np.arange(1, PARTS) / PARTS)) if np.isfinite(seconds).any() else []
    part = np.searchsorted(edges, seconds[at])
    days = [f"{edge / DAY:.3g}" for edge in edges]
    inner = [f"{low} to {high} days" for low, high in zip(days, days[1:])]
    names = [f"up to {days[0]} days", *inner, f"over {days[-1]} days"] if days else ["any"]
    names = np.asarray([f"{family}: {name}" for name in names], object)
    return pd.Series(np.where(np.isnan(seconds[at]), None, names[part]))


def dealt(units: Activations, family: str, rng: np.random.Generator) -> np.ndarray:
    """(n,) whose label each unit gets: within the user for place, level and popularity; that of another user for the
    length; for what has an order of its own in a history (gap, age), all labels of another user with as many units."""
    user, first, count = np.unique(units.user, return_index=True, return_counts=True)
    order = np.argsort(units.user, kind="stable")
    first = np.cumsum(count) - count
    if family in WITHIN_USER:
        source = np.lexsort((rng.random(len(units)), units.user))
    elif family in OF_USER:
        other = rng.permutation(len(user))
        source = order[np.repeat(first[other], count)]
    else:
        same, mixed = np.argsort(count, kind="stable"), np.lexsort((rng.random(len(user)), count))
        other = np.empty(len(user), np.int64)
        other[same] = mixed
        source = order[np.repeat(first[other], count) + np.arange(len(units)) - np.repeat(first, count)]
    out = np.empty(len(units), np.int64)
    out[order] = source
    return out


def certify_marks(
    discovery: tuple[Activations, csr_matrix], held_out: tuple[Activations, csr_matrix],
    known: tuple[Concepts, Concepts], *, chosen: np.ndarray | None = None, draws: int = 199, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """A row a latent: the mark it follows most on the discovery users, or the one `chosen` there by name (m,), and
    effect, p and q on the held-out ones, where labels are dealt out again by `dealt`. known: `marks` of either side."""
    shared = {name: at for at, name in enumerate(known[1].names)}
    if chosen is None:
        score = _correlation(discovery[1], known[0].members)
        score[:, [name not in shared for name in known[0].names]] = -np.inf
        chosen = known[0].names[score.argmax(axis=1)]
    mine = np.array([shared[name] for name in chosen])
    units, z = held_out
    effect = _correlation(z, known[1].members)[np.arange(len(mine)), mine]
    told, p, rng = known[1].families[mine], np.full(len(mine), np.nan), np.random.default_rng(seed)
    for family in track(np.unique(told), "permute marks", unit="families"):
        some = np.flatnonzero((told == family) & (np.diff(z.tocsc().indptr) > 0))
        wanted, own = np.unique(mine[some], return_inverse=True)
        part, asked, above = z[:, some], known[1].members[:, wanted], np.zeros(len(some))
        real = (asked.T @ part).toarray()[own, np.arange(len(some))]
        for _ in range(draws):
            drawn = (asked[dealt(units, family, rng)].T @ part).toarray()[own, np.arange(len(some))]
            above += drawn >= real * (1 - 1e-5)
        p[some] = (1 + above) / (1 + draws)
    return pd.DataFrame({"mark": known[1].names[mine], "family": told, "effect": effect, "p": p, "q": step_up(p)})


def _correlation(z: csr_matrix, members: csr_matrix) -> np.ndarray:
    """(m, C) correlations of latents and marks; 0 for those that never change."""
    n = z.shape[0]
    mean, square = np.asarray(z.mean(axis=0)).ravel(), np.asarray(z.multiply(z).mean(axis=0)).ravel()
    share = np.asarray(members.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(np.outer(square - mean**2, share * (1 - share)), 0))
    return ((z.T @ members).toarray() / n - np.outer(mean, share)) / np.where(spread > 1e-12, spread, np.inf)

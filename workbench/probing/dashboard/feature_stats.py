"""Portraits of latents: where each fires, how strongly, on what, and what lies near it, a table each."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import DECILES, deciles
from workbench.probing.dictionaries.ground_truth import cosines

BINS = 24  # of a histogram
TOP, BANDS, EACH = 8, 5, 2  # strongest units; bands of equal count, and units from each
NEAR, MOVED = 5, 6  # neighbours; items promoted, and as many demoted
PLACES = np.array([1, 2, 3, 4, 5, 7, 10, 15, 25, 50])  # events read, the first of each bin
PREFIXES = 8  # first codes that a latent's profile names


def histograms(z: csr_matrix, latents: np.ndarray) -> pd.DataFrame:
    """How often each latent fires how strongly: `BINS` bins of equal width from 0 to its largest value."""
    columns, rows = z.tocsc(), []
    for latent in latents:
        values = columns.data[columns.indptr[latent] : columns.indptr[latent + 1]]
        count, edges = np.histogram(values, BINS, (0, float(values.max(initial=0)) or 1.0))
        rows.append(pd.DataFrame({"latent": latent, "low": edges[:-1], "high": edges[1:], "count": count}))
    return _joined(rows)


def units(cached: Activations, z: csr_matrix, latents: np.ndarray, *, seed: int = 0) -> pd.DataFrame:
    """Where each latent fires: the `TOP` strongest units, and `EACH` drawn at random from each of `BANDS` bands of as
    many; at most one unit a last item, so that no popular item fills the list."""
    columns, rng, rows = z.tocsc(), np.random.default_rng(seed), []
    ends = [100 - number * 100 // BANDS for number in range(BANDS + 1)]
    names = [f"{low}-{high} %" for high, low in zip(ends, ends[1:])]
    for latent in latents:
        part = slice(columns.indptr[latent], columns.indptr[latent + 1])
        order = np.argsort(-columns.data[part], kind="stable")
        at, value = columns.indices[part][order], columns.data[part][order]
        band = np.arange(len(at)) * BANDS // max(1, len(at))
        _, first = np.unique(cached.last[at], return_index=True)
        picked = {int(place): ("top", "strongest") for place in np.sort(first)[:TOP]}
        used = set(cached.last[at[list(picked)]].tolist())
        for number in range(BANDS):
            left = EACH
            for place in rng.permutation(np.flatnonzero(band == number)):
                if left and cached.last[at[place]] not in used:
                    picked[int(place)] = ("quantile", names[number])
                    used.add(int(cached.last[at[place]]))
                    left -= 1
        places = np.array(list(picked), np.int64)
        rows.append(pd.DataFrame({
            "latent": latent, "kind": [kind for kind, _ in picked.values()], "band": [b for _, b in picked.values()],
            "value": value[places], **{name: getattr(cached, name)[at[places]] for name in
                                       ("user", "place", "last", "next", "level")},
        }))  # fmt: skip
    return _joined(rows)


def profile(z: csr_matrix, latents: np.ndarray, group: np.ndarray, names: list[str], family: str) -> pd.DataFrame:
    """How a latent's activation is spread over groups of units, group (n,) numbered into names: share of its activation
    and, to compare, share of all units."""
    one = csr_matrix((np.ones(len(group), np.float32), (group, np.arange(len(group)))), (len(names), len(group)))
    mass = np.asarray((one @ z[:, latents]).todense())
    share = mass / np.maximum(mass.sum(axis=0), 1e-12)
    base = np.bincount(group, minlength=len(names)) / max(1, len(group))
    return pd.DataFrame({
        "latent": np.repeat(latents, len(names)), "family": family, "bin": np.tile(names, len(latents)),
        "share": share.T.ravel(), "base": np.tile(base, len(latents)),
    })  # fmt: skip


def near(decoder: np.ndarray, latents: np.ndarray, alive: np.ndarray) -> pd.DataFrame:
    """The `NEAR` latents among those alive whose directions have the largest cosine to each one's."""
    cosine = cosines(decoder[latents], decoder[alive])
    cosine[latents[:, None] == alive] = -np.inf
    order = np.argsort(-cosine, axis=1, kind="stable")[:, : min(NEAR, len(alive) - 1)]
    return pd.DataFrame({
        "latent": np.repeat(latents, order.shape[1]), "other": alive[order].ravel(),
        "cosine": np.take_along_axis(cosine, order, axis=1).ravel(),
    })  # fmt: skip


def moved(change: np.ndarray | None, latents: np.ndarray) -> pd.DataFrame:
    """The items whose scores, change (n, I+1), a push of strength 1 raises most, rank 1, 2 .., and lowers most, rank
    -1, -2 .."""
    if change is None:
        return pd.DataFrame({"latent": [], "rank": [], "item": [], "change": []})
    count = min(MOVED, (change.shape[1] - 1) // 2)
    order = 1 + np.argsort(-change[:, 1:], axis=1, kind="stable")
    item = np.concatenate([order[:, :count], order[:, ::-1][:, :count]], axis=1)
    rank = np.concatenate([np.arange(1, count + 1), -np.arange(1, count + 1)])
    return pd.DataFrame({
        "latent": np.repeat(latents, len(rank)), "rank": np.tile(rank, len(latents)), "item": item.ravel(),
        "change": np.take_along_axis(change, item, axis=1).ravel(),
    })  # fmt: skip


def prefixes(z: csr_matrix, latents: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
    """`profile` by the first code (n,) of the last item, the `PREFIXES` codes with most of each latent's activation."""
    names = [str(code) for code in range(int(codes.max(initial=0)) + 1)]
    table = profile(z, latents, codes, names, "code 1").sort_values(["latent", "share"], ascending=[True, False])
    return table[table["share"] > 0].groupby("latent").head(PREFIXES)


def place_bins(cached: Activations) -> tuple[np.ndarray, list[str]]:
    """Which bin of `PLACES` each unit falls in by how many events were read, and what to call the bins that occur."""
    group = np.searchsorted(PLACES, cached.place + 1, side="right") - 1
    last = int(group.max(initial=0))
    ends = [*(PLACES[1:] - 1), None]
    names = [f"{low}+" if high is None or at == last and at >= 4 else f"{low}" if low == high else f"{low}-{high}"
             for at, (low, high) in enumerate(zip(PLACES, ends))]  # fmt: skip
    return group, names[: last + 1]


def popularity_bins(items: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Which tenth of the catalogue by train counts (I+1,) each item (n,) is of; 1 the least popular."""
    return deciles(counts)[items], [str(number + 1) for number in range(DECILES)]


def _joined(rows: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame({"latent": []})

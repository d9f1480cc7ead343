"""Statistics of latents for a dashboard, one table each: when each is active, how strongly, on which items, and which
latents have similar directions."""
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import DECILES, popularity_deciles
from workbench.probing.dictionaries.ground_truth import cosines

BINS = 24  # of a histogram
TOP, BANDS, PER_BAND = 8, 5, 2  # strongest positions; bands of equal count, and positions from each
NEIGHBORS, PROMOTED = 5, 6  # nearest latents; items promoted, and as many demoted
POSITION_EDGES = np.array([1, 2, 3, 4, 5, 7, 10, 15, 25, 50])  # events read, the first of each bin
PREFIXES = 8  # first codes in a latent's profile


def activation_histograms(z: csr_matrix, latents: np.ndarray) -> pd.DataFrame:
    """Histogram of the positive activations of each latent: `BINS` bins of equal width from 0 to its maximum."""
    columns, tables = z.tocsc(), []
    for latent in latents:
        values = columns.data[columns.indptr[latent] : columns.indptr[latent + 1]]
        count, edges = np.histogram(values, BINS, (0, float(values.max(initial=0)) or 1.0))
        tables.append(pd.DataFrame({"latent": latent, "low": edges[:-1], "high": edges[1:], "count": count}))
    return _concatenated(tables)


def example_positions(activations: Activations, z: csr_matrix, latents: np.ndarray, *, seed: int = 0) -> pd.DataFrame:
    """Example positions of each latent: the `TOP` strongest, and `PER_BAND` sampled from each of `BANDS` activation
    bands of equal count; at most one position per last item, so that no popular item dominates."""
    columns, rng, tables = z.tocsc(), np.random.default_rng(seed), []
    ends = [100 - number * 100 // BANDS for number in range(BANDS + 1)]
    names = [f"{low}-{high} %" for high, low in zip(ends, ends[1:])]
    labels = ("user", "position", "last", "next", "level")
    for latent in latents:
        column = slice(columns.indptr[latent], columns.indptr[latent + 1])
        order = np.argsort(-columns.data[column], kind="stable")
        rows, value = columns.indices[column][order], columns.data[column][order]
        band_of = np.arange(len(rows)) * BANDS // max(1, len(rows))
        _, first = np.unique(activations.last[rows], return_index=True)
        picked = {int(rank): ("top", "strongest") for rank in np.sort(first)[:TOP]}  # rank: (kind, band)
        used = set(activations.last[rows[list(picked)]].tolist())
        for number in range(BANDS):
            remaining = PER_BAND
            for rank in rng.permutation(np.flatnonzero(band_of == number)):
                if remaining and activations.last[rows[rank]] not in used:
                    picked[int(rank)] = ("quantile", names[number])
                    used.add(int(activations.last[rows[rank]]))
                    remaining -= 1
        ranks = np.array(list(picked), np.int64)
        tables.append(pd.DataFrame({
            "latent": latent, "kind": [kind for kind, _ in picked.values()], "band": [b for _, b in picked.values()],
            "value": value[ranks], **{name: getattr(activations, name)[rows[ranks]] for name in labels},
        }))  # fmt: skip
    return _concatenated(tables)


def activation_profile(
    z: csr_matrix, latents: np.ndarray, group: np.ndarray, names: list[str], family: str
) -> pd.DataFrame:
    """How the activation of each latent is distributed over groups of positions, group (n,) an index into names: share
    of the latent's activation, and base, the share of all positions."""
    indicator = csr_matrix((np.ones(len(group), np.float32), (group, np.arange(len(group)))), (len(names), len(group)))
    activation = np.asarray((indicator @ z[:, latents]).todense())
    share = activation / np.maximum(activation.sum(axis=0), 1e-12)
    base = np.bincount(group, minlength=len(names)) / max(1, len(group))
    return pd.DataFrame({
        "latent": np.repeat(latents, len(names)), "family": family, "bin": np.tile(names, len(latents)),
        "share": share.T.ravel(), "base": np.tile(base, len(latents)),
    })  # fmt: skip


def nearest_latents(decoder: np.ndarray, latents: np.ndarray, alive: np.ndarray) -> pd.DataFrame:
    """The `NEIGHBORS` latents among those alive with the largest cosine similarity of directions to each latent."""
    cosine = cosines(decoder[latents], decoder[alive])
    cosine[latents[:, None] == alive] = -np.inf
    order = np.argsort(-cosine, axis=1, kind="stable")[:, : min(NEIGHBORS, len(alive) - 1)]
    return pd.DataFrame({
        "latent": np.repeat(latents, order.shape[1]), "other": alive[order].ravel(),
        "cosine": np.take_along_axis(cosine, order, axis=1).ravel(),
    })  # fmt: skip


def score_changes(change: np.ndarray | None, latents: np.ndarray) -> pd.DataFrame:
    """The items whose scores, change (n, I+1), steering at strength 1 raises most, rank 1, 2, ..., and lowers most,
    rank -1, -2, ..."""
    if change is None:
        return pd.DataFrame({"latent": [], "rank": [], "item": [], "change": []})
    count = min(PROMOTED, (change.shape[1] - 1) // 2)
    order = 1 + np.argsort(-change[:, 1:], axis=1, kind="stable")
    item = np.concatenate([order[:, :count], order[:, ::-1][:, :count]], axis=1)
    rank = np.concatenate([np.arange(1, count + 1), -np.arange(1, count + 1)])
    return pd.DataFrame({
        "latent": np.repeat(latents, len(rank)), "rank": np.tile(rank, len(latents)), "item": item.ravel(),
        "change": np.take_along_axis(change, item, axis=1).ravel(),
    })  # fmt: skip


def code_profile(z: csr_matrix, latents: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
    """`activation_profile` by the first code (n,) of the last item; the `PREFIXES` codes with the largest share."""
    names = [str(code) for code in range(int(codes.max(initial=0)) + 1)]
    table = activation_profile(z, latents, codes, names, "code 1")
    table = table.sort_values(["latent", "share"], ascending=[True, False])
    return table[table["share"] > 0].groupby("latent").head(PREFIXES)


def position_bins(activations: Activations) -> tuple[np.ndarray, list[str]]:
    """The bin of `POSITION_EDGES` of each row by the number of events read, and the names of the bins that occur."""
    group = np.searchsorted(POSITION_EDGES, activations.position + 1, side="right") - 1
    last = int(group.max(initial=0))
    ends = [*(POSITION_EDGES[1:] - 1), None]
    names = [f"{low}+" if high is None or at == last and at >= 4 else f"{low}" if low == high else f"{low}-{high}"
             for at, (low, high) in enumerate(zip(POSITION_EDGES, ends))]  # fmt: skip
    return group, names[: last + 1]


def popularity_bins(items: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The popularity decile of each item (n,) by train counts (I+1,), and the deciles' names; 1 is the least
    popular."""
    return popularity_deciles(counts)[items], [str(number + 1) for number in range(DECILES)]


def _concatenated(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"latent": []})

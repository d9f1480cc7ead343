"""Push along many latents by several strengths, for the same users: what becomes of their concepts, and of the metric,
beside latents drawn at random that push as far."""
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import Cases
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.evaluate.evaluation import first_of_group, longest_set
from workbench.interfaces import Recommendations
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.interventions.steering import Push, Steering
from workbench.progress import track

STRENGTHS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)
DEPTH = 100  # places of the list at strength 0 that are kept, to say where an item was
MATCHED = 40  # random latents that make a band
BAND = (0.05, 0.95)


class Steered(NamedTuple):
    """items: (n, S, C, k) int32 lists of C users for n latents at S strengths. ndcg: (n, S) their mean NDCG@k. change:
    (n, I+1) of scores at strength 1 as `Push.change`, or None."""

    items: np.ndarray
    ndcg: np.ndarray
    change: np.ndarray | None


def steer(
    steering: Steering, cases: Cases, latents: np.ndarray, *, strengths: tuple[float, ...] = STRENGTHS, k: int = 10
) -> Steered:
    """Push these users along each of these latents, by each strength. UserError where 0 is not among the strengths,
    because nothing can be compared then."""
    if 0 not in strengths:
        raise UserError(f"strengths {strengths}: 0 must be one of them, to compare with")
    push = steering.of(cases.histories)
    items = np.zeros((len(latents), len(strengths), len(cases.targets), k), np.int32)
    ndcg, changes = np.zeros((len(latents), len(strengths))), []
    base = push.lists(None, k)
    for row, latent in enumerate(track(latents, "steer", unit="latents")):
        for column, strength in enumerate(strengths):
            found = push.lists(steering.step(int(latent), strength), k) if strength else base
            items[row, column] = found.items
            ndcg[row, column] = gain(steering, found, cases, k)
        changes.append(push.change(steering.step(int(latent), 1.0)))
    whole = None if not changes or changes[0] is None else np.stack(changes)
    return Steered(items, ndcg, whole)


def gain(steering: Steering, found: Recommendations, cases: Cases, k: int = 10) -> float:
    """Mean NDCG@k of lists for the targets of these cases, collision-corrected where codes collide."""
    if found.group is None:
        hit = found.items == cases.targets[:, None]
        ranks, sizes = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0), None
    else:
        own = steering.recommender.codes.trie.group[cases.targets]
        if steering.masked:  # what was read is not recommended, so its group cannot stand for it
            again = cases.histories.items == np.repeat(cases.targets, cases.histories.lengths)
            own[cases.histories.rows()[again]] = -1
        ranks, sizes = first_of_group(found, own)
    return float(per_case(f"ndcg@{k}", ranks, sizes).mean())


def curves(
    steered: Steered, latents: np.ndarray, reach: np.ndarray, pool: np.ndarray, members: np.ndarray, *,
    strengths: tuple[float, ...] = STRENGTHS,
) -> pd.DataFrame:  # fmt: skip
    """A row a latent and strength: share of the latent's concept among the first k, and ndcg; low and high of each are
    the 5 and 95 % quantiles over the `MATCHED` random latents that push about as far.

    latents: (n,) as steered. reach: (n,) how far one push of each goes. pool: (n,) bool, which of them were drawn at
    random. members: (n, I+1) bool, the items of each one's concept; a row of none gives NaN.
    """
    rows, drawn = [], np.flatnonzero(pool)
    for row, latent in enumerate(latents):
        others = drawn[drawn != row]
        far = np.abs(np.log(reach[others] / reach[row]))
        matched = others[np.argsort(far, kind="stable")[:MATCHED]]
        known = members[row].any()
        mine = members[row][steered.items[row]].mean(axis=(1, 2)) if known else np.full(len(strengths), np.nan)
        rest = members[row][steered.items[matched]].mean(axis=(2, 3)) if known else np.zeros((0, len(strengths)))
        low, high = band(rest, len(strengths))
        ndcg_low, ndcg_high = band(steered.ndcg[matched], len(strengths))
        rows.append(pd.DataFrame({
            "latent": latent, "strength": strengths, "share": mine, "low": low, "high": high,
            "ndcg": steered.ndcg[row], "ndcg_low": ndcg_low, "ndcg_high": ndcg_high,
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def band(values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The quantiles `BAND` over rows of values (P, n); NaN (n,) where there is no row."""
    if not len(values):
        return np.full(n, np.nan), np.full(n, np.nan)
    low, high = np.quantile(values, BAND, axis=0)
    return low, high


def members(known: Concepts, names: pd.Series) -> np.ndarray:
    """(n, I+1) bool: which items are of each of these concepts; none where a name is of no property of items."""
    at = {name: column for column, name in enumerate(known.names)}
    out = np.zeros((len(names), known.members.shape[0]), bool)
    columns = known.members.tocsc()
    for row, name in enumerate(names):
        if name in at:
            out[row, columns.indices[columns.indptr[at[name]] : columns.indptr[at[name] + 1]]] = True
    return out


def marked(table: pd.DataFrame, latents: np.ndarray, mine: np.ndarray) -> pd.DataFrame:
    """A table of latents and items with a column member: whether each item is of its latent's concept, members
    mine (n, I+1) of latents (n,)."""
    row = pd.Index(latents).get_indexer(table["latent"])
    return table.assign(member=mine[row, table["item"].to_numpy(int)])


def unpushed(push: Push, n_items: int) -> np.ndarray:
    """(C, n) the first items of each list when nothing is pushed, as many as can be asked for, up to `DEPTH`."""
    longest = longest_set(push.histories) if push.masked else 0
    depth = max(1, min(DEPTH, getattr(push.recommender, "beam", DEPTH), n_items - longest))
    return push.lists(None, depth).items


def was(items: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Where items (..., k) stood in lists before (..., n), 1 the first, 0 for not at all.

    >>> was(np.array([7, 8, 9]), np.array([8, 7])).tolist()
    [2, 1, 0]
    """
    hit = items[..., None] == before[..., None, :]
    return np.where(hit.any(axis=-1), hit.argmax(axis=-1) + 1, 0)


def shown(
    steered: Steered, latents: np.ndarray, who: np.ndarray, before: np.ndarray, users: np.ndarray, *,
    strengths: tuple[float, ...] = STRENGTHS,
) -> pd.DataFrame:  # fmt: skip
    """One user's lists for each latent, a row a strength and place. who: (n,) which of the users (C,); before: as
    `unpushed`."""
    items = steered.items[np.arange(len(latents)), :, who]  # (n, S, k)
    n, S, k = items.shape
    return pd.DataFrame({
        "latent": np.repeat(latents, S * k), "user": np.repeat(users[who], S * k),
        "strength": np.tile(np.repeat(strengths, k), n), "place": np.tile(np.arange(1, k + 1), n * S),
        "item": items.ravel(), "before": was(items, before[who][:, None]).ravel(),
    })  # fmt: skip

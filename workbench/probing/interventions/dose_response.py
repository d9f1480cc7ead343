"""Dose-response curves of steering: how a concept's share of the top-k list and NDCG change with the strength."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from workbench.data import Cases
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.evaluate.evaluation import code_group_rank, max_distinct_items
from workbench.interfaces import HasBeam, Recommendations
from workbench.probing.activations.hooks import Site
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.interventions.ablation import concept_share
from workbench.probing.interventions.faithfulness import patched
from workbench.probing.interventions.steering import SteeredRecommender, Steering
from workbench.progress import track

STRENGTHS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)
DEPTH = 100  # length of the unsteered list that is kept, to look up previous ranks
MATCHED = 40  # random latents that form a control band
BAND = (0.05, 0.95)


def dose_response(
    recommender, site: Site, direction: np.ndarray, amounts: list[float], cases: Cases, member: np.ndarray, *,
    k: int = 10, patch: Callable = patched,
) -> pd.DataFrame:  # fmt: skip
    """The effect of steering along one direction (D,), one row per amount: share of the concept in the top k, ndcg@k,
    and `off target`, the NDCG of users whose target is not of the concept. Histories are not masked.

    member: (I+1,) bool, the concept's items. patch: as of `SteeredRecommender`. Raises UserError if 0 is not among the
    amounts, because there is no baseline then.
    """
    _check_baseline("amounts", amounts)
    steered = SteeredRecommender(recommender, site, cases.histories, patch=patch)
    direction, rows = torch.as_tensor(direction, dtype=torch.float32), []
    for amount in amounts:
        items = steered.recommend(amount * direction, k).items
        rows.append({"amount": amount} | _list_metrics(items, cases, member, k))
    return pd.DataFrame(rows)


def score_boost(recommender, amounts: list[float], cases: Cases, member: np.ndarray, *, k: int = 10) -> pd.DataFrame:
    """The baseline for steering: add an amount to the scores of the concept's items. Rows as of `dose_response`."""
    scores = recommender.score(cases.histories)
    scores[:, 0] = -np.inf
    rows = []
    for amount in amounts:
        items = np.argsort(-(scores + amount * member), axis=1, kind="stable")[:, :k]
        rows.append({"amount": amount} | _list_metrics(items, cases, member, k))
    return pd.DataFrame(rows)


def _check_baseline(name: str, values) -> None:
    if 0 not in values:
        raise UserError(f"{name} {values}: 0 must be one of them, as the baseline")


def _list_metrics(items: np.ndarray, cases: Cases, member: np.ndarray, k: int) -> dict[str, float]:
    hit = items == cases.targets[:, None]
    ranks = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)
    ndcg, other = per_case(f"ndcg@{k}", ranks), ~member[cases.targets]
    off_target = float(ndcg[other].mean()) if other.any() else float("nan")
    return {"share": float(concept_share(items, member).mean()), f"ndcg@{k}": float(ndcg.mean()),
            "off target": off_target}  # fmt: skip


def mean_share_gain(curve: pd.DataFrame) -> float:
    """Mean share over the range of amounts (trapezoidal rule), minus the share at 0.

    >>> mean_share_gain(pd.DataFrame({"amount": [0, 1, 2], "share": [0.1, 0.2, 0.4]}))
    0.125
    """
    x, y = curve["amount"].to_numpy(float), curve["share"].to_numpy(float)
    mean = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / (x[-1] - x[0]))
    return round(mean - float(y[x == 0][0]), 12)


def cost_of_gain(curve: pd.DataFrame, *, gain: float = 0.2, metric: str = "ndcg@10") -> float:
    """The loss of the metric at the amount where the share has risen by `gain`, with linear interpolation between
    amounts; NaN if it never rises that far.

    >>> cost_of_gain(pd.DataFrame({"amount": [0, 1], "share": [0.1, 0.5], "ndcg@10": [0.05, 0.03]}))
    0.01
    """
    positive = curve[curve["amount"] >= 0].sort_values("amount")
    share, value = positive["share"].to_numpy(float), positive[metric].to_numpy(float)
    wanted = share[0] + gain
    reached = np.flatnonzero(share >= wanted)
    if not len(reached):
        return float("nan")
    low, high = reached[0] - 1, reached[0]
    fraction = (wanted - share[low]) / (share[high] - share[low])
    return round(float(value[0] - (value[low] + fraction * (value[high] - value[low]))), 12)


class SteeredLists(NamedTuple):
    """Lists of C users, steered along n latents at S strengths. items: (n, S, C, k) int32. ndcg: (n, S) mean NDCG@k.
    score_change: (n, I+1) at strength 1, as `SteeredRecommender.score_change`, or None."""

    items: np.ndarray
    ndcg: np.ndarray
    score_change: np.ndarray | None


def steer_latents(
    steering: Steering, cases: Cases, latents: np.ndarray, *, strengths: tuple[float, ...] = STRENGTHS, k: int = 10
) -> SteeredLists:
    """Steer these users along each latent at each strength. Raises UserError if 0 is not among the strengths, because
    there is no baseline then."""
    _check_baseline("strengths", strengths)
    steered = steering.for_histories(cases.histories)
    items = np.zeros((len(latents), len(strengths), len(cases.targets), k), np.int32)
    ndcg, changes = np.zeros((len(latents), len(strengths))), []
    base = steered.recommend(None, k)
    for row, latent in enumerate(track(latents, "steer", unit="latents")):
        for column, strength in enumerate(strengths):
            lists = steered.recommend(steering.step(int(latent), strength), k) if strength else base
            items[row, column] = lists.items
            ndcg[row, column] = mean_ndcg(steering, lists, cases, k)
        changes.append(steered.score_change(steering.step(int(latent), 1.0)))
    return SteeredLists(items, ndcg, None if not changes or changes[0] is None else np.stack(changes))


def mean_ndcg(steering: Steering, lists: Recommendations, cases: Cases, k: int = 10) -> float:
    """Mean NDCG@k of lists for the targets of these cases, collision-corrected where item codes collide."""
    if lists.group is None:
        hit = lists.items == cases.targets[:, None]
        ranks, sizes = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0), None
    else:
        target_group = steering.recommender.codes.trie.group[cases.targets]
        if steering.mask_history:  # a target that is in the history is masked, so its group is no hit
            repeated = cases.histories.items == np.repeat(cases.targets, cases.histories.lengths)
            target_group[cases.histories.rows()[repeated]] = -1
        ranks, sizes = code_group_rank(lists, target_group)
    return float(per_case(f"ndcg@{k}", ranks, sizes).mean())


def dose_response_curves(
    steered: SteeredLists, latents: np.ndarray, step_norm: np.ndarray, sampled: np.ndarray, members: np.ndarray, *,
    strengths: tuple[float, ...] = STRENGTHS,
) -> pd.DataFrame:  # fmt: skip
    """One row per latent and strength: share of the latent's concept in the top k, and ndcg; low and high of each are
    the 5 and 95 % quantiles over the `MATCHED` randomly sampled latents with the most similar step norm.

    latents: (n,) as steered. step_norm: (n,) norm of each one's step at strength 1. sampled: (n,) bool, which were
    sampled at random. members: (n, I+1) bool, the items of each one's concept; an empty row gives NaN.
    """
    rows, pool = [], np.flatnonzero(sampled)
    for row, latent in enumerate(latents):
        others = pool[pool != row]
        distance = np.abs(np.log(step_norm[others] / step_norm[row]))
        matched = others[np.argsort(distance, kind="stable")[:MATCHED]]
        known = members[row].any()
        share = members[row][steered.items[row]].mean(axis=(1, 2)) if known else np.full(len(strengths), np.nan)
        control = members[row][steered.items[matched]].mean(axis=(2, 3)) if known else np.zeros((0, len(strengths)))
        low, high = quantile_band(control, len(strengths))
        ndcg_low, ndcg_high = quantile_band(steered.ndcg[matched], len(strengths))
        rows.append(pd.DataFrame({
            "latent": latent, "strength": strengths, "share": share, "low": low, "high": high,
            "ndcg": steered.ndcg[row], "ndcg_low": ndcg_low, "ndcg_high": ndcg_high,
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def quantile_band(values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The quantiles `BAND` over the rows of values (P, n), two arrays (n,); NaN if there are no rows."""
    if not len(values):
        return np.full(n, np.nan), np.full(n, np.nan)
    low, high = np.quantile(values, BAND, axis=0)
    return low, high


def concept_members(concepts: Concepts, names: pd.Series) -> np.ndarray:
    """(n, I+1) bool: the items of each named concept; an empty row for a name that is not an item concept."""
    column_of = {name: column for column, name in enumerate(concepts.names)}
    members = np.zeros((len(names), concepts.members.shape[0]), bool)
    columns = concepts.members.tocsc()
    for row, name in enumerate(names):
        if name in column_of:
            start, end = columns.indptr[column_of[name]], columns.indptr[column_of[name] + 1]
            members[row, columns.indices[start:end]] = True
    return members


def add_membership(table: pd.DataFrame, latents: np.ndarray, members: np.ndarray) -> pd.DataFrame:
    """A table with columns latent and item, plus `member`: whether the item belongs to the latent's concept. members:
    (n, I+1) bool of latents (n,)."""
    row = pd.Index(latents).get_indexer(table["latent"])
    return table.assign(member=members[row, table["item"].to_numpy(int)])


def unsteered_items(steered: SteeredRecommender, n_items: int) -> np.ndarray:
    """(C, n) the unsteered list of each history, as long as it can be, up to `DEPTH`."""
    excluded = max_distinct_items(steered.histories) if steered.mask_history else 0
    longest = steered.recommender.beam if isinstance(steered.recommender, HasBeam) else DEPTH
    depth = max(1, min(DEPTH, longest, n_items - excluded))
    return steered.recommend(None, depth).items


def rank_in(items: np.ndarray, lists: np.ndarray) -> np.ndarray:
    """The rank of items (..., k) in lists (..., n), from 1; 0 if absent.

    >>> rank_in(np.array([7, 8, 9]), np.array([8, 7])).tolist()
    [2, 1, 0]
    """
    hit = items[..., None] == lists[..., None, :]
    return np.where(hit.any(axis=-1), hit.argmax(axis=-1) + 1, 0)


def example_lists(
    steered: SteeredLists, latents: np.ndarray, example: np.ndarray, unsteered: np.ndarray, users: np.ndarray, *,
    strengths: tuple[float, ...] = STRENGTHS,
) -> pd.DataFrame:  # fmt: skip
    """The lists of one example user per latent, one row per strength and rank, with rank_before, the item's rank in the
    unsteered list (0 if absent). example: (n,) index of each latent's user in users (C,). unsteered: as of
    `unsteered_items`."""
    items = steered.items[np.arange(len(latents)), :, example]  # (n, S, k)
    n, S, k = items.shape
    return pd.DataFrame({
        "latent": np.repeat(latents, S * k), "user": np.repeat(users[example], S * k),
        "strength": np.tile(np.repeat(strengths, k), n), "rank": np.tile(np.arange(1, k + 1), n * S),
        "item": items.ravel(), "rank_before": rank_in(items, unsteered[example][:, None]).ravel(),
    })  # fmt: skip

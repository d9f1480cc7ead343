"""Does a latent do what it stands for? Take it away, or push along it, and count what is recommended then.

Every edit leaves the reconstruction's error where it was: x' = x + D(z') - D(z). So an edit of nothing changes nothing,
bit for bit, and no effect of a bad reconstruction counts as one of a latent.
"""
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from workbench.data import Cases
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.probing.activations.hooks import Site
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.faithfulness import standing_in

BATCH = 512
Edit = Callable[[Tensor], Tensor]


def without(dictionary: Dictionary, latent: int, *, along: int | None = None) -> Edit:
    """The edit that takes a latent away. along: the control, which moves as far along the direction of another."""
    direction = dictionary.decoder[latent if along is None else along]
    return lambda x: x - dictionary.encode(x)[:, latent, None] * direction


def pushed(direction: Tensor | np.ndarray, amount: float) -> Edit:
    """The edit that adds `amount` times a direction (D,) of length 1."""
    step = amount * torch.as_tensor(direction, dtype=torch.float32)
    return lambda x: x + step


def lists(recommender, cases: Cases, k: int = 10) -> np.ndarray:
    """(C, k) items that are recommended, histories not masked."""
    parts = [recommender.recommend(cases.histories.take(index), k).items
             for index in np.array_split(np.arange(len(cases.targets)), -(-len(cases.targets) // BATCH))]
    return np.concatenate(parts)


def shares(items: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(C,) which share of each list (C, k) is of a concept; member: (I+1,) bool.

    >>> shares(np.array([[1, 2, 3, 4, 5]]), np.array([0, 1, 1, 1, 0, 0]) > 0).tolist()
    [0.6]
    """
    return member[items].mean(axis=1)


def alike(z: csr_matrix, lengths: np.ndarray, latent: int, n: int = 100, *, seed: int = 0) -> np.ndarray:
    """Up to n latents to compare one with: that fire about as often (tenths of density of those that fire) and bring in
    as much on average, E[z_j] |w_j| within a fifth; where fewer do, the nearest in what they bring.

    z: (N, m) latents. lengths: (m,) of their directions.
    """
    fires = np.diff(z.tocsc().indptr)
    alive = np.setdiff1d(np.flatnonzero(fires), [latent])
    tenth = np.argsort(np.argsort(fires[alive], kind="stable")) * 10 // max(1, len(alive))
    mine = min(9, (fires[alive] < fires[latent]).sum() * 10 // max(1, len(alive)))
    brings = np.asarray(z.mean(axis=0)).ravel() * lengths
    far = np.abs(np.log(np.maximum(brings[alive], 1e-12) / max(brings[latent], 1e-12)))
    close = (tenth == mine) & (far <= np.log(1.2))
    order = np.lexsort((np.random.default_rng(seed).random(len(alive)), np.where(close, 0, far)))
    return alive[order[:n]]


def ablate(
    recommender, site: Site, dictionary: Dictionary, latent: int, cases: Cases, member: np.ndarray, *,
    controls: np.ndarray, k: int = 10,
) -> dict[str, float]:  # fmt: skip
    """What taking a latent away does to the share of its concept in the lists of these users (give those for whom it
    fires): before, change, and p and z against `controls` (latents, as of `alike`): moving each user as far along the
    direction of another. member: (I+1,) bool."""
    before = shares(lists(recommender, cases, k), member)

    def change(edit: Edit) -> float:
        with standing_in(recommender, site, edit):
            return float((shares(lists(recommender, cases, k), member) - before).mean())

    mine = change(without(dictionary, latent))
    rest = np.array([change(without(dictionary, latent, along=int(other))) for other in controls])
    p = (1 + (np.abs(rest) >= abs(mine)).sum()) / (1 + len(rest))
    return {"before": float(before.mean()), "change": mine, "control": float(np.abs(rest).mean()), "p": float(p),
            "z": float((mine - rest.mean()) / max(rest.std(), 1e-12))}  # fmt: skip


def dose(
    recommender, site: Site, direction: np.ndarray, amounts: list[float], cases: Cases, member: np.ndarray, *,
    k: int = 10, standing: Callable = standing_in,
) -> pd.DataFrame:  # fmt: skip
    """What pushing along a direction does, a row an amount: the share of the concept among the first k, ndcg, and
    `off target` the ndcg of users whose target is not of the concept.

    standing: how the edit is put in place; `slots.only(level)` pushes where one code is foretold alone. UserError where
    0 is not among the amounts, because nothing can be compared then.
    """
    if 0 not in amounts:
        raise UserError(f"amounts {amounts}: 0 must be one of them, to compare with")
    rows = []
    for amount in amounts:
        with standing(recommender, site, pushed(direction, amount)):
            rows.append({"amount": amount} | _told(lists(recommender, cases, k), cases, member, k))
    return pd.DataFrame(rows)


def boost(recommender, amounts: list[float], cases: Cases, member: np.ndarray, *, k: int = 10) -> pd.DataFrame:
    """The rival that steering has to beat: add an amount to the scores of the concept's items. Rows as in `dose`."""
    scores = recommender.score(cases.histories)
    scores[:, 0] = -np.inf
    rows = []
    for amount in amounts:
        order = np.argsort(-(scores + amount * member), axis=1, kind="stable")[:, :k]
        rows.append({"amount": amount} | _told(order, cases, member, k))
    return pd.DataFrame(rows)


def _told(items: np.ndarray, cases: Cases, member: np.ndarray, k: int) -> dict[str, float]:
    hit = items == cases.targets[:, None]
    ranks = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)
    value, other = per_case(f"ndcg@{k}", ranks), ~member[cases.targets]
    off = float(value[other].mean()) if other.any() else float("nan")
    return {"share": float(shares(items, member).mean()), f"ndcg@{k}": float(value.mean()), "off target": off}


def area(curve: pd.DataFrame) -> float:
    """Mean share over the range of amounts (trapezoids), less the share at 0.

    >>> area(pd.DataFrame({"amount": [0, 1, 2], "share": [0.1, 0.2, 0.4]}))
    0.125
    """
    x, y = curve["amount"].to_numpy(float), curve["share"].to_numpy(float)
    whole = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / (x[-1] - x[0]))
    return round(whole - float(y[x == 0][0]), 12)


def cost(curve: pd.DataFrame, *, gain: float = 0.2, metric: str = "ndcg@10") -> float:
    """What of the metric is lost where the share has risen by `gain`, between two amounts in a straight line; NaN where
    it never rises so far.

    >>> cost(pd.DataFrame({"amount": [0, 1], "share": [0.1, 0.5], "ndcg@10": [0.05, 0.03]}))
    0.01
    """
    up = curve[curve["amount"] >= 0].sort_values("amount")
    share, value = up["share"].to_numpy(float), up[metric].to_numpy(float)
    wanted = share[0] + gain
    at = np.flatnonzero(share >= wanted)
    if not len(at):
        return float("nan")
    low, high = at[0] - 1, at[0]
    part = (wanted - share[low]) / (share[high] - share[low])
    return round(float(value[0] - (value[low] + part * (value[high] - value[low]))), 12)

"""Interventions by code level, for networks that decode semantic IDs: what a dictionary preserves at each level, the
loss when it replaces the activations, and which position each code is predicted from.

Levels are counted as in `Activations.level`: a position of level l predicts code l of the next item and has read all
codes before it. `dictionaries` is always a sequence of L; a dictionary shared by all levels is repeated, (d,) * L. In
tables the levels are named "code 1" .. "code L". A recommender here has `module`, `codes`, and `code_log_probs(cases)`,
which returns (C, L) log-probabilities.
"""
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix, vstack

from workbench.data import Cases
from workbench.errors import UserError
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.activations.token_positions import Edit, patched_levels
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.faithfulness import fvu, fvu_by_group, reconstruct, recovered

ALL = "all"  # all levels at once, or all codes of an item together


def level_names(levels: int) -> list[str]:
    """The names of levels in tables."""
    return [f"code {level + 1}" for level in range(levels)]


def level_means(activations: Activations) -> np.ndarray:
    """(L, D) float32 mean activation of each level. Raises UserError if a level has no positions."""
    count = np.bincount(activations.level)
    if not count.size or not count.all():
        raise UserError(f"positions per level: {count.tolist()}; every level needs some")
    x, level = activations.x, activations.level
    return np.stack([x[level == i].mean(axis=0, dtype=np.float64) for i in range(len(count))]).astype(np.float32)


def reconstruct_by_level(dictionaries: Sequence[Dictionary], activations: Activations) -> np.ndarray:
    """(n, D) reconstructions, each by the dictionary of the position's level."""
    reconstruction = np.empty_like(activations.x)
    for level, rows in _rows_by_level(dictionaries, activations):
        reconstruction[rows] = reconstruct(dictionaries[level], activations.x[rows])
    return reconstruction


def latents_by_level(dictionaries: Sequence[Dictionary], activations: Activations) -> csr_matrix:
    """(n, m) latents, each by the dictionary of the position's level; all need the same number of latents."""
    order, blocks = [], []
    for level, rows in _rows_by_level(dictionaries, activations):
        order.append(np.flatnonzero(rows))
        blocks.append(dictionaries[level].encode_sparse(activations.x[rows]))
    return vstack(blocks, format="csr")[np.argsort(np.concatenate(order))]


def _rows_by_level(dictionaries: Sequence[Dictionary], activations: Activations) -> list[tuple[int, np.ndarray]]:
    level = activations.level
    if len(dictionaries) <= level.max(initial=-1):
        raise UserError(f"{len(dictionaries)} dictionaries for {level.max() + 1} levels; give one per level")
    return [(i, level == i) for i in np.unique(level)]


def fvu_by_level(kinds: dict[str, Sequence[Dictionary]], activations: Activations) -> pd.DataFrame:
    """Fraction of variance unexplained, lower is better: one column per kind of dictionary, one row per level, about
    the level's own mean, and `all`, about the overall mean. The pooled value also counts the distance between the
    levels' means, which a few latents explain, so it can be low although a level is worse than its own mean (above
    1)."""
    columns = {}
    for kind, dictionaries in kinds.items():
        reconstruction = reconstruct_by_level(dictionaries, activations)
        by_level = fvu_by_group(activations.x, reconstruction, activations.level)
        columns[kind] = [*by_level.values(), fvu(activations.x, reconstruction)]
    index = [*level_names(len(np.unique(activations.level))), ALL]
    return pd.DataFrame(columns, index=index).rename_axis("level")


def code_losses(
    recommender, site: Site, cases: Cases, edits: Sequence[Edit], *, target_only: bool = False
) -> dict[str, np.ndarray]:
    """(C, L) cross-entropy (nats) of each code of the targets, teacher-forced, with edits[l] at the positions of level
    l: for one level at a time ("code 1" ..), and for all at once ("all"). target_only: edit only the target's
    positions, not those of the history."""
    edits_of = {name: {level: edit} for level, (name, edit) in enumerate(zip(level_names(len(edits)), edits))}
    losses = {}
    for name, level_edits in (edits_of | {ALL: dict(enumerate(edits))}).items():
        with patched_levels(recommender, site, level_edits, target_only=target_only):
            losses[name] = -recommender.code_log_probs(cases).astype(np.float64)
    return losses


def recovered_by_level(
    recommender, site: Site, cases: Cases, dictionaries: Sequence[Dictionary], means: np.ndarray, *,
    target_only: bool = False, draws: int = 2000, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The share of cross-entropy that reconstructions recover (`faithfulness.recovered` of -CE, paired bootstrap over
    users), one row for each edited level and each measured code (or `all`: the nats of the whole item).

    means: (L, D) from `level_means`. The mean ablation inserts the mean of the level; the overall mean would in
    addition show each position a wrong level. Columns: base, spliced, mean, zero (nats); recovered_mean and
    recovered_zero against each ablation, with low_ and high_ (95 %) and text_; None if the ablation costs less than
    three standard errors, as for codes before the edited level when the history is not edited.
    """
    base_losses = -recommender.code_log_probs(cases).astype(np.float64)
    kinds = {
        "spliced": [lambda x, d=d: d.decode(d.encode(x)) for d in dictionaries], "mean": mean_edits(means),
        "zero": [torch.zeros_like] * len(means),
    }  # fmt: skip
    runs = {kind: code_losses(recommender, site, cases, edits, target_only=target_only)
            for kind, edits in kinds.items()}  # fmt: skip
    rows = []
    for edited in runs["spliced"]:
        for code, name in enumerate([*level_names(len(means)), ALL]):
            base, *others = (_nats(run, code) for run in (base_losses, *(runs[kind][edited] for kind in kinds)))
            row = {"edited": edited, "code": name, "base": base.mean()}
            row |= {kind: other.mean() for kind, other in zip(kinds, others)}
            for kind, ablated in zip(("mean", "zero"), others[1:]):
                share = recovered(-base, -others[0], -ablated, draws=draws, seed=seed)
                row |= {f"{field}_{kind}": value for field, value in zip(("recovered", "low", "high", "text"), share)}
            rows.append(row)
    return pd.DataFrame(rows)


def _nats(losses: np.ndarray, code: int) -> np.ndarray:
    """(C,) nats of one code; of the whole item if `code` is the number of levels."""
    return losses[:, code] if code < losses.shape[1] else losses.sum(axis=1)


def mean_edits(means: np.ndarray) -> list[Edit]:
    """The edits that replace all activations of a level by its mean; means: (L, D)."""
    rows = torch.from_numpy(np.asarray(means, np.float32))
    return [lambda x, row=row: row.expand_as(x).clone() for row in rows]


def attribution(recommender, site: Site, cases: Cases, means: np.ndarray) -> np.ndarray:
    """(C, L, L) float64 loss increases in nats, [c, l, k]: the increase for code k of a target when its position of
    level l is mean-ablated (means: (L, D) from `level_means`). Exactly 0 for k < l, by causality.

    The position of level l predicts code l; its input is code l - 1 of the target, or for l = 0 the last code of the
    previous item. The diagonal therefore measures what a position holds for its own code, and entries right of it
    measure what later positions attend to there above the site, its own input code included. At the last block no
    attention follows, so only the diagonal is nonzero.
    """
    base = -recommender.code_log_probs(cases).astype(np.float64)
    ablated = code_losses(recommender, site, cases, mean_edits(means), target_only=True)
    return np.stack([ablated[name] - base for name in level_names(len(means))], axis=1)


def mean_attribution(rise: np.ndarray, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """The mean of `attribution` (C, L, L) over cases with a 95 % bootstrap interval, one row per pair of levels:
    ablated, code, rise, low, high."""
    C, L, _ = rise.shape
    weights = np.random.default_rng(seed).multinomial(C, np.full(C, 1 / C), size=draws) / C
    low, high = np.quantile(weights @ rise.reshape(C, -1), [0.025, 0.975], axis=0)
    names = level_names(L)
    pairs = pd.MultiIndex.from_product([names, names], names=["ablated", "code"]).to_frame(index=False)
    return pairs.assign(rise=rise.mean(axis=0).ravel(), low=low, high=high)

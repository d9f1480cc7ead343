"""A network that spells items in codes, level by level: what a dictionary keeps of each slot, what the network loses
where it stands in, and which slot each code is foretold from.

Levels are counted as in `Activations.level`: a unit of level l is the slot that foretells code l of the next item and
has read all codes before it. `dictionaries` are always L of them; one that all levels share is (it,) * L. In tables the
rows are named "code 1" .. "code L". A recommender here has `module`, `codes` and `spell_out(cases)`, which gives (C, L)
log-probabilities.
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
from workbench.probing.activations.token_positions import Edit, standing_in
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.faithfulness import fvu, fvu_by, reconstruct, recovered

ALL = "all"  # every level at once, or all codes of an item together


def names(levels: int) -> list[str]:
    """What levels are called in tables."""
    return [f"code {level + 1}" for level in range(levels)]


def level_means(units: Activations) -> np.ndarray:
    """(L, D) float32 mean activation of each level. UserError where a level has no units."""
    count = np.bincount(units.level)
    if not count.size or not count.all():
        raise UserError(f"units a level: {count.tolist()}; every level needs some")
    means = [units.x[units.level == level].mean(axis=0, dtype=np.float64) for level in range(len(count))]
    return np.stack(means).astype(np.float32)


def rebuilt(dictionaries: Sequence[Dictionary], units: Activations) -> np.ndarray:
    """(n, D) reconstructions, each unit's by the dictionary of its level."""
    out = np.empty_like(units.x)
    for level, own in _units_by_level(dictionaries, units):
        out[own] = reconstruct(dictionaries[level], units.x[own])
    return out


def latents(dictionaries: Sequence[Dictionary], units: Activations) -> csr_matrix:
    """(n, m) latents, each unit's by the dictionary of its level; all must have as many."""
    order, parts = [], []
    for level, own in _units_by_level(dictionaries, units):
        order.append(np.flatnonzero(own))
        parts.append(dictionaries[level].latents_of(units.x[own]))
    return vstack(parts, format="csr")[np.argsort(np.concatenate(order))]


def _units_by_level(dictionaries: Sequence[Dictionary], units: Activations):
    if len(dictionaries) <= units.level.max(initial=-1):
        raise UserError(f"{len(dictionaries)} dictionaries for {units.level.max() + 1} levels; give one a level")
    return [(level, units.level == level) for level in np.unique(units.level)]


def fvu_by_level(kinds: dict[str, Sequence[Dictionary]], units: Activations) -> pd.DataFrame:
    """Variance left unexplained, lower is better: a column a kind of dictionaries, a row a level about that level's own
    mean, and `all` about the mean of all. That last one also counts how far the levels lie apart, which a few latents
    explain: it can be low where a level is worse off than with its mean (above 1)."""
    columns = {}
    for kind, dictionaries in kinds.items():
        guess = rebuilt(dictionaries, units)
        columns[kind] = [*fvu_by(units.x, guess, units.level).values(), fvu(units.x, guess)]
    return pd.DataFrame(columns, index=[*names(len(np.unique(units.level))), ALL]).rename_axis("slots")


def losses(
    recommender, site: Site, cases: Cases, edits: Sequence[Edit], *, own: bool = False
) -> dict[str, np.ndarray]:
    """(C, L) nats of each code of the targets, true codes before it, with edits[l] at the slots of level l: of one
    level alone ("code 1" ..), and of all at once. own: at the target's slots only, not also in the history."""
    levels = range(len(edits))
    asked = {name: {level: edits[level]} for name, level in zip(names(len(edits)), levels)}
    found = {}
    for name, chosen in (asked | {ALL: dict(enumerate(edits))}).items():
        with standing_in(recommender, site, chosen, own=own):
            found[name] = -recommender.spell_out(cases).astype(np.float64)
    return found


def recovered_by_level(
    recommender, site: Site, cases: Cases, dictionaries: Sequence[Dictionary], means: np.ndarray, *, own: bool = False,
    draws: int = 2000, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """How much of what a site is worth to each code a reconstruction keeps (`faithful.recovered` of -CE, users drawn
    together), a row for each level that is edited and each code that is measured (or `all`: the nats of an item).

    means: (L, D) from `level_means`: the mean ablation puts in the mean of the level, not that of all slots, which
    would also tell every slot a wrong level. Columns: base, spliced, mean, zero (nats); recovered_mean and
    recovered_zero against each ablation, with low_ and high_ (95 %) and said_ in words; None where ablation costs less
    than three standard errors, such as codes before the edited slot where nothing of it is in the history.
    """
    still = -recommender.spell_out(cases).astype(np.float64)
    kinds = {
        "spliced": [lambda x, d=d: d.decode(d.encode(x)) for d in dictionaries], "mean": flattened(means),
        "zero": [torch.zeros_like] * len(means),
    }  # fmt: skip
    runs = {kind: losses(recommender, site, cases, edits, own=own) for kind, edits in kinds.items()}
    rows = []
    for edited in runs["spliced"]:
        for code, name in enumerate([*names(len(means)), ALL]):
            base, *others = (_of(run, code) for run in (still, *(runs[kind][edited] for kind in kinds)))
            row = {"edited": edited, "code": name, "base": base.mean()}
            row |= {kind: other.mean() for kind, other in zip(kinds, others)}
            for kind, ablated in zip(("mean", "zero"), others[1:]):
                kept = recovered(-base, -others[0], -ablated, draws=draws, seed=seed)
                row |= {f"{field}_{kind}": value for field, value in zip(("recovered", "low", "high", "said"), kept)}
            rows.append(row)
    return pd.DataFrame(rows)


def _of(run: np.ndarray, code: int) -> np.ndarray:
    """(C,) nats of a code; of the whole item where there is no such code."""
    return run[:, code] if code < run.shape[1] else run.sum(axis=1)


def flattened(means: np.ndarray) -> list[Edit]:
    """The edits that put the mean of a level (L, D) in the place of all of its activations."""
    rows = torch.from_numpy(np.asarray(means, np.float32))
    return [lambda x, row=row: row.expand_as(x).clone() for row in rows]


def attribution(recommender, site: Site, cases: Cases, means: np.ndarray) -> np.ndarray:
    """(C, L, L) float64 rises in nats, [c, l, k]: what code k of a target costs more where its slot of level l holds
    the mean of that level (means: (L, D) from `level_means`). Exactly 0 for k < l: what is read later cannot be known.

    The slot of level l is the one that foretells code l; it has read code l - 1 of the target, or for l = 0 the last
    code of the item before. So the diagonal is what a slot holds for its own code, from all that it has looked up in
    the history by then, and what stands right of it is what later slots come to fetch there, by attention above the
    site: code l - 1 itself, which was read in at this slot, included. At the last block nothing can be fetched any
    more, and only the diagonal is left.
    """
    whole = -recommender.spell_out(cases).astype(np.float64)
    ablated = losses(recommender, site, cases, flattened(means), own=True)
    return np.stack([ablated[name] - whole for name in names(len(means))], axis=1)


def average(rise: np.ndarray, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """The mean of `attribution` over cases, with a 95 % interval over them, a row a pair: ablated, code, rise, low,
    high."""
    C, L, _ = rise.shape
    weights = np.random.default_rng(seed).multinomial(C, np.full(C, 1 / C), size=draws) / C
    low, high = np.quantile(weights @ rise.reshape(C, -1), [0.025, 0.975], axis=0)
    pairs = pd.MultiIndex.from_product([names(L), names(L)], names=["ablated", "code"]).to_frame(index=False)
    return pairs.assign(rise=rise.mean(axis=0).ravel(), low=low, high=high)

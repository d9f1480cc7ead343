"""Where a beam loses the item that came next, and what an exact search would have found instead.

A recommender here is anything with `codes`, `beams(histories, beam=, constrained=)` and `score(histories)`. Places are
1-based, by code group, 0 for a target that is not in the list.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from workbench.data import Cases, Histories
from workbench.decode import Beams
from workbench.evaluate import per_case
from workbench.progress import track
from workbench.tokens import ItemCodes
from workbench.tokens.trie import Trie

ROWS = 64  # histories decoded at a time
BEAMS = 4096  # prefixes that stand in all beams at a time: the working set stays near the cache


def kept(beams: Beams, trie: Trie, targets: np.ndarray) -> np.ndarray:
    """(C, L) bool: whether the prefix of the true item is in the beam after each level."""
    true = trie.node[targets, 1:]
    return np.column_stack([(nodes == true[:, level, None]).any(1) for level, nodes in enumerate(beams.nodes)])


def prefix_recall(held: np.ndarray) -> np.ndarray:
    """(L,) share of cases whose true prefix is in the beam after each level, from `kept` (C, L)."""
    return held.mean(axis=0)


def where_lost(held: np.ndarray) -> np.ndarray:
    """(C,) the level, from 1, at which the true prefix falls out of the beam; 0 where it stays to the end."""
    return np.where(held.all(axis=1), 0, held.argmin(axis=1) + 1)


def search_error(exact: np.ndarray, found: np.ndarray, k: int) -> float:
    """Share of cases whose target is among the first k by exact score, but not among the first k of the beam.

    exact, found: (C,) places.
    """
    return float((_within(exact, k) & ~_within(found, k)).mean())


def pruning_rate(lost: np.ndarray, exact: np.ndarray, beam: int, levels: int) -> np.ndarray:
    """(L,) among cases whose exact place is within the beam: the share lost at each level, although there was room for
    them (BEAR, arXiv:2601.22925). NaN where there is no such case. lost: (C,) from `where_lost`."""
    room = lost[_within(exact, beam)]
    return np.bincount(room, minlength=levels + 1)[1:] / len(room) if len(room) else np.full(levels, np.nan)


def invalid_share(beams: Beams) -> tuple[float, float]:
    """Of what unconstrained beams hold at the end: the share that is no item's code, and the share of their
    probability that lies there."""
    there, outside = np.isfinite(beams.scores[-1]), beams.nodes[-1] < 0
    mass = np.exp(beams.scores[-1])
    return float((there & outside).sum() / there.sum()), float(mass[outside].sum() / mass.sum())


def beam_gap(exact: np.ndarray, found: np.ndarray, groups: np.ndarray, metric: str = "ndcg@10") -> float:
    """A metric by exact score less the same by the beam; below 0 where the beam is better."""
    return float((per_case(metric, exact, groups) - per_case(metric, found, groups)).mean())


def _within(places: np.ndarray, k: int) -> np.ndarray:
    return (places > 0) & (places <= k)


def taken(trie: Trie, nodes: np.ndarray, exclude: Histories) -> np.ndarray:
    """(C, W) how many items of the code groups `nodes` (C, W), -1 for none, stand in `exclude`, C rows."""
    width, groups = len(trie.node), len(trie.group_size)
    pairs = np.unique(exclude.rows() * width + exclude.items)
    keys, count = np.unique(pairs // width * groups + trie.group[pairs % width], return_counts=True)
    asked = np.arange(len(nodes))[:, None] * groups + nodes
    at = np.minimum(np.searchsorted(keys, asked), max(0, len(keys) - 1))
    return np.where((nodes >= 0) & (keys[at] == asked), count[at], 0) if len(keys) else np.zeros_like(nodes)


def read_again(cases: Cases) -> np.ndarray:
    """(C,) bool: the target stands in its own history, so that no list without the history can hold it."""
    again = cases.histories.items == np.repeat(cases.targets, cases.histories.lengths)
    return np.bincount(cases.histories.rows()[again], minlength=len(cases.targets)) > 0


def beam_places(beams: Beams, trie: Trie, targets: np.ndarray, exclude: Histories | None = None) -> np.ndarray:
    """(C,) places at which the final beams list the targets' code groups. exclude: items left out of the lists."""
    nodes, order = beams.nodes[-1], np.argsort(-beams.scores[-1], axis=1, kind="stable")
    nodes = np.take_along_axis(nodes, order, 1)
    size = np.where(nodes >= 0, trie.group_size[nodes], 0)
    if exclude is not None:
        size = size - taken(trie, nodes, exclude)
    before = np.cumsum(size, axis=1) - size
    hit = nodes == trie.group[targets][:, None]
    found = np.where(hit.any(1), 1 + np.take_along_axis(before, hit.argmax(1)[:, None], 1)[:, 0], 0)
    return found if exclude is None else np.where(read_again(Cases(exclude, targets)), 0, found)


def exact_places(
    scores: np.ndarray, trie: Trie, targets: np.ndarray, exclude: Histories | None = None
) -> np.ndarray:  # fmt: skip
    """(C,) places of the targets' code groups by scores (C, I+1) of all items; of equal ones the lower id is first.
    exclude: items left out of the ranking."""
    head = np.concatenate([[0], trie.order[trie.first[-1]][trie.group[1:]]])
    own, first = np.take_along_axis(scores, targets[:, None].astype(np.int64), 1), head[targets][:, None]
    ahead = (scores > own) | ((scores == own) & (head < first))
    if exclude is None:
        return 1 + ahead[:, 1:].sum(axis=1)
    ahead[exclude.rows(), exclude.items] = False
    return np.where(read_again(Cases(exclude, targets)), 0, 1 + ahead[:, 1:].sum(axis=1))


class Decoded(NamedTuple):
    """What beams of one width found for C cases. found: within the trie. free: of beams that may leave it. held: (C, L)
    from `kept`. places: (C,)."""

    found: Beams
    free: Beams
    held: np.ndarray
    places: np.ndarray


def decoded(recommender, cases: Cases, *, beam: int, masked: bool = False) -> Decoded:
    """Beams of one width. masked: what was read is not spelt again, by the beams that stay in the trie."""
    found = search(recommender, cases.histories, beam=beam, masked=masked)
    free = search(recommender, cases.histories, beam=beam, constrained=False)
    trie = recommender.codes.trie
    places = beam_places(found, trie, cases.targets, cases.histories if masked else None)
    return Decoded(found, free, kept(found, trie, cases.targets), places)


def target_groups(trie: Trie, cases: Cases, *, masked: bool = False) -> np.ndarray:
    """(C,) how many items of the target's code group can be listed; at least 1."""
    groups = trie.group[cases.targets][:, None]
    gone = taken(trie, groups, cases.histories) if masked else 0
    return np.maximum(1, trie.group_size[groups] - gone)[:, 0]


def proven(found: Beams, depth: int) -> np.ndarray:
    """(C,) bool: whether the first `depth` full codes of the beams are those of an exact search. A prefix is at least
    as probable as what begins with it, so whatever fell out of a level is no better than the last that stayed."""
    last = np.max([scores[:, -1] for scores in found.scores[:-1]], axis=0, initial=-np.inf)
    if found.scores[-1].shape[1] < depth:
        return np.isneginf(last)
    return np.isneginf(last) | (found.scores[-1][:, depth - 1] > last)


def exact_within(recommender, cases: Cases, depth: int, *, wide: int = 256, masked: bool = False) -> np.ndarray:
    """(C,) exact places up to `depth`, 0 for what lies behind: from beams of width `wide`, or four times that, where
    they are `proven`, and from scores of all items for the other cases."""
    trie = recommender.codes.trie
    places, unsure = np.zeros(len(cases.targets), np.int64), np.arange(len(cases.targets))
    for beam in (max(wide, 2 * depth), 4 * max(wide, 2 * depth)):
        if len(unsure):
            part = cases.take(unsure)
            found = search(recommender, part.histories, beam=beam, masked=masked)
            places[unsure] = beam_places(found, trie, part.targets, part.histories if masked else None)
            unsure = unsure[~proven(found, depth)]
    for start in track(range(0, len(unsure), ROWS), "score all items", unit="batches"):
        at = unsure[start : start + ROWS]
        part = cases.take(at)
        scores = recommender.score(part.histories)
        places[at] = exact_places(scores, trie, part.targets, part.histories if masked else None)
    return np.where(places <= depth, places, 0)


def study(
    recommender, cases: Cases, *, widths: tuple[int, ...] = (10, 20, 50), k: int = 10, masked: bool = False
) -> pd.DataFrame:
    """Beams of these widths against an exact search, a row each: ndcg and recall at k, prefix recall (kept_1 ..
    kept_L), search_error at k, pruned (of the cases with room for them), and of a beam that may leave the trie the
    share that is no item (invalid) and its share of the probability (invalid_mass).

    masked: what a history holds is left out of both rankings.
    """
    exact = exact_within(recommender, cases, max(*widths, k), masked=masked)
    by_width = {width: decoded(recommender, cases, beam=width, masked=masked) for width in widths}
    return summary(by_width, exact, target_groups(recommender.codes.trie, cases, masked=masked), k=k)


def summary(by_width: dict[int, Decoded], exact: np.ndarray, groups: np.ndarray, *, k: int = 10) -> pd.DataFrame:
    """The table of `study`, from what each width found, exact places (C,), 0 behind all widths, and `target_groups`."""
    rows = {"exact": _scores(exact, groups, k)}
    for width, (_, free, held, places) in by_width.items():
        row = _scores(places, groups, k) | {f"kept_{n + 1}": share for n, share in enumerate(prefix_recall(held))}
        row["search_error"] = search_error(exact, places, k)
        row["pruned"] = float(pruning_rate(where_lost(held), exact, width, held.shape[1]).sum())
        row["invalid"], row["invalid_mass"] = invalid_share(free)
        rows[f"beam {width}"] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("search")


def _scores(places: np.ndarray, groups: np.ndarray, k: int) -> dict[str, float]:
    return {f"{name}@{k}": float(per_case(f"{name}@{k}", places, groups).mean()) for name in ("ndcg", "recall")}


def search(
    recommender, histories: Histories, *, beam: int, constrained: bool = True, masked: bool = False
) -> Beams:
    """The beams of all histories, decoded a few at a time. masked: what was read is not spelt again."""
    rows = max(1, min(ROWS, BEAMS // beam))
    few = [histories.take(np.arange(at, min(at + rows, len(histories)))) for at in range(0, len(histories), rows)]
    parts = []
    for part in track(few, f"beams of {beam}", unit="batches"):
        exclude = part if masked else None
        parts.append(recommender.beams(part, beam=beam, constrained=constrained, exclude=exclude))
    return Beams(*([np.concatenate(level) for level in zip(*field)] for field in zip(*parts)))


@torch.no_grad()
def loss_by_level(recommender, cases: Cases) -> pd.DataFrame:
    """Where the cross-entropy of the true codes sits, in nats a level, each given the true codes before it.

    loss: of the network. catalogue: of somebody who knows the trie alone and holds all codes that may follow a prefix
    for equally likely. recommender: one that answers `spell_out`.
    """
    codes = recommender.codes
    rows = {"loss": -recommender.spell_out(cases).mean(axis=0), "catalogue": catalogue_loss(codes, cases.targets)}
    return pd.DataFrame(rows, index=pd.RangeIndex(1, codes.levels + 1, name="level"))


def catalogue_loss(codes: ItemCodes, targets: np.ndarray) -> np.ndarray:
    """(L,) mean nats of a level for who knows the trie alone: log of how many codes may follow the true prefix."""
    below = [np.log((table >= 0).sum(1)) for table in codes.trie.children]
    return np.array([below[level][codes.trie.node[targets, level]].mean() for level in range(codes.levels)])

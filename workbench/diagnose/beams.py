"""Where a beam loses the item that came next, and what an exact search would have found instead.

A recommender here is anything with `codes`, `beams(histories, beam=, constrained=)` and `score(histories)`. Places are
1-based, by code group, 0 for a target that is not in the list.
"""
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


def beam_places(beams: Beams, trie: Trie, targets: np.ndarray) -> np.ndarray:
    """(C,) places at which the final beams list the targets' code groups."""
    nodes, order = beams.nodes[-1], np.argsort(-beams.scores[-1], axis=1, kind="stable")
    nodes = np.take_along_axis(nodes, order, 1)
    size = np.where(nodes >= 0, trie.group_size[nodes], 0)
    before = np.cumsum(size, axis=1) - size
    hit = nodes == trie.group[targets][:, None]
    return np.where(hit.any(1), 1 + np.take_along_axis(before, hit.argmax(1)[:, None], 1)[:, 0], 0)


def exact_places(scores: np.ndarray, trie: Trie, targets: np.ndarray) -> np.ndarray:
    """(C,) places of the targets' code groups by scores (C, I+1) of all items; of equal ones the lower id is first."""
    head = np.concatenate([[0], trie.order[trie.first[-1]][trie.group[1:]]])
    own, first = np.take_along_axis(scores, targets[:, None].astype(np.int64), 1), head[targets][:, None]
    return 1 + ((scores > own) | ((scores == own) & (head < first)))[:, 1:].sum(axis=1)


def study(recommender, cases: Cases, *, widths: tuple[int, ...] = (10, 20, 50), k: int = 10) -> pd.DataFrame:
    """Beams of these widths against exact scoring, a row each: ndcg and recall at k, prefix recall (kept_1 .. kept_L),
    search_error at k, pruned (of the cases with room for them), and of a beam that may leave the trie the share
    that is no item (invalid) and its share of the probability (invalid_mass).

    Histories are not masked. Every case is scored against all items, so give it hundreds of cases, or thousands on a
    small catalogue.
    """
    trie, levels = recommender.codes.trie, recommender.codes.levels
    groups = trie.group_size[trie.group[cases.targets]]
    exact = np.concatenate([
        exact_places(recommender.score(part.histories), trie, part.targets) for part in _parts(cases, "score all items")
    ])  # fmt: skip
    rows = {"exact": _scores(exact, groups, k)}
    for width in widths:
        found = search(recommender, cases.histories, beam=width)
        held, places = kept(found, trie, cases.targets), beam_places(found, trie, cases.targets)
        row = _scores(places, groups, k) | {f"kept_{n + 1}": share for n, share in enumerate(prefix_recall(held))}
        row["search_error"] = search_error(exact, places, k)
        row["pruned"] = float(pruning_rate(where_lost(held), exact, width, levels).sum())
        free = search(recommender, cases.histories, beam=width, constrained=False)
        row["invalid"], row["invalid_mass"] = invalid_share(free)
        rows[f"beam {width}"] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("search")


def _scores(places: np.ndarray, groups: np.ndarray, k: int) -> dict[str, float]:
    return {f"{name}@{k}": float(per_case(f"{name}@{k}", places, groups).mean()) for name in ("ndcg", "recall")}


def _parts(cases: Cases, what: str):
    starts = range(0, len(cases.targets), ROWS)
    for start in track(starts, what, unit="batches"):
        yield cases.take(np.arange(start, min(start + ROWS, len(cases.targets))))


def search(
    recommender, histories: Histories, *, beam: int, constrained: bool = True, masked: bool = False
) -> Beams:
    """The beams of all histories, decoded a few at a time. masked: what was read is not spelt again."""
    few = [histories.take(np.arange(at, min(at + ROWS, len(histories)))) for at in range(0, len(histories), ROWS)]
    parts = [
        recommender.beams(part, beam=beam, constrained=constrained, exclude=part if masked else None) for part in few
    ]
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

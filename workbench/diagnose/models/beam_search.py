"""Beam search over semantic IDs: which true prefixes it prunes, compared with an exact search.

A recommender here has `codes`, `beams(histories, beam=, constrained=, exclude=)` and `score(histories)`. Ranks are
1-based, by code group; 0 means that the target is not in the list.
"""
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from workbench.data import Cases, Histories
from workbench.decode import Beams
from workbench.evaluate import per_case
from workbench.evaluate.intervals import Estimate, estimate_difference, estimate_mean, mean_interval
from workbench.progress import track
from workbench.tokens import ItemCodes
from workbench.tokens.trie import Trie

ROWS = 64  # histories decoded at a time
BEAMS = 4096  # prefixes in all beams at a time, so that the working set fits the cache


def in_beam(beams: Beams, trie: Trie, targets: np.ndarray) -> np.ndarray:
    """(C, L) bool: whether the prefix of the target is in the beam after each level."""
    true = trie.node[targets, 1:]
    return np.column_stack([(nodes == true[:, level, None]).any(1) for level, nodes in enumerate(beams.nodes)])


def prefix_recall(retained: np.ndarray) -> np.ndarray:
    """(L,) share of cases whose true prefix is in the beam after each level. retained: `in_beam` (C, L)."""
    return retained.mean(axis=0)


def level_pruned(retained: np.ndarray) -> np.ndarray:
    """(C,) the level, from 1, at which the true prefix is pruned; 0 if never. retained: `in_beam` (C, L)."""
    return np.where(retained.all(axis=1), 0, retained.argmin(axis=1) + 1)


def search_error(exact: np.ndarray, ranks: np.ndarray, k: int) -> float:
    """Share of cases whose target is in the top k of an exact search but not of beam search.

    exact, ranks: (C,) ranks by exact search and by beam search.
    """
    return float((_within(exact, k) & ~_within(ranks, k)).mean())


def pruning_rate(pruned: np.ndarray, exact: np.ndarray, beam: int, levels: int) -> np.ndarray:
    """(L,) among cases whose exact rank is within the beam width: the share pruned at each level (BEAR,
    arXiv:2601.22925). NaN if there is no such case. pruned: (C,) of `level_pruned`."""
    within = pruned[_within(exact, beam)]
    return np.bincount(within, minlength=levels + 1)[1:] / len(within) if len(within) else np.full(levels, np.nan)


def invalid_share(beams: Beams) -> tuple[float, float]:
    """Of the final unconstrained beams: the share of code sequences that belong to no item, and the share of
    probability on them."""
    finite, invalid = np.isfinite(beams.scores[-1]), beams.nodes[-1] < 0
    mass = np.exp(beams.scores[-1])
    return float((finite & invalid).sum() / finite.sum()), float(mass[invalid].sum() / mass.sum())


def beam_gap(exact: np.ndarray, ranks: np.ndarray, groups: np.ndarray, metric: str = "ndcg@10") -> float:
    """A metric of exact search minus that of beam search; negative if beam search is better."""
    return float((per_case(metric, exact, groups) - per_case(metric, ranks, groups)).mean())


def _within(ranks: np.ndarray, k: int) -> np.ndarray:
    return (ranks > 0) & (ranks <= k)


def excluded_per_group(trie: Trie, nodes: np.ndarray, exclude: Histories) -> np.ndarray:
    """(C, W) number of items in the code groups `nodes` (C, W), -1 for none, that are in `exclude`, C rows."""
    width, groups = len(trie.node), len(trie.group_size)
    pairs = np.unique(exclude.rows() * width + exclude.items)
    keys, count = np.unique(pairs // width * groups + trie.group[pairs % width], return_counts=True)
    queries = np.arange(len(nodes))[:, None] * groups + nodes
    at = np.minimum(np.searchsorted(keys, queries), max(0, len(keys) - 1))
    return np.where((nodes >= 0) & (keys[at] == queries), count[at], 0) if len(keys) else np.zeros_like(nodes)


def target_in_history(cases: Cases) -> np.ndarray:
    """(C,) bool: whether the target occurs in its own history, so that a masked list cannot contain it."""
    repeated = cases.histories.items == np.repeat(cases.targets, cases.histories.lengths)
    return np.bincount(cases.histories.rows()[repeated], minlength=len(cases.targets)) > 0


def beam_ranks(beams: Beams, trie: Trie, targets: np.ndarray, exclude: Histories | None = None) -> np.ndarray:
    """(C,) ranks of the targets' code groups in the final beams. exclude: items to leave out of the lists."""
    nodes, order = beams.nodes[-1], np.argsort(-beams.scores[-1], axis=1, kind="stable")
    nodes = np.take_along_axis(nodes, order, 1)
    size = np.where(nodes >= 0, trie.group_size[nodes], 0)
    if exclude is not None:
        size = size - excluded_per_group(trie, nodes, exclude)
    before = np.cumsum(size, axis=1) - size
    hit = nodes == trie.group[targets][:, None]
    ranks = np.where(hit.any(1), 1 + np.take_along_axis(before, hit.argmax(1)[:, None], 1)[:, 0], 0)
    return ranks if exclude is None else np.where(target_in_history(Cases(exclude, targets)), 0, ranks)


def exact_ranks(
    scores: np.ndarray, trie: Trie, targets: np.ndarray, exclude: Histories | None = None
) -> np.ndarray:  # fmt: skip
    """(C,) ranks of the targets' code groups by scores (C, I+1) of all items, ties by lower id. exclude: items to leave
    out of the ranking."""
    head = np.concatenate([[0], trie.order[trie.first[-1]][trie.group[1:]]])
    own, first = np.take_along_axis(scores, targets[:, None].astype(np.int64), 1), head[targets][:, None]
    ahead = (scores > own) | ((scores == own) & (head < first))
    if exclude is None:
        return 1 + ahead[:, 1:].sum(axis=1)
    ahead[exclude.rows(), exclude.items] = False
    return np.where(target_in_history(Cases(exclude, targets)), 0, 1 + ahead[:, 1:].sum(axis=1))


class BeamResult(NamedTuple):
    """Beam search of one width for C cases. beams: constrained to the trie. unconstrained: over all code sequences.
    in_beam: (C, L) of `in_beam`. ranks: (C,) of `beam_ranks`."""

    beams: Beams
    unconstrained: Beams
    in_beam: np.ndarray
    ranks: np.ndarray


def decode_with_beam(recommender, cases: Cases, *, beam: int, masked: bool = False) -> BeamResult:
    """Beam search of one width. masked: exclude the items of the history, in the constrained beams only."""
    beams = run_beam_search(recommender, cases.histories, beam=beam, masked=masked)
    unconstrained = run_beam_search(recommender, cases.histories, beam=beam, constrained=False)
    trie = recommender.codes.trie
    ranks = beam_ranks(beams, trie, cases.targets, cases.histories if masked else None)
    return BeamResult(beams, unconstrained, in_beam(beams, trie, cases.targets), ranks)


def target_group_sizes(trie: Trie, cases: Cases, *, masked: bool = False) -> np.ndarray:
    """(C,) number of items of the target's code group that can be recommended; at least 1."""
    groups = trie.group[cases.targets][:, None]
    excluded = excluded_per_group(trie, groups, cases.histories) if masked else 0
    return np.maximum(1, trie.group_size[groups] - excluded)[:, 0]


def provably_exact(beams: Beams, depth: int) -> np.ndarray:
    """(C,) bool: whether the first `depth` code sequences of the beams are those of an exact search. A prefix is at
    least as probable as its extensions, so nothing pruned at a level scores above the last prefix retained there."""
    bound = np.max([scores[:, -1] for scores in beams.scores[:-1]], axis=0, initial=-np.inf)
    if beams.scores[-1].shape[1] < depth:
        return np.isneginf(bound)
    return np.isneginf(bound) | (beams.scores[-1][:, depth - 1] > bound)


def exact_ranks_within(recommender, cases: Cases, depth: int, *, wide: int = 256, masked: bool = False) -> np.ndarray:
    """(C,) exact ranks up to `depth`, 0 beyond: from beams of width `wide`, or four times that, where these are
    `provably_exact`, and from scores of all items for the other cases."""
    trie = recommender.codes.trie
    ranks, open_cases = np.zeros(len(cases.targets), np.int64), np.arange(len(cases.targets))
    for beam in (max(wide, 2 * depth), 4 * max(wide, 2 * depth)):
        if len(open_cases):
            subset = cases.take(open_cases)
            beams = run_beam_search(recommender, subset.histories, beam=beam, masked=masked)
            ranks[open_cases] = beam_ranks(beams, trie, subset.targets, subset.histories if masked else None)
            open_cases = open_cases[~provably_exact(beams, depth)]
    for start in track(range(0, len(open_cases), ROWS), "score all items", unit="batches"):
        at = open_cases[start : start + ROWS]
        subset = cases.take(at)
        scores = recommender.score(subset.histories)
        ranks[at] = exact_ranks(scores, trie, subset.targets, subset.histories if masked else None)
    return np.where(ranks <= depth, ranks, 0)


def beam_width_table(recommender, cases: Cases, *, widths: tuple[int, ...] = (10, 20, 50), k: int = 10,
                     masked: bool = False) -> pd.DataFrame:
    """Beam search of several widths compared with an exact search, one row each: ndcg and recall at k, prefix recall
    per level (prefix_recall_1 .. prefix_recall_L), search_error at k, what the beam loses of ndcg and recall
    (ndcg@k lost, paired by case), pruned (share of the cases with exact rank within the width), of unconstrained beams
    the share of code sequences without an item (invalid) and of probability on them (invalid_mass), and the number of
    cases. All but the last four have 95 % bounds over cases in columns "... low" and "... high".

    masked: exclude the items of each history from both rankings.
    """
    exact = exact_ranks_within(recommender, cases, max(*widths, k), masked=masked)
    by_width = {width: decode_with_beam(recommender, cases, beam=width, masked=masked) for width in widths}
    return summarize_beams(by_width, exact, target_group_sizes(recommender.codes.trie, cases, masked=masked), k=k)


def summarize_beams(by_width: dict[int, BeamResult], exact: np.ndarray, groups: np.ndarray, *,
                    k: int = 10) -> pd.DataFrame:
    """The table of `beam_width_table` from the results by width, exact ranks (C,) and `target_group_sizes` (C,)."""
    rows = {"exact": _scores(exact, groups, k)}
    for width, result in by_width.items():
        row, levels = _scores(result.ranks, groups, k), result.in_beam.shape[1]
        for name in (f"ndcg@{k}", f"recall@{k}"):
            row |= _lost(name, exact, result.ranks, groups)
        for level in range(levels):
            row |= _bounded(f"prefix_recall_{level + 1}", estimate_mean(result.in_beam[:, level]))
        row |= _bounded("search_error", estimate_mean(_within(exact, k) & ~_within(result.ranks, k)))
        row["pruned"] = float(pruning_rate(level_pruned(result.in_beam), exact, width, levels).sum())
        row["invalid"], row["invalid_mass"] = invalid_share(result.unconstrained)
        rows[f"beam {width}"] = row
    return pd.DataFrame.from_dict(rows, orient="index").assign(cases=len(exact)).rename_axis("search")


def _scores(ranks: np.ndarray, groups: np.ndarray, k: int) -> dict[str, float]:
    """The mean of each metric with its bounds."""
    ndcg, recall = (estimate_mean(per_case(f"{name}@{k}", ranks, groups)) for name in ("ndcg", "recall"))
    return _bounded(f"ndcg@{k}", ndcg) | _bounded(f"recall@{k}", recall)


def _lost(name: str, exact: np.ndarray, ranks: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """A metric of an exact search minus that of a beam, paired by case, with its bounds."""
    return _bounded(f"{name} lost", estimate_difference(*(per_case(name, each, groups) for each in (exact, ranks))))


def _bounded(name: str, estimate: Estimate) -> dict[str, float]:
    """A mean with its 95 % bounds in the columns "name low" and "name high"."""
    return dict(zip((name, f"{name} low", f"{name} high"), (estimate.mean, *estimate.interval())))


def run_beam_search(
    recommender, histories: Histories, *, beam: int, constrained: bool = True, masked: bool = False
) -> Beams:
    """The beams of all histories, decoded in batches. masked: exclude the items of each history."""
    rows = max(1, min(ROWS, BEAMS // beam))
    batches = [histories.take(np.arange(at, min(at + rows, len(histories)))) for at in range(0, len(histories), rows)]
    results = []
    for batch in track(batches, f"beams of {beam}", unit="batches"):
        exclude = batch if masked else None
        results.append(recommender.beams(batch, beam=beam, constrained=constrained, exclude=exclude))
    return Beams(*([np.concatenate(level) for level in zip(*field)] for field in zip(*results)))


@torch.no_grad()
def loss_by_level(recommender, cases: Cases) -> pd.DataFrame:
    """Cross-entropy of the true codes per level in nats, teacher-forced.

    loss: of the network, with its 95 % bounds low and high. cases: how many. uniform: of the uniform distribution over
    the codes that the trie allows after the true prefix. recommender: one with `code_log_probs`.
    """
    codes = recommender.codes
    nats, uniform = -recommender.code_log_probs(cases), uniform_trie_loss(codes, cases.targets)
    low, high = zip(*(mean_interval(level) for level in nats.T))
    return pd.DataFrame(
        {"loss": nats.mean(axis=0), "low": low, "high": high, "uniform": uniform, "cases": len(nats)},
        index=pd.RangeIndex(1, codes.levels + 1, name="level"),
    )


def uniform_trie_loss(codes: ItemCodes, targets: np.ndarray) -> np.ndarray:
    """(L,) mean cross-entropy in nats of a uniform distribution over the codes that the trie allows after the true
    prefix."""
    log_children = [np.log((table >= 0).sum(1)) for table in codes.trie.children]
    return np.array([log_children[level][codes.trie.node[targets, level]].mean() for level in range(codes.levels)])

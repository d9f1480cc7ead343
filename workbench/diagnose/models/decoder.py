"""The semantic-ID decoder of a generative recommender: beam search errors, invalid codes, and biases of decoding.

Everything is computed from exact log-probabilities of all prefixes in the catalogue and from beams of several widths.
"""
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from workbench.data import Cases, Split
from workbench.decode import Beams
from workbench.diagnose.models import beam_search
from workbench.diagnose.models.beyond_accuracy import popular_lists, random_lists
from workbench.diagnose.models.prefix_scores import prefix_log_probs, replaced
from workbench.diagnose.verdict.card import Card, gather_cards, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.interfaces import HasBeam
from workbench.tokens import ItemCodes
from workbench.tokens.trie import Trie
from workbench.train.rng import named_rng

WIDTHS = (10, 20, 50)
SCORED = 100  # cases for which the whole catalogue is scored


def child_ranges(trie: Trie, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """For each node of a depth, the index of its first child among the nodes one level deeper (nodes,), and for each of
    those its parent. Nodes are numbered in the order of their prefixes, so siblings are contiguous."""
    parent = np.zeros(len(trie.counts[depth + 1]), np.int64)
    parent[trie.node[1:, depth + 1]] = trie.node[1:, depth]
    return np.searchsorted(parent, np.arange(len(trie.counts[depth]))), parent


def constrained_shift(scores: list[np.ndarray], trie: Trie) -> tuple[np.ndarray, np.ndarray]:
    """(C,) KL(global || masked) in nats, and (C,) the total probability of valid code sequences.

    global: probabilities of the code groups, normalized once. masked: the same with the valid codes normalized at every
    step, as masking before the softmax does. scores: of `prefix_log_probs`.
    """
    log_valid, above = np.zeros((len(scores[0]), 1)), np.zeros((len(scores[0]), 1))
    for depth, below in enumerate(scores):
        starts, parent = child_ranges(trie, depth)
        valid = np.logaddexp.reduceat(below.astype(np.float64), starts, axis=1) - above
        log_valid, above = (log_valid + valid)[:, parent], below.astype(np.float64)
    total = logsumexp(above, axis=1)
    shares = np.exp(above - total[:, None])
    return np.maximum(0, (shares * log_valid).sum(1) - total), np.exp(total)


def forced_levels(trie: Trie) -> np.ndarray:
    """(groups,) for each full code, the number of levels at which the trie allows one code only."""
    head, out = trie.order[trie.first[-1]], 0
    for depth, table in enumerate(trie.children):
        out = out + ((table >= 0).sum(1) == 1)[trie.node[head, depth]]
    return out


def ghost_amplification(leaves: np.ndarray, trie: Trie) -> np.ndarray:
    """(C,) correlation over the catalogue between the log-probability of a full code (C, groups) and its number of
    `forced_levels`. UserError if all codes have the same number."""
    count = forced_levels(trie).astype(np.float64)
    count -= count.mean()
    if not count.any():
        raise UserError("all items have the same number of forced levels, so the correlation is undefined", code=3)
    from_mean = leaves - leaves.mean(1, keepdims=True, dtype=np.float64)
    return from_mean @ count / (np.linalg.norm(from_mean, axis=1) * np.linalg.norm(count) + 1e-12)


def level_confidence(scores: list[np.ndarray], trie: Trie, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C, L) probability of the most likely valid code after the true prefix, and whether it is the true code."""
    row, above, columns = np.arange(len(targets)), np.zeros(len(targets)), []
    for depth, below in enumerate(scores):
        true = below[row, trie.node[targets, depth + 1]]
        best = np.maximum.reduceat(below, child_ranges(trie, depth)[0], axis=1)[row, trie.node[targets, depth]]
        columns.append((np.minimum(1, np.exp(best - above)), true >= best))
        above = true
    return np.stack([p for p, _ in columns], 1), np.stack([correct for _, correct in columns], 1)


def distinct_prefixes(nodes: np.ndarray, trie: Trie) -> np.ndarray:
    """(C, L) number of distinct prefixes of each depth among the final code groups of the beams (C, W), -1 for none."""
    prefixes = trie.node[trie.order[trie.first[-1][nodes]], 1:]
    prefixes = np.sort(np.where((nodes >= 0)[:, :, None], prefixes, -1), axis=1)
    return (prefixes[:, 0] >= 0) + ((prefixes[:, 1:] != prefixes[:, :-1]) & (prefixes[:, 1:] >= 0)).sum(1)


@contextmanager
def shuffled_logits(recommender, seed: int = 0) -> Iterator[None]:
    """Context in which the network's logits are permuted among the codes of each level: a control that keeps how peaked
    the distributions are."""
    table, rng = recommender.module.code, named_rng(seed, "shuffled logits")
    logits, orders = table.logits, [rng.permutation(size) for size in recommender.codes.sizes]
    with replaced(table, "logits", lambda states, level: logits(states, level)[..., orders[level]]):
        yield


def decoder_card(
    recommender, cases: Cases, split: Split, *, widths: tuple[int, ...] = WIDTHS, k: int = 10,
    scores: list[np.ndarray] | None = None, seed: int = 0,
) -> Card:  # fmt: skip
    """Beam search errors of a generative recommender on these cases, and how decoding distorts item probabilities.

    recommender: one with `codes`, `module`, `tokenize` and `beams`. scores: of `prefix_log_probs` for some of the cases
    if available, else computed for the first 100. Where the protocol masks the history, its items are excluded, except
    for invalid mass, constrained shift and ghost amplification, which concern the whole catalogue. Tables: beams (of
    `beam_width_table`), prefix recall (by width, and controls), homogeneity. UserError for a recommender without codes,
    or no case.
    """
    if not isinstance(recommender, HasBeam):
        raise UserError("the recommender does not decode semantic IDs, so it has no decoder", code=3)
    if not len(cases.targets):
        raise UserError("no case to decode", code=3)
    trie, masked = recommender.codes.trie, split.protocol.mask_history
    sample = cases.histories.take(np.arange(min(SCORED, len(cases.targets))))
    scores = prefix_log_probs(recommender, sample) if scores is None else scores
    by_width = {width: beam_search.decode_with_beam(recommender, cases, beam=width, masked=masked) for width in widths}
    with shuffled_logits(recommender, seed):
        control = beam_search.run_beam_search(recommender, cases.histories, beam=max(widths), masked=masked)
    exact = beam_search.exact_ranks_within(recommender, cases, max(*widths, k), masked=masked)
    popularity_hit = (popular_lists(cases.histories, split, k) == cases.targets[:, None]).any(1)
    groups = beam_search.target_group_sizes(trie, cases, masked=masked)
    return gather_cards({
        "prefix recall": partial(_recall, by_width, control, trie, cases.targets),
        "search": partial(_search, by_width, exact, popularity_hit, groups, k),
        "validity": partial(_validity, by_width, scores, recommender.codes),
        "ghost amplification": partial(_ghosts, scores[-1], trie),
        "homogeneity": partial(_homogeneity, by_width[max(widths)].beams, trie, seed),
    })


def _recall(by_width: dict, control: Beams, trie: Trie, targets: np.ndarray) -> Card:
    widest = max(by_width)
    null = beam_search.prefix_recall(beam_search.in_beam(control, trie, targets))
    rows = {f"beam {width}": beam_search.prefix_recall(result.in_beam) for width, result in by_width.items()}
    other = beam_search.in_beam(by_width[widest].beams, trie, np.roll(targets, 1))
    rows |= {f"beam {widest}, logits shuffled": null, f"beam {widest}, another target": other.mean(0)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.columns = [f"prefix_recall_{level + 1}" for level in table.columns]
    note = "Share of true prefixes of {} codes in a beam of width {}; null: the same with shuffled logits."
    figures = [
        mean_figure(f"prefix recall {level + 1}", by_width[widest].in_beam[:, level], null=float(null[level]),
                    direction="above", note=note.format(level + 1, widest)) for level in range(len(null))
    ]  # fmt: skip
    return Card(tuple(figures), {"prefix recall": table})


def _search(by_width: dict, exact: np.ndarray, popularity_hit: np.ndarray, groups: np.ndarray, k: int) -> Card:
    """Errors of beam search relative to an exact search, and errors of the model, which exact search makes too."""
    missed = (exact == 0) | (exact > k)
    note = f"Share of targets outside the top {k} of an exact search; null: that of the popularity baseline."
    null = float(1 - popularity_hit.mean())
    figures = [mean_figure(f"model error@{k}", missed, null=null, direction="below", note=note)]
    exact_ndcg = per_case(f"ndcg@{k}", exact, groups)
    for width, result in by_width.items():
        lost = ~missed & ((result.ranks == 0) | (result.ranks > k))
        gap = exact_ndcg - per_case(f"ndcg@{k}", result.ranks, groups)
        within = (exact > 0) & (exact <= width)
        measures = [
            (f"search error@{k}, beam {width}", lost, f"Share of targets in the top {k} of an exact search only"),
            (f"lost targets@{k}, beam {width}", lost[~missed],
             f"Of the targets in the top {k} of an exact search, the share outside the top {k} of the beam"),
            (f"beam gap, beam {width}", gap, f"NDCG@{k} of an exact search minus that of the beam"),
            (f"pruned, beam {width}", (beam_search.level_pruned(result.in_beam) > 0)[within],
             "Share of targets pruned from the beam although their exact rank is within its width"),
        ]  # fmt: skip
        figures += [
            mean_figure(name, values, null=0.0, direction="above", note=f"{note}; null: an exact search.")
            for name, values, note in measures if len(values)
        ]
    return Card(tuple(figures), {"beams": beam_search.summarize_beams(by_width, exact, groups, k=k)})


def _validity(by_width: dict, scores: list[np.ndarray], codes: ItemCodes) -> Card:
    narrow, beams = min(by_width), by_width[min(by_width)].unconstrained
    finite, invalid = np.isfinite(beams.scores[-1]), beams.nodes[-1] < 0
    chance = 1 - len(codes.trie.group_size) / np.prod(codes.sizes, dtype=np.float64)
    kl, valid = constrained_shift(scores, codes.trie)
    null = "null: all code sequences equally likely."
    return Card((
        mean_figure(f"invalid, beam {narrow}", (finite & invalid).sum(1) / np.maximum(1, finite.sum(1)), null=chance,
                    direction="below", note=f"Share of the top {narrow} code sequences that belong to no item; {null}"),
        mean_figure("invalid mass", 1 - np.minimum(1, valid), null=chance, direction="below",
                    note=f"Total probability of code sequences that belong to no item; {null}"),
        mean_figure("constrained shift", kl, null=0.0, direction="above",
                    note="KL divergence in nats between the item distribution normalized once and that normalized at "
                         "every step; null: equal valid probability below every prefix."),
    ))  # fmt: skip


def _ghosts(leaves: np.ndarray, trie: Trie) -> Card:
    note = ("Correlation over items of the log-probability and the number of forced levels (one valid code only); "
            "null: no correlation.")  # fmt: skip
    values = ghost_amplification(leaves, trie)
    return Card((mean_figure("ghost amplification", values, null=0.0, direction="above", note=note),))


def _homogeneity(beams: Beams, trie: Trie, seed: int) -> Card:
    C, W = beams.nodes[-1].shape
    own, groups = distinct_prefixes(beams.nodes[-1], trie), len(trie.group_size)
    random = random_lists(C, min(W, groups), groups, named_rng(seed, "random beams")) - 1
    chance = distinct_prefixes(random, trie).mean(0)
    note = f"Distinct prefixes of {{}} codes among the {W} final codes of a beam; null: as many random codes."
    figures = tuple(
        mean_figure(f"distinct prefixes {level + 1}", own[:, level], null=float(chance[level]), direction="below",
                    note=note.format(level + 1)) for level in range(own.shape[1] - 1)
    )  # fmt: skip
    table = pd.DataFrame({"beam": own.mean(0), "random": chance}, index=pd.RangeIndex(1, len(chance) + 1, name="level"))
    return Card(figures, {"homogeneity": table})

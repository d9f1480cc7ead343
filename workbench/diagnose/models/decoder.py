"""The decoder of a recommender that spells its items: what its beams lose, what its mask shifts, what it prefers.

All is read off the exact log-probability of every prefix of the catalogue, and beams of several widths.
"""
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp

from workbench import decode
from workbench.data import Cases, Histories, Split
from workbench.decode import Beams
from workbench.diagnose.models import beam_search
from workbench.diagnose.models.beyond_accuracy import popular_lists, random_lists
from workbench.diagnose.verdict.card import Card, Figure, gathered, mean_figure
from workbench.errors import UserError
from workbench.evaluate import per_case
from workbench.progress import track
from workbench.tokens.trie import Trie
from workbench.train.rng import stream

WIDTHS = (10, 20, 50)
WHOLE = 100  # cases whose whole catalogue is scored
LEVELS = 16  # answers of a network that are kept, one a level: no codes are longer


@torch.no_grad()
def prefix_scores(recommender, histories: Histories) -> list[np.ndarray]:
    """For each depth 1..L, (C, nodes) float32 log-probabilities of all prefixes of that depth, trie or no trie."""
    trie, table = recommender.codes.trie, recommender.module.code
    edges = [tuple(torch.from_numpy(at) for at in np.nonzero(below >= 0)) for below in trie.children]
    out = [np.empty((len(histories), len(counts)), np.float32) for counts in trie.counts[1:]]
    recommender.module.eval()
    for case in track(range(len(histories)), "score all prefixes", unit="cases"):
        rows = recommender.read(histories.take([case]).last(recommender.max_length))
        with _instead(table, "logits", table.logits) as said:
            decode.exact_scores(recommender.module, *rows, trie)
        scores = torch.zeros(1)
        for level, (parent, code) in enumerate(edges):
            scores = scores[parent] + said[level].reshape(-1, table.sizes[level]).log_softmax(1).cpu()[parent, code]
            out[level][case] = scores.numpy()
    return out


@contextmanager
def _instead(owner, name: str, answer: Callable) -> Iterator[deque]:
    """While it is open, a method of an object answers as `answer` does; its last answers are kept, in order."""
    said: deque = deque(maxlen=LEVELS)

    def kept(*asked):
        said.append(answer(*asked))
        return said[-1]

    setattr(owner, name, kept)
    try:
        yield said
    finally:
        delattr(owner, name)


def children(trie: Trie, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the children of each node of a depth begin among the nodes one deeper (nodes,), and the parent of each of
    those. Nodes are numbered in the order of their prefixes, so children stand together."""
    parent = np.zeros(len(trie.counts[depth + 1]), np.int64)
    parent[trie.node[1:, depth + 1]] = trie.node[1:, depth]
    return np.searchsorted(parent, np.arange(len(trie.counts[depth]))), parent


def shift(scores: list[np.ndarray], trie: Trie) -> tuple[np.ndarray, np.ndarray]:
    """(C,) KL(global || masked) in nats, and (C,) the probability of all items together.

    global: the code groups' probabilities, brought to a sum of 1 once. masked: the same where the codes that may follow
    are brought to a sum of 1 at every step, as a mask before the softmax does. scores: of `prefix_scores`.
    """
    lost, above = np.zeros((len(scores[0]), 1)), np.zeros((len(scores[0]), 1))
    for depth, below in enumerate(scores):
        starts, parent = children(trie, depth)
        valid = np.logaddexp.reduceat(below.astype(np.float64), starts, axis=1) - above
        lost, above = (lost + valid)[:, parent], below.astype(np.float64)
    total = logsumexp(above, axis=1)
    shares = np.exp(above - total[:, None])
    return np.maximum(0, (shares * lost).sum(1) - total), np.exp(total)


def forced(trie: Trie) -> np.ndarray:
    """(groups,) how many codes of each full code are the only one that may follow."""
    head, out = trie.order[trie.first[-1]], 0
    for depth, table in enumerate(trie.children):
        out = out + ((table >= 0).sum(1) == 1)[trie.node[head, depth]]
    return out


def ghosts(leaves: np.ndarray, trie: Trie) -> np.ndarray:
    """(C,) correlation over the catalogue of the log-probability of a full code (C, groups) and of how much of it is
    `forced`. UserError where all codes are forced alike."""
    count = forced(trie).astype(np.float64)
    count -= count.mean()
    if not count.any():
        raise UserError("all items have as many forced codes, so their scores cannot go with them", code=3)
    from_mean = leaves - leaves.mean(1, keepdims=True, dtype=np.float64)
    return from_mean @ count / (np.linalg.norm(from_mean, axis=1) * np.linalg.norm(count) + 1e-12)


def level_confidence(scores: list[np.ndarray], trie: Trie, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C, L) the probability of the likeliest code that may follow the true ones before, and whether it was true."""
    row, above, columns = np.arange(len(targets)), np.zeros(len(targets)), []
    for depth, below in enumerate(scores):
        true = below[row, trie.node[targets, depth + 1]]
        best = np.maximum.reduceat(below, children(trie, depth)[0], axis=1)[row, trie.node[targets, depth]]
        columns.append((np.minimum(1, np.exp(best - above)), true >= best))
        above = true
    return np.stack([p for p, _ in columns], 1), np.stack([right for _, right in columns], 1)


def spread(nodes: np.ndarray, trie: Trie) -> np.ndarray:
    """(C, L) different prefixes of each depth among the full codes (C, W) that beams end with, -1 for none."""
    path = trie.node[trie.order[trie.first[-1][nodes]], 1:]
    path = np.where((nodes >= 0)[:, :, None], path, -1)
    path = np.sort(path, axis=1)
    fresh = np.concatenate([path[:, :1] >= 0, (path[:, 1:] != path[:, :-1]) & (path[:, 1:] >= 0)], 1)
    return fresh.sum(1)


@contextmanager
def shuffled(recommender, seed: int = 0) -> Iterator[None]:
    """While it is open, the network's logits of each level are dealt out to other codes: a decoder that knows how
    peaked it is, and no longer which code is which."""
    table, rng = recommender.module.code, stream(seed, "shuffled logits")
    whole, orders = table.logits, [rng.permutation(size) for size in recommender.codes.sizes]
    with _instead(table, "logits", lambda states, level: whole(states, level)[..., orders[level]]):
        yield


def decoder_card(
    recommender, cases: Cases, split: Split, *, widths: tuple[int, ...] = WIDTHS, k: int = 10,
    scores: list[np.ndarray] | None = None, seed: int = 0,
) -> Card:  # fmt: skip
    """What the beams of a recommender lose for these cases, and what its decoder does to the items' probabilities.

    recommender: one that spells: it has `codes`, `module`, `read` and `beams`. scores: of `prefix_scores` for some of
    the cases, where they are made already, else for the first 100. History items are left out where the protocol masks
    them, but for the mask's shift, the items' probability together and the ghosts, which are of the whole catalogue.
    Tables: beams (`study`), prefix recall (rows of widths and controls), homogeneity. UserError for a recommender
    without codes, or no case.
    """
    if not hasattr(recommender, "codes") or not hasattr(recommender, "beams"):
        raise UserError("the recommender does not spell its items, so it has no decoder", code=3)
    if not len(cases.targets):
        raise UserError("no case to decode", code=3)
    trie, masked = recommender.codes.trie, split.protocol.mask_history
    some = cases.histories.take(np.arange(min(WHOLE, len(cases.targets))))
    scores = prefix_scores(recommender, some) if scores is None else scores
    by_width = {width: beam_search.decoded(recommender, cases, beam=width, masked=masked) for width in widths}
    with shuffled(recommender, seed):
        control = beam_search.search(recommender, cases.histories, beam=max(widths), masked=masked)
    exact = beam_search.exact_within(recommender, cases, max(*widths, k), masked=masked)
    floor = (popular_lists(cases.histories, split, k) == cases.targets[:, None]).any(1)
    groups = beam_search.target_groups(trie, cases, masked=masked)
    return gathered({
        "prefix recall": partial(_recall, by_width, control, trie, cases.targets),
        "search": partial(_search, by_width, exact, floor, groups, k),
        "validity": partial(_validity, by_width, scores, recommender.codes, k),
        "ghosts": partial(_ghosts, scores[-1], trie),
        "homogeneity": partial(_homogeneity, by_width[max(widths)].found, trie, seed),
    })


def _recall(by_width: dict, control: Beams, trie: Trie, targets: np.ndarray) -> Card:
    widest = max(by_width)
    null = beam_search.prefix_recall(beam_search.kept(control, trie, targets))
    rows = {f"beam {width}": beam_search.prefix_recall(made.held) for width, made in by_width.items()}
    stranger = beam_search.kept(by_width[widest].found, trie, np.roll(targets, 1))
    rows |= {f"beam {widest}, logits shuffled": null, f"beam {widest}, another target": stranger.mean(0)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.columns = [f"kept_{level + 1}" for level in table.columns]
    note = "Share of true prefixes of {} codes in a beam of {}; null: the same with shuffled logits."
    figures = [
        mean_figure(f"prefix recall {level + 1}", by_width[widest].held[:, level], null=float(null[level]),
                    toward="above", note=note.format(level + 1, widest)) for level in range(len(null))
    ]  # fmt: skip
    return Card(tuple(figures), {"prefix recall": table})


def _search(by_width: dict, exact: np.ndarray, floor: np.ndarray, groups: np.ndarray, k: int) -> Card:
    """Where a beam and an exact search part, beside what the exact search itself misses."""
    missed = (exact == 0) | (exact > k)
    note = f"Share of targets that an exact search does not place within {k}; null: that of the popularity floor."
    figures = [mean_figure(f"model error@{k}", missed, null=float(1 - floor.mean()), toward="below", note=note)]
    whole = per_case(f"ndcg@{k}", exact, groups)
    for width, (_, _, held, places) in by_width.items():
        lost = ~missed & ((places == 0) | (places > k))
        gap = whole - per_case(f"ndcg@{k}", places, groups)
        room = (exact > 0) & (exact <= width)
        told = [
            (f"search error@{k}, beam {width}", lost, f"Share of targets within {k} by exact score, not by the beam"),
            (f"lost answers@{k}, beam {width}", lost[~missed],
             f"Of the targets within {k} by exact score, the share that the beam does not place there"),
            (f"beam gap, beam {width}", gap, f"NDCG@{k} of an exact search less that of the beam"),
            (f"pruned, beam {width}", (beam_search.where_lost(held) > 0)[room],
             "Share of targets that fell out of the beam though it has room for their exact place"),
        ]  # fmt: skip
        figures += [
            mean_figure(name, values, null=0.0, toward="above", note=f"{said}; null: an exact search.")
            for name, values, said in told if len(values)
        ]
    return Card(tuple(figures), {"beams": beam_search.summary(by_width, exact, groups, k=k)})


def _validity(by_width: dict, scores: list[np.ndarray], codes, k: int) -> Card:
    narrow = min(by_width)
    free = by_width[narrow].free
    there, outside = np.isfinite(free.scores[-1]), free.nodes[-1] < 0
    chance = 1 - len(codes.trie.group_size) / np.prod(codes.sizes, dtype=np.float64)
    moved, valid = shift(scores, codes.trie)
    strings = "null: all strings of codes as likely."
    return Card((
        mean_figure(f"invalid, beam {narrow}", (there & outside).sum(1) / np.maximum(1, there.sum(1)), null=chance,
                    toward="below", note=f"Share of the best {narrow} strings that is no item's code; {strings}"),
        mean_figure("invalid mass", 1 - np.minimum(1, valid), null=chance, toward="below",
                    note=f"Probability of all strings together that are no item's code; {strings}"),
        mean_figure("constrained shift", moved, null=0.0, toward="above",
                    note="KL, in nats, of the items' distribution brought to 1 once from that brought to 1 at every "
                         "step; null: as much valid probability below every prefix."),
    ))  # fmt: skip


def _ghosts(leaves: np.ndarray, trie: Trie) -> Card:
    note = ("Correlation over the items of log-probability and the number of codes that no other code competes with; "
            "null: forced codes dealt out at random.")  # fmt: skip
    return Card((mean_figure("ghost amplification", ghosts(leaves, trie), null=0.0, toward="above", note=note),))


def _homogeneity(found: Beams, trie: Trie, seed: int) -> Card:
    C, W = found.nodes[-1].shape
    own = spread(found.nodes[-1], trie)
    groups = len(trie.group_size)
    drawn = random_lists(C, min(W, groups), groups, stream(seed, "random beams")) - 1
    chance = spread(drawn, trie).mean(0)
    note = f"Different prefixes of {{}} codes among the {W} full codes of a beam; null: as many drawn at random."
    figures = tuple(
        Figure(*mean_figure(f"distinct prefixes {level + 1}", own[:, level], null=float(chance[level]), toward="below",
                            note=note.format(level + 1))) for level in range(own.shape[1] - 1)
    )  # fmt: skip
    table = pd.DataFrame({"beam": own.mean(0), "random": chance}, index=pd.RangeIndex(1, len(chance) + 1, name="level"))
    return Card(figures, {"homogeneity": table})

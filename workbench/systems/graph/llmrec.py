"""LLMRec: pairs that texts speak for are learnt beside the observed ones, and those of them that stay hard are dropped.

Paper     LLMRec: Large Language Models with Graph Augmentation for Recommendation, WSDM 2024, arXiv:2311.00423.
Idea      Observed pairs are few. Who reads what a user had and what else there is can name an item that the user would
          like and one that they would not: more pairs to rank. Some are wrong; these stay hard to learn, so they are
          told by their loss.
Equation  m_u = mean of the text vectors of u's train items;  of the items u does not have in train, i+ is among the n
          of the highest cosine with m_u, i- among the n of the lowest
          loss = BPR + w mean {l : l among the lowest 1 - drop of a batch} + l2
          l = -ln sigmoid(u.i+ - u.i-) of extra pairs
Claim     Pairs by text rank better than none (LightGCN, the parent), than pairs at random (the placebo) and by
          popularity (by="popularity"); dropping the highest losses is better than keeping all (drop=0).
Differs   Cosines of text vectors choose, over the whole catalogue; in the paper a large language model is asked to,
          within the candidates of another recommender. Its profiles of users and attributes of items, and features of
          text and images added to the vectors, are left out: what is tested is the choice of pairs. Extra pairs have
          a weight of their own and are dropped among themselves; in the paper they join the batch, of which the lowest
          losses stay. The release sorts log-likelihoods upwards in place of losses, so the highest losses stay.
Reported  Netflix (13,187 users, 17,366 items), full ranking: Recall@20 .0829, NDCG@20 .0347 (from memory).
"""
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data import Split
from workbench.embed.neighbours import mean_vectors
from workbench.errors import UserError, check_names
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
    train_pairs,
)
from workbench.recommenders.graphs.propagated import (
    GraphTables,
    LightPropagation,
    Vectors,
    graph_recommender,
    pairwise,
    rows,
)
from workbench.recommenders.triples import Triples
from workbench.train import named_rng

PARENT = "lightgcn"
OFF = {"rate": 0.0}
PLACEBO = {"by": "random"}
RECIPE = LIGHTGCN_RECIPE
KINDS = ("text", "random", "popularity")
USERS = 512  # whose scores of all items are held at a time


def build(
    bench, *, rate=0.1, weight=0.1, drop=0.71, by="text", n=5, width=64, layers=3, l2=1e-3
):
    """LightGCN with extra pairs, for the bench's users and catalogue.

    rate: extra pairs of a batch, as a share of its events; 0 for none. weight: w. drop: share of the extra pairs of a
    batch that is not learnt from, those of the highest loss. by: what chooses them, text, random or popularity. n:
    liked, and disliked, items of a user. The others as in lightgcn. UserError for a setting out of range.
    """
    check_graph_sizes("llmrec", width, layers, l2)
    check_names("way to choose pairs", [by], KINDS)
    if not (0 <= rate <= 1 and weight >= 0 and 0 <= drop < 1 and 1 <= 2 * n <= bench.split.n_items):
        raise UserError(f"llmrec: {rate=} is from 0 to 1, {weight=} 0 or more, {drop=} from 0 to below 1, {n=} from 1 "
                        "to half of the items")  # fmt: skip
    module = GraphTables(embedding_tables(bench, width), LightPropagation(train_edges(bench), layers))
    if not rate:
        return graph_recommender(module, l2=l2)
    liked, disliked = extra_pairs(bench.split, scores_by(bench, by), n)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        rng = named_rng(bench.seed, "extra pairs", step)
        users = triples.users.cpu().numpy()
        users = users[rng.permutation(len(users))[: max(1, round(rate * len(users)))]]
        chosen = (side[users, rng.integers(0, n, len(users))] for side in (liked, disliked))
        extra = Triples(*(torch.from_numpy(ids).to(triples.users.device) for ids in (users, *chosen)))
        u, i, j = rows(vectors, extra)
        return pairwise(vectors, triples, step) + weight * lowest(-F.logsigmoid((u * (i - j)).sum(1)), 1 - drop).mean()

    return graph_recommender(module, loss=loss, l2=l2)


def lowest(losses: Tensor, share: float) -> Tensor:
    """The lowest share of losses (n,), at least one: no gradient reaches the others."""
    return losses.topk(max(1, round(share * len(losses))), largest=False).values


def scores_by(bench, by: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function of users (B,) to scores (B, I+1) of what they may like."""
    split = bench.split
    if by == "random":
        size = split.n_items + 1
        return lambda users: named_rng(bench.seed, "random pairs", int(users[0])).random((len(users), size))
    if by == "popularity":
        counts = split.train_counts().astype(np.float64)
        return lambda users: np.tile(counts, (len(users), 1))
    items = bench.vectors("text")
    means = mean_vectors(split.train, items)
    items, means = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (items, means))
    return lambda users: means[users] @ items.T


def extra_pairs(split: Split, scores: Callable[[np.ndarray], np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """(U, n) liked items, of the highest scores, and (U, n) disliked, of the lowest, among those a user does not have
    in train. scores: as in `scores_by`, asked for USERS at a time. UserError where a user lacks fewer than n items."""
    users, items = train_pairs(split)
    start = np.searchsorted(users, np.arange(split.n_users + 1))
    most = np.diff(start).max()
    if most + n > split.n_items:
        raise UserError(f"llmrec: a user has {most:,} of {split.n_items:,} items in train, too many to choose {n=} "
                        "others; take a lower n")  # fmt: skip
    found = []
    for first in range(0, split.n_users, USERS):
        block = np.arange(first, min(first + USERS, split.n_users))
        owned = slice(start[block[0]], start[block[-1] + 1])
        table = np.array(scores(block))
        sides = []
        for sign in (-1, 1):
            signed = sign * table
            signed[users[owned] - first, items[owned]] = signed[:, 0] = np.inf
            sides.append(np.argpartition(signed, n - 1, axis=1)[:, :n])
        found.append(sides)
    return tuple(np.concatenate(side) for side in zip(*found))

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
Differs   Without model= cosines of text vectors choose, over the whole catalogue. With model= a local one does, as a
          large one in the paper: among the 4 n items of the highest cosine, in place of another recommender's, the n
          likeliest letters are liked and the n least likely disliked, by titles alone; the paper asks for one of each.
          Its profiles of users and attributes of items, and features of text and images added to the vectors, are left
          out: what is tested is the choice of pairs. Extra pairs have a weight of their own and are dropped among
          themselves; in the paper they join the batch, of which the lowest losses stay. The release sorts
          log-likelihoods upwards in place of losses, so the highest losses stay.
Reported  Netflix (13,187 users, 17,366 items), full ranking: Recall@20 .0829, NDCG@20 .0347 (from memory).
"""
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import UserError, check_names
from workbench.recommenders.graphs.extra_pairs import candidates, chosen_pairs, extra_pairs, scores_by
from workbench.recommenders.graphs.over_lightgcn import (
    LIGHTGCN_RECIPE,
    check_graph_sizes,
    embedding_tables,
    train_edges,
)
from workbench.recommenders.graphs.propagated import (
    GraphTables,
    LightPropagation,
    Vectors,
    graph_recommender,
    pairwise,
    rows,
)
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.triples import Triples
from workbench.train import named_rng

PARENT = "lightgcn"
OFF = {"rate": 0.0}
PLACEBO = {"by": "random"}
RECIPE = LIGHTGCN_RECIPE
KINDS = ("text", "random", "popularity")


def build(
    bench, *, rate=0.1, weight=0.1, drop=0.71, by="text", vectors="text", model="", n=5, width=64, layers=3, l2=1e-3
):
    """LightGCN with extra pairs, for the bench's users and catalogue.

    rate: extra pairs of a batch, as a share of its events; 0 for none. weight: w. drop: share of the extra pairs of a
    batch that is not learnt from, those of the highest loss. by: what chooses them, text, random or popularity.
    vectors: of texts, "text" (TF-IDF) or "sentence" (extra: text), or another kind. model: a local language model that
    chooses among what these propose, asked when training starts. n: liked, and disliked, items of a user. The others as
    in lightgcn. UserError for a setting out of range.
    """
    check_graph_sizes("llmrec", width, layers, l2)
    check_names("way to choose pairs", [by], KINDS)
    if not (0 <= rate <= 1 and weight >= 0 and 0 <= drop < 1 and 1 <= 2 * n <= bench.split.n_items):
        raise UserError(f"llmrec: {rate=} is from 0 to 1, {weight=} 0 or more, {drop=} from 0 to below 1, {n=} from 1 "
                        "to half of the items")  # fmt: skip
    module = GraphTables(embedding_tables(bench, width), LightPropagation(train_edges(bench), layers))
    if not rate:
        return graph_recommender(module, l2=l2)
    pairs = pairs_of(bench, by, vectors, model, n)

    def loss(vectors: Vectors, triples: Triples, step: int) -> Tensor:
        rng = named_rng(bench.seed, "extra pairs", step)
        users = triples.users.cpu().numpy()
        users = users[rng.permutation(len(users))[: max(1, round(rate * len(users)))]]
        chosen = (side[users, rng.integers(0, n, len(users))] for side in pairs())
        extra = Triples(*(torch.from_numpy(ids).to(triples.users.device) for ids in (users, *chosen)))
        u, i, j = rows(vectors, extra)
        return pairwise(vectors, triples, step) + weight * lowest(-F.logsigmoid((u * (i - j)).sum(1)), 1 - drop).mean()

    return graph_recommender(module, loss=loss, l2=l2)


def pairs_of(bench, by: str, vectors: str, model: str, n: int):
    """A function that gives liked and disliked items (U, n); a model is asked at its first call."""
    scores = scores_by(bench, by, vectors)
    if by != "text" or not model:
        found = extra_pairs(bench.split, scores, n)
        return lambda: found
    lm, offered, titles = local_model(model), candidates(bench.split, scores, n), bench.dataset.titles()
    return cache(lambda: chosen_pairs(lm, titles, bench.split.train, offered, n, bench.seed))


def lowest(losses: Tensor, share: float) -> Tensor:
    """The lowest share of losses (n,), at least one: no gradient reaches the others."""
    return losses.topk(max(1, round(share * len(losses))), largest=False).values

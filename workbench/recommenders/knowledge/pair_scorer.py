"""Scores of pairs of a user and an item, in a knowledge graph that has users as entities; they order candidates that
another recommender has retrieved, since what is read differs from pair to pair."""
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.data import Histories, Split
from workbench.data.links.knowledge_graph import KnowledgeGraph
from workbench.interfaces import Recommendations, Recommender
from workbench.nets.knowledge.relation_attention import SLOPE, Links
from workbench.nets.knowledge.target_subgraphs import TreeReader, kept_offsets, strongest, trees
from workbench.nets.knowledge.translation import Translations
from workbench.recommenders import score_methods
from workbench.recommenders.reranked import Reranked
from workbench.recommenders.triples import TripleBatches
from workbench.train import named_rng
from workbench.train.fit import TrainingSession, fit
from workbench.train.turns import Turn

PAIRS = 4_096  # pairs that are scored at a time
LEAST = 1e-6  # share of a node's links that are left, below which none is
START = 0.1  # standard deviation of embeddings before training


class Nodes(NamedTuple):
    """read: (E, D) the sum of each node's neighbours by attention; vectors: (E, D) what follows from it and the own
    embedding."""

    read: Tensor
    vectors: Tensor


class PairNetwork(nn.Module):
    """Users (B,) and items (B,) to logits (B,).

    Every node reads all its links by their attention (`Nodes`); around each user and each item the `neighbours`
    strongest links of two hops are then read with the pair in mind (0: all links); two towers make the vectors whose
    product is the logit, each its input plus what a small network adds. A link between the two ends of a pair is left
    out of all this: in training it is the answer.

    graph: the last n_users of its entities are the users. weights: (N,) attention of the links, and near: (M,) the
    tails of the strongest; both are renewed by `refresh` from the embeddings, which pairs train, and get no gradient.
    """

    def __init__(
        self, graph: KnowledgeGraph, n_users: int, *, width: int, neighbours: int, conditioned: bool = True,
        dropout: float = 0.0,
    ):  # fmt: skip
        super().__init__()
        self.n_users, self.first_user = n_users, graph.n_entities + 1 - n_users
        self.neighbours, self.links, self.dropout = neighbours, Links(graph), dropout
        self.entity = nn.Embedding(graph.n_entities + 1, width, padding_idx=0)
        nn.init.normal_(self.entity.weight, std=START)
        with torch.no_grad():
            self.entity.weight[0] = 0
        self.translations = Translations(2 * graph.n_relations, width)
        self.mix = nn.Linear(2 * width, width)
        self.reader = TreeReader(width, conditioned=conditioned)
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(SLOPE), nn.Linear(width, width)) for _ in range(2)
        )
        near_offsets = torch.from_numpy(kept_offsets(graph.offsets, neighbours))
        self.register_buffer("near_offsets", near_offsets, persistent=False)
        self.register_buffer("weights", torch.zeros(len(graph.tails)))
        self.register_buffer("near", torch.zeros(int(near_offsets[-1]), dtype=torch.int64))
        self.refresh()

    def refresh(self, epochs: int = 0) -> None:
        """Attention and strongest links anew, from the embeddings as they are."""
        self.weights.copy_(self.translations.attention(self.entity.weight.detach(), self.links))
        arrays = (each.cpu().numpy() for each in (self.weights, self.links.offsets, self.links.tails))
        kept = torch.from_numpy(strongest(*arrays, self.neighbours)).to(self.near.device)
        self.near.copy_(self.links.tails[kept])

    def nodes(self) -> Nodes:
        """One pass over all links."""
        read = self.links.edges(self.entity.weight, self.weights)
        return Nodes(read, self.mixed(self.entity.weight, read))

    def mixed(self, own: Tensor, read: Tensor) -> Tensor:
        """LeakyReLU(W [e, what e has read]). In training a share `dropout` of nodes is without its own embedding, so
        that what its links say must do."""
        own = own * F.dropout(own.new_ones(len(own), 1), self.dropout, self.training)
        return F.dropout(F.leaky_relu(self.mix(torch.cat([own, read], dim=1)), SLOPE), self.dropout, self.training)

    def without(self, nodes: Nodes, roots: Tensor, partners: Tensor) -> Tensor:
        """(R, D) vectors of roots (R,) that have not read a link to their partners (R,)."""
        heads, tails, n = self.links.heads, self.links.tails, len(self.entity.weight)
        keys, own = heads * n + tails, roots * n + partners
        at = torch.searchsorted(keys, own).clamp_max(len(keys) - 1)
        share = torch.where(keys[at] == own, self.weights[at], 0)[:, None]
        read = (nodes.read[roots] - share * self.entity(partners)) / (1 - share).clamp_min(LEAST)
        return self.mixed(self.entity(roots), torch.where(share < 1 - LEAST, read, 0))

    def score(self, nodes: Nodes, users: Tensor, items: Tensor) -> Tensor:
        """(B,) logits of pairs; nodes: what `nodes` gives. A user id outside 0..U-1 is a node without links."""
        known = (users >= 0) & (users < self.n_users)
        ends = (torch.where(known, users + self.first_user, 0), items)
        places = torch.cat(ends), torch.cat(ends[::-1])
        roots = self.without(nodes, *places)
        pairs = torch.cat(roots.chunk(2), dim=1).repeat(2, 1)
        read = self.reader(nodes.vectors, roots, trees(*places, self.near_offsets, self.near), pairs)
        user, item = (half + tower(half) for tower, half in zip(self.towers, read.chunk(2)))
        return (user * item).sum(1)

    def link_loss(self, at: Tensor, others: Tensor) -> Tensor:
        """The translation loss of the links at (B,); others: (B,) nodes in the place of their tails."""
        links = torch.stack([self.links.heads[at], self.links.relations[at], self.links.tails[at]], dim=1)
        return self.translations.loss(self.entity, links, others)


class PairRecommender:
    """An `interfaces.Recommender` and `Retrieves`, and a `verb_interfaces.Reranker`: a trained first stage retrieves n
    items, the network orders them.

    Every step has two turns: binary cross-entropy of pairs of train, one negative each, and the translation loss of as
    many links, drawn at random.
    """

    def __init__(self, first: Recommender, module: PairNetwork, *, n: int):
        self.first, self.module, self.retrieved = first, module, n

    @property
    def device(self) -> torch.device:
        return self.module.entity.weight.device

    def fit(self, split: Split, session: TrainingSession) -> list[dict]:
        """Train the network alone. UserError where every user has every item."""
        module, events = self.module.to(session.device), TripleBatches(split, session)

        def pair_loss(index: np.ndarray, step: int) -> Tensor:
            users, items, negatives = events.triples(index, step)
            logits = module.score(module.nodes(), users.repeat(2), torch.cat([items, negatives]))
            have, have_not = logits.chunk(2)
            return F.softplus(-have).mean() + F.softplus(have_not).mean()

        def link_loss(index: np.ndarray, step: int) -> Tensor:
            rng = named_rng(session.seed, "links", step)
            at = rng.integers(0, len(module.links.tails), len(index))
            others = rng.integers(1, len(module.entity.weight), len(index))
            return module.link_loss(*(torch.from_numpy(ids).to(session.device) for ids in (at, others)))

        turns = [Turn(pair_loss, ("entity.*", "mix.*", "reader.*", "towers.*")),
                 Turn(link_loss, ("entity.*", "translations.*"))]  # fmt: skip
        validate = (lambda: session.validate(self)) if session.validate else None
        return fit(module, events.batches, None, session, validate=validate, turns=turns, each_epoch=module.refresh)

    def candidates(self, histories: Histories, exclude: Histories | None = None) -> np.ndarray:
        """(B, n) the items that are ordered anew."""
        return self.first.recommend(histories, self.retrieved, exclude).items

    def recommend(self, histories: Histories, k: int, exclude: Histories | None = None) -> Recommendations:
        """The candidates in the order of the network, then the rest as the first stage has it; scores are -rank."""
        return Reranked(self.first, self, n=self.retrieved).recommend(histories, k, exclude)

    @torch.no_grad()
    def rescore(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """(B, n) logits of candidates (B, n) for the users of the histories, which are not read."""
        self.module.eval()
        nodes, items = self.module.nodes(), np.asarray(candidates, np.int64)
        users = np.repeat(histories.users.astype(np.int64), items.shape[1])
        pairs = [torch.from_numpy(ids).to(self.device) for ids in (users, items.ravel())]
        scores = [self.module.score(nodes, *part) for part in zip(*(ids.split(PAIRS) for ids in pairs))]
        return torch.cat(scores).cpu().numpy().reshape(items.shape) if scores else np.zeros(items.shape, np.float32)

    state = score_methods.state
    load_state = score_methods.load_state

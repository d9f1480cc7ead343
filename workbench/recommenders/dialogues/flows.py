"""Flows: what a dialogue mentions, in order, and a Markov model that goes on with one, given the kinds of its entities.

A flow (T,) has entities, then zeros. Its last entity is a movie, which the others are to predict.
"""
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from workbench.data import Histories
from workbench.data.dialogues.mentions import Mentions, places_before

LONGEST = 20  # entities of a flow, the last ones
TEMPERATURE = 0.1  # of the likeness of two vectors, a cosine


def train_flows(mentions: Mentions, train: Histories) -> np.ndarray:
    """(F, T) int64: one for each history with something before its last movie; what is mentioned after it is left
    out."""
    rows, at = places_before(mentions, train)
    place = mentions.keys[at] % mentions.span
    event = np.arange(len(train.items)) - np.repeat(train.offsets[:-1], train.lengths) + 1
    row = np.append(train.rows(), rows)
    entity = np.append(train.items.astype(np.int64), mentions.entities[at])
    when = np.append(2 * event, 2 * place + 1)  # a mention of place p comes after event p
    before_last = when <= 2 * train.lengths[row]
    row, entity, when = row[before_last], entity[before_last], when[before_last]
    order = np.lexsort((when, row))
    lengths = np.bincount(row, minlength=len(train)) * (train.lengths > 0)
    flows = Histories(np.append(0, np.cumsum(lengths)), entity[order].astype(np.int32), train.users)
    return flows.take(np.flatnonzero(lengths >= 2)).padded(min(LONGEST, int(lengths.max(initial=2))))


class FlowModel(NamedTuple):
    """The next entity, given the last one and its own kind: (1 - smoothing) share of train + smoothing by likeness.

    follows: (E+1, E+1) CSR, how often one entity follows another in flows of train. kinds: (E+1,) from 1. allowed: for
    each kind, from 0, the entities that it may be, ascending; of movies these are the items.
    """

    follows: csr_matrix
    kinds: np.ndarray
    allowed: list[np.ndarray]
    smoothing: float

    def shares(self, last: np.ndarray, kind: int, vectors: np.ndarray) -> np.ndarray:
        """(n, m) probabilities of the m entities allowed for a kind, after the entities last (n,). vectors: (E+1, D).
        Likeness alone where nothing of the kind follows in train."""
        choices = self.allowed[kind]
        counted = self.follows[last][:, choices].toarray()
        total = counted.sum(axis=1, keepdims=True)
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        alike = unit[last] @ unit[choices].T / TEMPERATURE
        alike = np.exp(alike - alike.max(axis=1, keepdims=True))
        alike /= alike.sum(axis=1, keepdims=True)
        smoothing = np.where(total > 0, self.smoothing, 1.0)
        return (1 - smoothing) * counted / np.maximum(total, 1) + smoothing * alike

    def go_on(self, flows: np.ndarray, after: np.ndarray, chance: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Flows (F, T) with the same kinds and the same entities up to places after (F,), the others drawn anew, each
        given the one before it and none that the flow has already, as no dialogue of the log repeats one. chance:
        (F, T) uniform numbers, so that equal flows go on alike."""
        flows = flows.copy()
        kinds = self.kinds[flows]
        for t in range(1, flows.shape[1]):
            drawn = (t > after) & (flows[:, t] > 0)
            for kind in np.unique(kinds[drawn, t]):
                rows = np.flatnonzero(drawn & (kinds[:, t] == kind))
                shares = self.shares(flows[rows, t - 1], kind, vectors)
                below = self._new(shares, kind, flows[rows, :t]).cumsum(axis=1)
                at = (below < chance[rows, t, None] * below[:, -1:]).sum(axis=1)
                flows[rows, t] = self.allowed[kind][np.minimum(at, below.shape[1] - 1)]
        return flows

    def _new(self, shares: np.ndarray, kind: int, so_far: np.ndarray) -> np.ndarray:
        """Shares (n, m) of the entities of a kind without those of so_far (n, t); as they are where none is left."""
        place = np.full(len(self.kinds), -1)
        place[self.allowed[kind]] = np.arange(shares.shape[1])
        row, column = np.nonzero(place[so_far] >= 0)
        left = shares.copy()
        left[row, place[so_far[row, column]]] = 0
        return np.where(left.sum(axis=1, keepdims=True) > 0, left, shares)


def flow_model(flows: np.ndarray, mentions: Mentions, n_items: int, *, smoothing: float) -> FlowModel:
    """The model of flows (F, T) of train."""
    first, second = flows[:, :-1].ravel(), flows[:, 1:].ravel()
    real, n = second > 0, len(mentions.kinds)
    follows = coo_matrix((np.ones(real.sum()), (first[real], second[real])), shape=(n, n)).tocsr()
    allowed = [np.flatnonzero(mentions.kinds == kind) for kind in range(len(mentions.names) + 1)]
    allowed[0], allowed[1] = np.zeros(0, np.int64), np.arange(1, n_items + 1)
    return FlowModel(follows, mentions.kinds, allowed, smoothing)

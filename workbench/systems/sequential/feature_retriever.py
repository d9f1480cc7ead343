"""Feature retriever: SASRec over tokens fused from ids, columns and vectors, told which action it has to predict.

Paper     Baseline of the Tencent Advertising Algorithm Challenge 2025 (TencentGR) with what its winners added, after
          their pages: the papers were not at hand.
Idea      In a log of advertisements most events are exposures, so the next event is what the server shows. Feed what is
          known of users and items into the tokens, and tell the model the type of the action that it is to predict.
Equation  e_i = relu(W [id_i; columns_i; vector_i]), a user's profile in front, x_t = e_{i_t} + action_t + p_t
          s(i | t) = (h_t (1 + g_a) + b_a) . e_i,  a = action_{t+1} in training, the wanted one when recommending
          L = -s(t) + log(exp s(t) + sum_{j ~ q} exp(s(j) - log(M q_j)))
Claim     It ranks clicked items better than SASRec (the parent) does, and better than itself with the features of
          other items and users and the actions of a history in random order (the placebo).
Differs   The release trains with one uniform negative, its report with InfoNCE: here M negatives of a batch, half
          uniform, half by train frequency, with the log-Q correction for this sampling distribution q. No semantic IDs,
          no weights of actions in the loss, no approximate search: inner products with all items. The table of all
          items is made at every step, which suits some 10^5 items. The action of an event is added to its token; the
          wanted action enters by FiLM alone (feature-wise linear modulation, Perez et al. 2018: gain g_a, shift b_a).
          Values that one row of train has, and ids that train has not, are unknown (0); of a column of lists the first
          six known values of a row are read. Sizes and blocks are SASRec's.
Reported  Score .31 HR@10 + .69 NDCG@10 of TencentGR: .1371 of the best entry; of the baseline no figure at hand.
"""
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.data.formats.attributes.feature_arrays import feature_columns
from workbench.data.schema import RAW
from workbench.data.splits import splitmix64
from workbench.embed.column_codes import column_codes
from workbench.embed.features import feature_vectors
from workbench.errors import UserError, unknown_name
from workbench.losses.sampled.log_q import draw, log_q_softmax, mixed_distribution
from workbench.nets.sequences.feature_tokens import FeatureEncoder, FusedItems, Profiles, plain_items
from workbench.recommenders.sequences.over_sasrec import (
    FEEDFORWARD,
    HEADS,
    SASREC_RECIPE,
    check_sizes,
    cross_entropy,
    sasrec_encoder,
)
from workbench.recommenders.sequences.token_in_front import TokenInFront
from workbench.recommenders.sequential import Additions, EventInputs, LastState, next_items, padded_column
from workbench.recommenders.vector import VectorRecommender
from workbench.train import derive_seed, named_rng

PARENT = "sasrec"
OFF = {"features": False, "actions": False, "negatives": 0}
PLACEBO = {"shuffled": "all"}
RECIPE = SASREC_RECIPE
SHUFFLED = ("", "features", "actions", "all")
ACTION_COLUMNS = ("action", "click")  # of the events, whole numbers from 0: the greater the more valued
WORDS = {RAW, "title", "text", "published", "price"}  # columns of the items that are no categories
TABLES = ("image", "audio")


def build(
    bench, *, features=True, actions=True, negatives=512, vectors="", shuffled="", width=64, layers=2, max_length=50,
    dropout=0.3,
):  # fmt: skip
    """A retriever over fused tokens, for the bench's catalogue.

    features: columns and vectors of items, profiles of users, as far as the dataset has them. actions: the types of
    what was done, column action or click of the events, if there is one. negatives: M, shared by a batch; 0 scores all
    items. vectors: a kind of item vectors, a table of dense features, or none; by default the first such table, else
    text where items have titles. shuffled: the placebo, what of features and actions (all) is permuted. The others as
    in sasrec. UserError for an unknown name or a setting out of range.
    """
    check_sizes("feature_retriever", width, layers, max_length, dropout)
    if negatives < 0:
        raise UserError(f"feature_retriever: {negatives=} are 0, for all items, or more")
    if shuffled not in SHUFFLED:
        raise unknown_name("shuffled", shuffled, SHUFFLED)
    sizes = {"width": width, "layers": layers, "max_length": max_length, "dropout": dropout}
    column = next((name for name in ACTION_COLUMNS if name in bench.split.train.columns), "") if actions else ""
    if not features and not column:
        encoder, additions = sasrec_encoder(bench, **sizes), Additions()
    else:
        encoder, additions = _encoder(bench, features, column, vectors, shuffled, sizes)
    loss = sampled_loss(bench, negatives) if negatives else cross_entropy
    learned = next_items(loss, max_length=max_length, full=not negatives, cheaper="negatives=512", additions=additions)
    reader = LastState(max_length, inputs=additions.inputs)
    in_front = isinstance(encoder, FeatureEncoder) and encoder.profiles is not None
    return VectorRecommender(encoder, TokenInFront(reader) if in_front else reader, learned)


def sampled_loss(bench: Any, negatives: int):
    """The loss of states (N, D), items (I+1, D) and targets (N,) at a step, against `negatives` items of that step."""
    q = mixed_distribution(bench.split.train_counts())
    log_q = torch.from_numpy(np.log(np.maximum(q, 1e-12))).float()

    def loss(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        drawn = torch.from_numpy(draw(q, negatives, named_rng(bench.seed, "negatives", step))).to(h.device)
        return log_q_softmax(h, weight, targets, drawn, log_q.to(h.device))

    return loss


def _encoder(bench: Any, features: bool, column: str, vectors: str, shuffled: str, sizes: dict) -> tuple:
    """The encoder and what it reads beside the items."""
    counts, train = bench.split.train_counts(), bench.split.train
    permuted = shuffled in ("features", "all")
    with bench.init():
        profiles = profiles_of(bench, permuted, sizes["width"]) if features else None
        item = fused_items(bench, counts > 0, vectors, permuted, sizes["width"]) if features else plain_items(
            bench.split.n_items, sizes["width"])  # fmt: skip
        kinds = int(train.columns[column].max(initial=0)) + 1 if column else 0
        encoder = FeatureEncoder(item, heads=HEADS, feedforward=FEEDFORWARD, profiles=profiles, actions=kinds, **sizes)
    seed = derive_seed(bench.seed, "shuffled actions") % 2**32 if shuffled in ("actions", "all") else None
    return encoder, Additions(inputs=event_inputs(column, kinds, seed))


def fused_items(bench: Any, known: np.ndarray, vectors: str, permuted: bool, width: int) -> FusedItems:
    """Items of id, columns and vectors. known: (I+1,) bool, in train. permuted: each has the features of another."""
    dataset = bench.dataset
    names = [name for name in dataset.items if name not in WORDS and dataset.items[name].nunique() > 1]
    values = column_codes(dataset.items, names, known[1:])
    codes = np.concatenate([np.zeros_like(values.codes[:1]), values.codes])
    content = content_vectors(bench, vectors)
    if permuted:
        order = 1 + bench.rng("permuted features").permutation(dataset.n_items)
        codes[1:], content[1:] = codes[order], content[order]
    ids = np.where(known, np.arange(len(known)), 0)
    content = content * content.shape[1] ** 0.5  # entries of unit rows become about 1
    return FusedItems(*map(torch.from_numpy, (ids, codes)), values.size, torch.from_numpy(content).float(), width)


def content_vectors(bench: Any, kind: str) -> np.ndarray:
    """(I+1, V) float32 unit rows, or zeros: of a kind, of a table of dense features, or of none (V = 0)."""
    tables = [name for name, table in bench.dataset.tables.items() if feature_columns(table)]
    kind = kind or next(iter(tables), "text" if "title" in bench.dataset.items else "none")
    if kind == "none":
        return np.zeros((bench.split.n_items + 1, 0), np.float32)
    if kind in tables and kind not in TABLES:
        return feature_vectors(bench.dataset, kind)
    return bench.vectors(kind).copy()


def profiles_of(bench: Any, permuted: bool, width: int) -> Profiles | None:
    """The profiles of the users, if the dataset has columns of them. permuted: each has those of another."""
    table, train = bench.dataset.users, bench.split.train
    names = [name for name in table if name != RAW and table[name].nunique() > 1]
    if not names:
        return None
    known = np.zeros(len(table), bool)
    known[train.users[train.lengths > 0]] = True
    values = column_codes(table, names, known)
    order = bench.rng("permuted profiles").permutation(len(table)) if permuted else slice(None)
    return Profiles(torch.from_numpy(values.codes[order]), values.size, width)


def event_inputs(column: str, kinds: int, shuffled: int | None = None) -> EventInputs:
    """The `Additions.inputs`: users, and with a column of actions what was done (B, T) and what comes next (B, T), from
    1. After the last event comes the greatest of `kinds` actions, the most valued. shuffled: the seed of the placebo,
    in which the actions of what is read of a history are in a random order."""

    def inputs(histories: Histories, T: int) -> list[np.ndarray]:
        users = np.repeat(histories.users.astype(np.int64)[:, None], T, axis=1)
        if not column:
            return [users]
        read = histories.last(T)
        if column in read.columns:
            values = np.clip(read.columns[column].astype(np.int64), 0, kinds - 1) + 1
        else:  # of a history that was typed in, nothing is known but its items
            values = np.zeros(len(read.items), np.int64)
        if shuffled is not None:
            place = np.arange(len(values)) - read.offsets[read.rows()]
            values = values[np.lexsort((splitmix64(read.users[read.rows()], place, seed=shuffled), read.rows()))]
        done = padded_column(read, values, T)
        wanted = np.zeros_like(done)
        wanted[:, :-1] = done[:, 1:]
        wanted[np.arange(len(read)), np.maximum(read.lengths, 1) - 1] = kinds
        return [users, done, wanted]

    return inputs

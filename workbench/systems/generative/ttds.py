"""TTDS: users have semantic IDs too, and the codes are renewed while the recommender learns. After its abstract.

Paper     Twin-Tower Dynamic Semantic Recommender, arXiv:2409.09253.
Idea      What a user is goes into codes of the same kind as the items'. Codes follow the recommender's loss and are
          renewed at intervals; they come from a latent that text and co-occurrence both reconstruct.
Equation  input of position t: item t and user u, each a sum of the embeddings of their codes
          z = (E_text(x) + E_co(y)) / 2,  min sum over a, b |D_b(z_a) - x_b|^2 + |z_text - z_co|^2
Claim     True codes of users are better than none, and those better than codes of other users (the placebo).
Differs   No code was found: a reconstruction. A small causal decoder in the place of a language model, and no further
          tuning tasks. The two autoencoders are trained first, and are no VAE; then codebooks learn with the
          recommender, straight through. A user's codes are residual k-means of the mean latent of his train items, and
          are not renewed; they are read with each whole item, so an empty history has none.
Reported  On average +20.8 % NDCG over the best baseline of its three datasets, by its abstract.
"""
import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.errors import unknown_name
from workbench.losses.code_sequences import code_cross_entropy
from workbench.recommenders.codes.joint_training import distinct, joint_decoder, joint_recommender, learned_codebooks
from workbench.recommenders.codes.learned_codebooks import USER
from workbench.recommenders.semantic_ids import CONTENT, SEMANTIC_ID_RECIPE, check_sizes, plain_recommender
from workbench.stages import stage
from workbench.tokens.alignment.two_views import TwoViews
from workbench.tokens.by_kind import default_size
from workbench.tokens.residual_quantiser import Quantised
from workbench.tokens.rq_kmeans import RQKMeans

PARENT = "tiger"
OFF = {"joint": False}
PLACEBO = {"users": "shuffled"}
RECIPE = SEMANTIC_ID_RECIPE
LATENT, TAU = 32, 0.1
WATCHED = 200  # validation cases scored before and after a renewal
USERS = ("own", "shuffled", "none")


def build(
    bench, *, vectors="text", joint=True, users="own", cross=True, rate=0.01, every=2, width=64, layers=3, dropout=0.1,
    beam=20,
):  # fmt: skip
    """A causal decoder over codes of items, which learn with it, and of users, for the bench's catalogue.

    joint: False gives tiger. users: own codes, those of other users (shuffled, the placebo), or none. cross: whether
    text and co-occurrence reconstruct each other. rate: the learning rate of the codebooks as a share of the others'.
    every: epochs between renewals. The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    if not joint:
        return plain_recommender(
            bench, "rq-kmeans", vectors=vectors, width=width, layers=layers, dropout=dropout, beam=beam
        )
    check_sizes("ttds", width, layers, beam, dropout)
    if users not in USERS:
        raise unknown_name("codes of users", users, USERS)
    content, together = bench.vectors(vectors, dim=CONTENT)[1:], bench.vectors("collaborative", dim=LATENT)[1:]
    latents = np.pad(_latents(content, together, cross, bench.seed), ((1, 0), (0, 0)))
    tokenizer = learned_codebooks(bench, latents, rate=rate)

    def straight_through(items: Tensor, training: bool) -> Quantised:
        return tokenizer.assign(tokenizer.vectors[items], how="gumbel", tau=TAU)

    def addition(states: Tensor, items: Tensor, step: int) -> Tensor:
        found = distinct(items)[0]
        return (tokenizer.vectors[found] - straight_through(found, True).quantised).square().sum(1).mean()

    codes_of_users = None if users == "none" else user_codes(bench, latents, shuffled=users == "shuffled")
    module, codes = joint_decoder(
        bench, tokenizer, straight_through, width=width, layers=layers, dropout=dropout, user_codes=codes_of_users,
        user_size=default_size(bench.users),
    )
    cases = bench.split.valid.one_each()
    return joint_recommender(
        module, codes, beam=beam, every=every, loss=code_cross_entropy, addition=addition,
        mark=None if codes_of_users is None else with_users(bench.split.train),
        watched=cases.take(np.arange(min(WATCHED, len(cases.targets)))),
    )  # fmt: skip


@stage("vectors")
def _latents(content, together, cross: bool, seed: int) -> np.ndarray:
    """(I, LATENT) float32 the mean of both views' latents, of root mean square norm 1."""
    mean = np.mean(TwoViews(width=LATENT, cross=cross, seed=seed).fit(content, together).latents, axis=0)
    return (mean / np.sqrt(np.square(mean).sum(1).mean())).astype(np.float32)


def user_codes(bench, latents: np.ndarray, *, shuffled: bool) -> np.ndarray:
    """(U+1, L) codes of users, row 0 unused: residual k-means of the mean latent of a user's train items."""
    train = bench.split.train
    sums = np.zeros((len(train), latents.shape[1]), np.float32)
    np.add.at(sums, train.rows(), latents[train.items])
    means = sums / np.maximum(train.lengths, 1)[:, None]
    codes = RQKMeans(size=default_size(len(train)), seed=bench.seed).fit(means).encode(means)
    if shuffled:
        codes = codes[bench.rng("shuffled users").permutation(len(codes))]
    return np.pad(codes, ((1, 0), (0, 0)))


def with_users(train: Histories):
    """A `generative.Additions.mark`: rows (B, T, L, 4) with the user of each history at the last code of every item;
    none for users without train events."""
    known = torch.from_numpy(train.lengths > 0)

    def mark(rows: Tensor, histories: Histories) -> Tensor:
        users = torch.from_numpy(histories.users.astype(np.int64))
        inside = users.clamp_max(len(known) - 1)
        number = torch.where((users < len(known)) & known[inside], users + 1, 0).to(rows.device)
        rows = rows.clone()
        rows[:, :, -1, USER] = number[:, None] * (rows[:, :, -1, 0] > 0)
        return rows

    return mark

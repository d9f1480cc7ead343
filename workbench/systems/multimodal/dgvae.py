"""DGVAE: prototypes shared by a user's items and their words divide an autoencoder of rows into named interests.

Paper     Disentangled Graph Variational Auto-Encoder for Multimodal Recommendation with Interpretability, IEEE
          Transactions on Multimedia 2024, arXiv:2402.16110.
Idea      An item belongs to each of a few prototypes by a share, and so does a word. A user has one latent vector per
          prototype, inferred from the items of that share and from the words of that share, each side by way of the
          other; both items and words are predicted from it, so that a prototype can be read as its top words.
Equation  c_ik = softmax_k(cos(e_i, m_k) / tau + Gumbel noise), of words c_wk likewise with the same prototypes m
          x'_k = c_k x (length of x);  mu_k = unit(W2 tanh(W1 dropout(x'_k) (1 + A^2) / 2 + b1) + b2), A of neighbours
          z_k = unit(mu_k + s_k eps), of words v_k likewise;  g(q, k) = tanh(q . k) sigmoid(-|q - k|_1 less its mean)
          a_k = sum_j g(v_k, z_j) z_j,  b_k = sum_j g(z_k, v_j) v_j;  u_k = a_k + b_k
          pi_i ~ sum_k c_ik exp(u_k . unit(e_i) / tau + bias_i), of words likewise
          loss = NLL + beta KL + words (NLL_words + beta KL_words) + align JS,  KL of the variances alone
          JS = mean_k softplus(-a_k . b_k) + mean_{j != k} softplus(a_k . b_j)
Claim     Prototypes, words and neighbours rank better than Mult-VAE (the parent), by what the texts say: with the texts
          of other items (the placebo) they do not. Top words describe a prototype (`prototype_table`).
Differs   One table of prototypes for items and words, in the release one each. Words are those of the titles,
          categories and descriptions of the user's items, as there are no reviews by user here, so that a history of a
          new user has them too; neighbours are by text alone, whose graph weighs .96 in the release and that of images
          .04. An encoder has a hidden layer as in the parent, and dropout comes before the neighbours. Items and words
          have a bias. Without words u_k = z_k; without prototypes or words latents are those of the parent.
Reported  Baby, MMRec's split, full ranking: Recall@20 .1009, NDCG@20 .0436 (MultVAE Recall@20 .0579, MacridVAE .0703).
"""
import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix, identity
from torch import Tensor

from workbench.data import Histories
from workbench.data.graph import binary_user_items
from workbench.embed.knn_graph import item_knn_graph
from workbench.embed.words import item_words, words_of_rows
from workbench.errors import UserError
from workbench.losses.multinomial import multinomial_nll
from workbench.losses.mutual_information import jensen_shannon
from workbench.nets.propagation import Edges, normalise
from workbench.nets.rows.autoencoder import SphereAutoencoder
from workbench.nets.rows.bags import Bag
from workbench.nets.rows.interests import Interests
from workbench.recommenders.rows.over_multivae import MULTIVAE_RECIPE, annealed, check_row_sizes, row_autoencoder
from workbench.recommenders.rows.prototype_table import Described, side_by_side
from workbench.recommenders.rows.row_network import RowNetwork
from workbench.recommenders.rows.user_rows import StepNoise, item_bag, sparse_bag

PARENT = "multivae"
OFF = {"prototypes": 1, "words": 0.0, "align": 0.0, "neighbours": 0}
PLACEBO = {"permuted": True}
RECIPE = MULTIVAE_RECIPE


def build(bench, *, prototypes=4, words=0.2, align=0.2, neighbours=10, tau=0.1, permuted=False, beta=0.5, dropout=0.5,
          width=200, latent=64):  # fmt: skip
    """DGVAE for the bench's catalogue.

    prototypes: K; 1 divides nothing. words: weight of the words' terms, 0 reads and predicts none. align: weight of JS.
    neighbours: of an item in A, 0 for no graph. Without any of these it is multivae. permuted: the placebo, each item
    has the text of another. The others as in multivae. UserError for a setting out of range, or items without text.
    """
    check_row_sizes("dgvae", width, latent, dropout, beta)
    if prototypes < 1 or neighbours < 0 or not (words >= 0 <= align and tau > 0):
        raise UserError("dgvae: prototypes must be at least 1, words, align, neighbours at least 0, tau positive; not "
                        f"{prototypes=}, {words=}, {align=}, {neighbours=}, {tau=}")  # fmt: skip
    if align and (prototypes < 2 or not words):
        raise UserError(f"dgvae: {align=} sets prototypes of items and words beside each other and needs words, and at "
                        f"least 2 prototypes, not {words=}, {prototypes=}; set align=0.0")  # fmt: skip
    n_items = bench.split.n_items
    order = np.arange(n_items + 1)
    if permuted:
        order[1:] = bench.rng("permuted texts").permutation(n_items) + 1
    sizes = {"width": width, "latent": latent, "dropout": dropout}
    table = item_words(bench.dataset)[0][order] if words else None  # (I+1, F+1)
    if prototypes == 1 and not words:
        items = row_autoencoder(bench, **sizes)
    else:
        items = _sphere(bench, "init", n_items, tau, sizes)
    start = None
    if prototypes > 1:
        with bench.init("prototypes"):
            start = torch.randn(prototypes, latent) * items.item.weight.std()  # as short as items, to turn as fast
    near = item_knn_graph(bench.vectors("text"), neighbours).sign()[order][:, order] if neighbours else None
    net = Interests(
        items, _sphere(bench, "words", table.shape[1] - 1, tau, sizes) if words else None, start,
        None if near is None else _smoothing(near), tau,
    )  # fmt: skip

    def inputs(module: Interests, rows: Histories) -> tuple[Bag, Bag | None]:
        device = module.items.item.weight.device
        if table is None:
            return item_bag(rows, device), None
        return item_bag(rows, device), sparse_bag(words_of_rows(binary_user_items(rows, n_items), table), device)

    def loss(module: Interests, rows: Histories, step: int, share: float) -> Tensor:
        bag, read = inputs(module, rows)
        found, weight = module(bag, read, StepNoise(bench.seed, step)), annealed(beta, share)
        value = multinomial_nll(found.items, bag.rows(), bag.ids).mean() + weight * found.divergence[0].mean()
        if words:
            of_words = multinomial_nll(found.words, read.rows(), read.ids, read.weights)
            value = value + words * (of_words.mean() + weight * found.divergence[1].mean())
        return value + align * jensen_shannon(*found.views) if align else value

    return RowNetwork(net, score=lambda module, rows: module(*inputs(module, rows)).items, loss=loss)


def _sphere(bench, name: str, ids: int, tau: float, sizes: dict) -> SphereAutoencoder:
    with bench.init(name):
        return SphereAutoencoder(ids, tau=tau, **sizes)


def _smoothing(graph: csr_matrix) -> Edges:
    """A: the mean over an item and its neighbours."""
    return Edges(normalise((graph + identity(graph.shape[0], format="csr")).tocsr(), "row"))


@torch.no_grad()
def prototype_table(recommender: RowNetwork, bench, *, top: int = 10) -> pd.DataFrame:
    """The top words and items of each prototype, as `side_by_side` has them. UserError for a recommender without
    prototypes or words."""
    net, (table, names) = recommender.module, item_words(bench.dataset)
    if net.prototypes is None or net.words is None:
        raise UserError("dgvae: prototypes=1 or words=0 leaves nothing to describe; train it with both")
    counts = bench.split.train_counts()
    titles = bench.dataset.items["title" if "title" in bench.dataset.items else "raw_id"]
    items = Described(net.log_shares(net.items).exp().cpu().numpy(), counts, ["", *titles.astype(str)])
    words = Described(net.log_shares(net.words).exp().cpu().numpy(), counts @ (table > 0), names)
    return side_by_side(words, items, top=top)

"""SRA-CL: the positives of contrastive learning are found by text, among similar items and similar histories.

Paper     Semantic Retrieval Augmented Contrastive Learning for Sequential Recommendation, arXiv:2503.04162.
Idea      Views by chance (masks, crops) may change what a history is about, and few users share items. Texts say what
          is alike: an item is replaced by one of its neighbours, and a user is drawn to the users of like taste.
Equation  L = L_next + alpha L_user + beta L_item, with NT-Xent of products at temperature 1
          L_item: two views of a history, each event replaced with probability p by one of the 10 items nearest in text
          L_user: h_u and sum_k w_k h_k over the 10 histories nearest in text,
          w_k = softmax_k LeakyReLU(a . [W t_u || W t_k]),  t frozen text vectors
Claim     Positives by text rank better than SASRec (the parent), and better than the same terms with the neighbours of
          other items and users (permuted=True, the placebo).
Differs   A user's text is the mean of the vectors of her train items' texts, in place of a sentence encoder's vector of
          a summary that a language model writes of each prefix: neighbours are found once a user, among the train
          histories of others, of which the last 20 events are read. Terms of a batch are of one random prefix of each
          window. Attention weights that dropout sets to 0 are half of them; those neighbours are not encoded.
Reported  Up to 11.82 % over its best baseline (Yelp, Sports, Beauty, Office; full ranking): no figures at hand.
"""
import numpy as np
import torch
from torch import Tensor

from workbench.data import Histories
from workbench.embed.neighbours import mean_vectors, neighbour_table, neighbours_of_items
from workbench.errors import UserError
from workbench.losses.contrast import nt_xent
from workbench.nets.sequences.neighbour_attention import NeighbourAttention
from workbench.nets.transformer import SequenceEncoder
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequences.sequence_views import random_prefix, substitute
from workbench.recommenders.sequential import Additions, LastState, sequential
from workbench.train import named_rng

PARENT = "sasrec"
OFF = {"alpha": 0.0, "beta": 0.0}
PLACEBO = {"permuted": True}
RECIPE = SASREC_RECIPE
NEIGHBOURS, EVENTS = 10, 20  # of a neighbour, whose last events are read, as many as the release reads of any history
TEXT, ATTENTION_DROPOUT = 128, 0.5


def build(
    bench, *, vectors="text", alpha=0.1, beta=0.1, share=0.2, permuted=False, width=64, layers=2, max_length=50,
    dropout=0.3,
):  # fmt: skip
    """SASRec with positives by text, for the bench's catalogue.

    vectors: what text is taken from, a kind of `bench.vectors`. alpha: weight of the contrast with similar histories,
    beta: of that of two views with similar items; with neither this is sasrec. share: p. permuted: the placebo.
    The others as in sasrec. UserError for a setting out of range, or where no item has text.
    """
    check_sizes("sra_cl", width, layers, max_length, dropout)
    if not alpha >= 0 <= beta or not 0 <= share <= 1:
        raise UserError(f"sra_cl: {alpha=} and {beta=} are weights, 0 or more; {share=} is a probability")
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if not alpha and not beta:
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    texts, train, reader = bench.vectors(vectors, dim=TEXT), bench.split.train, LastState(max_length)
    shuffle = bench.rng("permuted neighbours") if permuted else None
    if beta:
        items = neighbours_of_items(texts, NEIGHBOURS, shuffle)
    if alpha:
        tastes = mean_vectors(train, texts)
        users = neighbour_table(tastes, NEIGHBOURS, shuffle)
        with bench.init("neighbour attention"):
            encoder.neighbour_attention = NeighbourAttention(texts.shape[1], width, ATTENTION_DROPOUT)

    def contrast(windows: Histories, step: int) -> Tensor:
        rng = named_rng(bench.seed, "views", step)
        prefixes, total = random_prefix(windows, rng), 0.0
        if beta:
            views = [substitute(prefixes, rng, share=share, neighbours=items) for _ in range(2)]
            total = total + beta * nt_xent(*(reader.states(encoder, view) for view in views))
        if alpha:
            combined = combined_neighbours(encoder, reader, prefixes.users, users, tastes, train)
            total = total + alpha * nt_xent(reader.states(encoder, prefixes), combined)
        return total

    return sequential(encoder, loss=cross_entropy, max_length=max_length, additions=Additions(contrast))


def combined_neighbours(
    encoder: SequenceEncoder, reader: LastState, who: np.ndarray, neighbours: np.ndarray, tastes: np.ndarray,
    train: Histories,
) -> Tensor:  # fmt: skip
    """(B, D) sum_k w_k h_k over the neighbours (U, K) of the users who (B,). tastes: (U, E) text vectors of users."""
    near, device = neighbours[who], encoder.item.weight.device
    weights = encoder.neighbour_attention(*(torch.from_numpy(tastes[users]).to(device) for users in (who, near)))
    row, k = np.nonzero(weights.detach().cpu().numpy())  # dropout leaves half of them; the others are not read
    read, place = np.unique(near[row, k], return_inverse=True)
    mixture = torch.zeros(len(who), len(read), device=device).index_put(
        (torch.from_numpy(row).to(device), torch.from_numpy(place).to(device)), weights[row, k]
    )
    histories = train.take(read).last(EVENTS)
    groups = list(histories.batches(128))  # of similar length: padding is rare
    states = [encoder.item.weight[:0]] + [reader.states(encoder, histories.take(group)) for group in groups]
    order = np.argsort(np.concatenate([np.zeros(0, np.int64), *groups]))
    return mixture @ torch.cat(states)[torch.from_numpy(order).to(device)]

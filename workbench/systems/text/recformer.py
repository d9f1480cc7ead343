"""Recformer: items and histories are typed words, read by one transformer; an item needs no id, only its text.

Paper     Text Is All You Need: Learning Language Representations for Sequential Recommendation, arXiv:2305.13731.
Idea      Write an item as attributes and words, a history as its items one after another, newest first, and let one
          encoder read either: what it learns of words holds for items that nobody has chosen yet.
Equation  x = LayerNorm(word + kind + place in the item + place of the item),  h = mean Enc(<s>, x_1, x_2, ..)
          s(i) = cos(h, h_i) / tau, h_i of the item alone.  L = -log e^{s(i)} / sum_j e^{s(j)}: first over the j of a
          batch, h_j learnt; then over all items, h_j encoded anew after each epoch; then with the best h_j, which stay
Claim     It ranks better than ids (the parent), by the words: texts permuted among the items (the placebo) are worse.
Differs   No pretrained Longformer: a transformer of a few layers whose words begin with vectors of what stands in the
          same texts, and no masked words. Full attention over some hundred words: at most 8 items of 8 words of a
          title, 2 of a brand, 4 of a category. The mean of all outputs, where the release reads <s> alone; keys are
          kinds, not words. The contrast within a batch, the paper's pretraining, has the first quarter of the parent's
          epochs, on this dataset, with the frequencies of its negatives taken off (the paper does not); the last
          quarter has the items that stay. One target per history and epoch, as the encoder is not causal.
Reported  Amazon Scientific, leave-one-out, full ranking: NDCG@10 .1027 beside .0797 of SASRec (from memory).
"""
import numpy as np
from torch import Tensor

from workbench.embed.typed_words import typed_words, word_vectors
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.word_encoder import WordEncoder
from workbench.recommenders.sequences.over_sasrec import (
    FEEDFORWARD,
    HEADS,
    SASREC_RECIPE,
    check_sizes,
    cross_entropy,
    sasrec_encoder,
)
from workbench.recommenders.sequences.refresh_then_freeze import RefreshThenFreeze
from workbench.recommenders.sequential import sequential
from workbench.recommenders.text.candidates import TrainItems

PARENT = "sasrec"
OFF = {"items": "ids"}
PLACEBO = {"permuted": True}
RECIPE = SASREC_RECIPE
NEWEST, ITEMS = 8, ("text", "ids")


def build(bench, *, items="text", permuted=False, tau=0.05, width=64, layers=2, max_length=50, dropout=0.3):
    """A transformer over the words of items, for the bench's catalogue.

    items: text, or ids for SASRec. permuted: the placebo, every item has the words of another one. tau: temperature of
    the cosines. max_length: events that are read, of texts at most 8. The others as in sasrec. UserError on an unknown
    name, a setting out of range, or a catalogue without words.
    """
    if items not in ITEMS:
        raise unknown_name("item table", items, ITEMS)
    check_sizes("recformer", width, layers, max_length, dropout)
    if not tau > 0:
        raise UserError(f"recformer: {tau=} divides the cosines; give a number above 0")
    if items == "ids":
        encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    words, kinds, n_words = typed_words(bench.dataset)
    vectors = word_vectors(words, n_words, width, bench.seed)
    if permuted:
        order = np.append(0, 1 + bench.rng("permuted texts").permutation(len(words) - 1))
        words, kinds = words[order], kinds[order]
    read = min(max_length, NEWEST)
    with bench.init():
        module = WordEncoder(
            words, kinds, vectors, layers=layers, heads=HEADS, feedforward=FEEDFORWARD, max_length=read,
            dropout=dropout, tau=tau,
        )
    known = TrainItems(bench.split.train.items, bench.split.n_items)

    def of_known(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        """h (N, D) states, weight (I+1, D) encoded items, targets (N,)."""
        return known.cross_entropy(h, weight, targets)

    return RefreshThenFreeze(module, of_known, max_length=read)

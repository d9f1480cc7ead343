"""Recformer: items and histories are typed words, read by one transformer; an item needs no id, only its text.

Paper     Text Is All You Need: Learning Language Representations for Sequential Recommendation, arXiv:2305.13731.
Idea      Write an item as attributes and words, a history as its items one after another, newest first, and let one
          encoder read either: what it learns of words holds for items that nobody has chosen yet.
Equation  x = LayerNorm(word + kind + place in the item + place of the item),  h = Enc(<s>, x_1, x_2, ..) at <s>
          s(i) = cos(h, h_i) / tau, h_i of the item alone; phase 1 learns h and h_i, phase 2 keeps the best h_i
Claim     It ranks better than ids (the parent), by the words: texts permuted among the items (the placebo) are worse.
Differs   A transformer of a few layers trained from nothing on words that two items share, in place of a pretrained
          Longformer with masked words; full attention, as a history has some hundred words: at most 8 items of 8 words
          of a title, 2 of a brand, 4 of a category. Keys are kinds, not words. As nothing is pretrained, phase 1 has
          the paper's pretraining loss, among the next items of a batch, and phase 2 that of fine-tuning, among all
          items of train, which stay as they are. One target per history and epoch, as the encoder is not causal;
          epochs are the parent's, the last quarter in phase 2.
Reported  Amazon Scientific, leave-one-out, full ranking: NDCG@10 .1027 beside .0797 of SASRec (from memory).
"""
import numpy as np

from workbench.embed.words import item_words
from workbench.errors import UserError, unknown_name
from workbench.losses.among_known import softmax_among
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
    words, kinds, n_words = item_words(bench.dataset)
    if permuted:
        order = np.append(0, 1 + bench.rng("permuted texts").permutation(len(words) - 1))
        words, kinds = words[order], kinds[order]
    read = min(max_length, NEWEST)
    with bench.init():
        module = WordEncoder(
            words, kinds, n_words, width=width, layers=layers, heads=HEADS, feedforward=FEEDFORWARD, max_length=read,
            dropout=dropout, tau=tau,
        )
    return RefreshThenFreeze(module, softmax_among(bench.split.train.items, len(words)), max_length=read)

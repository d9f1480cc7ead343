"""LLM2Rec: text vectors tuned on what follows what, then frozen, as the item table of a sequence network.

Paper     LLM2Rec, arXiv:2506.21579.
Idea      A text encoder knows what items are, not which of them go together. Tune it on histories and next titles, then
          freeze it: a recommender with one linear adapter on its vectors also ranks items that nobody has chosen yet.
Equation  z = x + U gelu(V x), tuned by InfoNCE(mean of z over the history, z of the next item);  e_i = W z_i,
          s(i) = h_t . e_i with h of a SASRec over e
Claim     It ranks better than ids (the parent), by the texts: vectors permuted among the items (the placebo) are worse.
          What the tuning adds shows against tuned=False; items without a train event are found where ids have chance.
Differs   The tuned encoder is a residual network over frozen vectors of TF-IDF (vectors="sentence": of a sentence
          encoder) in place of a language model of .5 B tuned on title sequences, made bidirectional and contrasted with
          itself. Pairs, and the candidates of the loss, are of train alone. The released harness scores its id baseline
          by a table without gradient; here the parent is a full SASRec.
Reported  Amazon Games, Arts, Movies and others, full ranking, not masked: no figures at hand.
"""
import numpy as np

from workbench.data import Histories
from workbench.embed.collaborative_tuning import tuned_vectors
from workbench.errors import unknown_name
from workbench.losses.among_known import softmax_among
from workbench.nets.sequences.text_items import ContentItems
from workbench.recommenders.semantic_ids import CONTENT
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import sequential
from workbench.stages import stage

PARENT = "sasrec"
OFF = {"items": "ids"}
PLACEBO = {"permuted": True}
RECIPE = SASREC_RECIPE
TUNING_EPOCHS = 50
ITEMS = ("text", "ids")


def build(
    bench, *, items="text", vectors="text", tuned=True, permuted=False, width=64, layers=2, max_length=50, dropout=0.3
):
    """SASRec on tuned and frozen text vectors, for the bench's catalogue.

    items: text, or ids for SASRec. vectors: kind of item vectors. tuned: whether they are tuned on train. permuted: the
    placebo, every item has the vector of another one. The others as in sasrec. UserError on an unknown name, a setting
    out of range, or items without text.
    """
    if items not in ITEMS:
        raise unknown_name("item table", items, ITEMS)
    check_sizes("llm2rec", width, layers, max_length, dropout)
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    loss = cross_entropy
    if items == "text":
        table = bench.vectors(vectors, dim=CONTENT)
        if permuted:
            table = table[np.append(0, 1 + bench.rng("permuted vectors").permutation(len(table) - 1))]
        train = bench.split.train
        table = _tuned(table, train.offsets, train.items, TUNING_EPOCHS if tuned else 0, bench.seed)
        with bench.init("adapter"):
            encoder.item = ContentItems(table, width)
        loss = softmax_among(train.items, len(table))
    return sequential(encoder, loss=loss, max_length=max_length)


@stage("vectors")
def _tuned(vectors, offsets, items, epochs: int, seed: int) -> np.ndarray:
    train = Histories(offsets, items, np.arange(len(offsets) - 1, dtype=np.int32))
    return tuned_vectors(vectors, train, epochs=epochs, seed=seed)

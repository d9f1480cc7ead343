"""LUMEN: what a user asks for after the last item is read with the history, and one state names item and words.

Paper     REGEN: Recommendations and Narratives, arXiv:2503.11924 (after the abstract and the dataset's page).
Idea      A user who says what the next item should have beside the last one steers the list. One model reads history
          and critique, and what it retrieves and what it says of it come from one state.
Equation  x_t = e_{i_t} + p_t + sum_{w of c_t} v_w / sqrt|c_t|,  h_t = Blocks(x_1 .. x_t),  s(i) = h_t . e_i
          L = -log p(i_{t+1} | h_t) - narrative * mean_{w of i_{t+1}} log softmax(A h_t)_w
Claim     Critiques of the step lift the ranking above the history alone (the parent), and above critiques that were
          said at other steps (the placebo).
Differs   No language model with item tokens: a critique is the sum of the vectors of its words, added to the event it
          follows, and the narrative is a distribution over the words of the next item's text, which a template or a
          local model puts in a sentence (recommenders/text/narratives.py). Critiques are made from attributes of the
          next item (dataset critiqued), not written by a large model. THE CRITIQUE KNOWS THE TARGET: its figures are no
          better or worse than those of systems that read none. critique_retrieval, which reads the critique alone, and
          the same run without critiques (evaluate/critiques) stand beside it.
Reported  REGEN Office: recall@10 .124 without and .1402 with critiques, of a sequence-text hybrid (from memory).
"""
import logging

import numpy as np
import torch
from torch import Tensor

from workbench.embed.words import item_words
from workbench.errors import UserError, unknown_name
from workbench.losses.ranking import full_softmax
from workbench.nets.sequences.critiqued import CritiquedEncoder, word_loss
from workbench.recommenders.sequences.over_sasrec import (
    SASREC_RECIPE,
    check_sizes,
    cross_entropy,
    sasrec_encoder,
)
from workbench.recommenders.sequential import Additions, sequential
from workbench.recommenders.text.critiques import critique_inputs, critique_table, critique_words
from workbench.train import derive_seed

PARENT = "sasrec"
OFF = {"critiques": "none"}
PLACEBO = {"critiques": "shuffled"}
RECIPE = SASREC_RECIPE
NEEDS = ("critiques",)  # a table of the dataset
BESIDE = ("critique_retrieval",)
READ = ("said", "shuffled", "none")
VOCABULARY, LONGEST = 1000, 12  # words that a narrative may name; of one item
log = logging.getLogger("workbench")


def build(bench, *, critiques="said", narrative=0.1, width=64, layers=2, max_length=50, dropout=0.3):
    """SASRec whose events carry what was said after them, for the bench's catalogue.

    critiques: said, those of other steps (shuffled, the placebo), or none, which is sasrec. narrative: weight of the
    words of the next item; 0 has no head for them. The others as in sasrec. UserError for an unknown name, a setting
    out of range, or a dataset without critiques.
    """
    if critiques not in READ:
        raise unknown_name("critiques", critiques, READ)
    check_sizes("lumen", width, layers, max_length, dropout)
    if not 0 <= narrative < float("inf"):
        raise UserError(f"lumen: {narrative=} is the weight of a loss, 0 or more")
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if critiques == "none":
        return sequential(encoder, loss=cross_entropy, max_length=max_length)
    log.info("lumen reads critiques, which know the next item: compare it with critique_retrieval and its placebo")
    train = bench.split.train
    words, n_words = critique_words(critique_table(bench.dataset), train)
    ids, shares = narrative_words(bench.dataset) if narrative else (None, None)
    with bench.init("critiques"):
        module = CritiquedEncoder(encoder, words, n_words, said=VOCABULARY + 1 if narrative else 0)

    def joint(h: Tensor, weight: Tensor, targets: Tensor, step: int) -> Tensor:
        loss = full_softmax(h, weight, targets, chunk=128)
        if narrative:
            words, weights = (table.to(h.device)[targets] for table in (ids, shares))
            loss = loss + narrative * word_loss(module.narrator(h), words, weights)
        return loss

    seed = derive_seed(bench.seed, "shuffled critiques") if critiques == "shuffled" else None
    additions = Additions(inputs=critique_inputs(train, seed))
    return sequential(module, loss=joint, max_length=max_length, additions=additions)


def narrative_words(dataset) -> tuple[Tensor, Tensor]:
    """(I+1, L) int64 columns of the words of each item that weigh most, and (I+1, L) float32 their shares, which sum to
    1, or to 0 for an item without words."""
    table, _ = item_words(dataset, VOCABULARY)
    row = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    order = np.lexsort((table.indices, -table.data, row))
    place = np.arange(len(row)) - table.indptr[row]
    kept = place < LONGEST
    ids, shares = np.zeros((2, table.shape[0], LONGEST))
    ids[row[kept], place[kept]], shares[row[kept], place[kept]] = table.indices[order][kept], table.data[order][kept]
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
    return torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(shares.astype(np.float32))

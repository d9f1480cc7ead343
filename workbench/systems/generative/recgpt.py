"""RecGPT: parallel codes of item text, read under a block-causal mask, predict the codes of the next item at once.

Paper     RecGPT: A Foundation Model for Sequential Recommendation, EMNLP 2025, arXiv:2506.06270.
Idea      FSQ codes are a function of an item's text alone, so items never seen in training have codes too. The codes
          of an item see one another, no code sees a later item, and the L states of an item predict the L codes of the
          next one side by side: no code waits for another.
Equation  x_tl = LN(E_l[c_l]) + LN(W chunk_l);  score(i) = sum_l <h_tl, E_l[c_l(i)]>;  L = -sum_l log softmax_l(c_l)
Claim     Codes of text carry over to catalogues never trained on (experiment.zero_shot); within one catalogue, the
          right codes and chunks beat those of other items (the placebo).
Differs   Trained on one dataset, not on eleven domains; codebooks of as many codes as the catalogue warrants in place
          of 15,360; an autoencoder of the whole vector (TF-IDF-SVD by default) in place of one of its chunks; the 20
          last items are read; a loss at every item. All items are ranked exactly by the sum, which a beam over the
          trie approximates in the paper; items that share all codes tie and are ranked by the lower id, in the order
          of a seeded hash. Codebooks are tied to the output.
Reported  Zero-shot on Amazon Office: Hit@1 .0280, NDCG@5 .0290; Games .0364, .0371. That Hit@1 is nearly Hit@5 is what
          repeated items give: read it beside the last items repeated (zero_shot_table).
"""
import numpy as np

from workbench.errors import UserError, unknown_name
from workbench.nets.parallel_decoder import MASKS, ParallelDecoder
from workbench.recommenders.semantic_ids import CONTENT, HEAD, ITEMS, SEMANTIC_ID_RECIPE, check_sizes, plain_recommender
from workbench.recommenders.sequential import sequential

PARENT = "tiger"
OFF = {"parallel": False, "codes": "rq-kmeans"}
PLACEBO = {"permuted": True}
RECIPE = SEMANTIC_ID_RECIPE
BEAM = 20  # of the parent; parallel codes need none


def build(
    bench, *, codes="fsq", vectors="text", levels=4, parallel=True, mask="block", permuted=False, width=64, layers=3,
    dropout=0.1,
):  # fmt: skip
    """RecGPT for the bench's catalogue.

    codes: a kind in tokens.KINDS. levels: parallel codes of an item. vectors: the kind of item vectors behind codes and
    chunks; of "sentence" for another catalogue later. parallel: False for the parent, which decodes code by code. mask:
    "block", or "item", where the codes of an item do not see one another. permuted: the placebo, every item has the
    codes and chunks of another one. The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    check_sizes("recgpt", width, layers, BEAM, dropout)
    if mask not in MASKS:
        raise unknown_name("mask", mask, MASKS)
    if not parallel:
        if permuted or mask != "block":
            raise UserError("recgpt: permuted and mask are of parallel codes; leave them out with parallel=False")
        return plain_recommender(
            bench, codes, vectors=vectors, width=width, layers=layers, dropout=dropout, beam=BEAM
        )
    item_codes = bench.codes(codes, vectors=vectors, levels=levels, policy="none")
    order = np.arange(item_codes.n_items + 1)
    if permuted:
        order[1:] = 1 + bench.rng("permuted codes").permutation(item_codes.n_items)
    content = bench.vectors(vectors, dim=CONTENT)
    with bench.init():
        module = ParallelDecoder(
            item_codes.codes[order], item_codes.sizes, content[order], width=width, layers=layers, heads=width // HEAD,
            max_length=ITEMS, dropout=dropout, mask=mask,
        )
    return sequential(
        module, loss=lambda h, weight, targets, step: module.item.code_loss(h, targets), max_length=ITEMS, full=False,
        likelihood=False,
    )  # fmt: skip

"""TIGER: items have semantic IDs, and a transformer generates the semantic ID of the next item code by code.

Paper     Recommender Systems with Generative Retrieval, NeurIPS 2023, arXiv:2305.05065.
Idea      Generative retrieval: similar items share code prefixes, and beam search decodes the next item's codes from
          those of the history.
Equation  p(i | history) = product over levels l of p(c_l(i) | c_1(i) .. c_{l-1}(i), codes of the history)
Claim     Codes from item content help: the same codes permuted among the items (the placebo) are worse.
Differs   A causal decoder over the flattened code sequence with a loss at every item (architecture="encoder-decoder" is
          the paper's, with one target per row); a code embedding is added to an embedding of its prefix (prefixes=False
          embeds codes alone, as the paper does); RQ-KMeans on TF-IDF-SVD vectors instead of an RQ-VAE on sentence
          embeddings; no user token; beam search is constrained to the trie; learned positions, pre-norm.
Reported  Beauty 5-core, leave-one-out, unmasked: NDCG@10 .0384, Recall@10 .0648; public reimplementations reach
          .0319 to .0378.
"""

from workbench.errors import unknown_name
from workbench.nets.encoder_decoder import EncoderDecoder
from workbench.nets.semantic_id_decoder import SemanticIdDecoder
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import HEAD, ITEMS, SEMANTIC_ID_RECIPE, check_sizes

PARENT = None
OFF = {"prefixes": False}
PLACEBO = {"permuted": True}
RECIPE = SEMANTIC_ID_RECIPE
ARCHITECTURES = {"decoder": SemanticIdDecoder, "encoder-decoder": EncoderDecoder}


def build(
    bench, *, codes="rq-kmeans", vectors="text", policy="dedup", permuted=False, prefixes=True, width=64, layers=3,
    dropout=0.1, beam=20, architecture="decoder",
):  # fmt: skip
    """TIGER for the bench's catalogue.

    codes: a kind in tokens.KINDS, or a folder of saved ItemCodes. vectors: the item vectors quantised by rq-kmeans.
    policy: how code collisions are resolved, one of tokens.codes.POLICIES. permuted: the placebo control, codes
    permuted over items. prefixes: whether code prefixes have embeddings of their own, which helps small networks at the
    cost of memory. width: a multiple of 32, the width of an attention head. beam: beam width.
    UserError on an unknown name or a setting out of range.
    """
    if architecture not in ARCHITECTURES:
        raise unknown_name("architecture", architecture, ARCHITECTURES)
    check_sizes("tiger", width, layers, beam, dropout)
    item_codes = bench.codes(codes, vectors=vectors, policy=policy, permuted=permuted)
    with bench.init():
        module = ARCHITECTURES[architecture](
            item_codes.sizes, width=width, layers=layers, heads=width // HEAD, max_length=ITEMS, dropout=dropout,
            prefixes=item_codes.prefix_counts if prefixes else (),
        )
    return Generative(module, item_codes, beam=beam, max_length=ITEMS, all_positions=architecture == "decoder")

"""MSCGRec: items are read as codes of several kinds of vectors and generated as codes of one, within the trie.

Paper     MSCGRec, arXiv:2602.03713.
Idea      Text and co-occurrence each have semantic IDs of their own. A history is read in all of them; the next item is
          decoded in one. Training normalises a code over those that continue some item's prefix.
Equation  p(i | history) = product over l of e^{z_l(c_l)} / sum over children c of the prefix's node of e^{z_l(c)}
Claim     Further codes help, and the softmax over the trie helps: without both it is tiger on the same target codes.
Differs   Text codes are predicted, as by the parent, and collaborative ones read (vectors, read and policy="empty-leaf"
          give the paper's target); these are of truncated-SVD vectors of train in place of SASRec's; no images. A
          causal decoder: the codes of an item that are only read follow those that are predicted, so that none is
          seen before it is asked for.
Reported  Beauty (Amazon 2023): Recall@10 .0315 beside .0317 of SASRec.
"""
import numpy as np

from workbench.errors import UserError
from workbench.losses.code_sequences import code_cross_entropy, trie_cross_entropy
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import ITEMS, SEMANTIC_ID_RECIPE, causal_decoder, check_sizes

PARENT = "tiger"
OFF = {"read": (), "trie": False}
PLACEBO = {"shuffled": True}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, vectors="text", policy="dedup", read=("collaborative",), trie=True, shuffled=False, hidden=0.2,
    width=64, layers=3, dropout=0.1, beam=20,
):  # fmt: skip
    """A causal decoder for the bench's catalogue.

    vectors: kind of the vectors whose codes are predicted. policy: how their collisions are resolved. read: kinds whose
    codes are read besides. trie: whether a code is normalised over the children of its prefix, in training and in
    decoding. shuffled: the placebo, the codes that are read only are those of other items. hidden: share of these codes
    hidden in training. The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    check_sizes("mscgrec", width, layers, beam, dropout)
    if vectors in read or len(set(read)) < len(read) or not 0 <= hidden < 1:
        raise UserError(f"mscgrec: read={read} names kinds of vectors besides {vectors}, each once; 0 <= {hidden=} < 1")
    target = bench.codes("rq-kmeans", vectors=vectors, policy=policy)
    others = [bench.codes("rq-kmeans", vectors=kind, policy="none", permuted=shuffled) for kind in read]
    sizes = sum((each.sizes for each in others), ())
    module = causal_decoder(
        bench, target, width=width, layers=layers, dropout=dropout, prefixes=True, streams=sizes, drop_streams=hidden
    )
    codes = np.hstack([each.codes for each in others]) if read else np.zeros((target.n_items + 1, 0), int)
    rows = (codes + np.array(module.code.stream_starts, int)) * (np.arange(len(codes)) > 0)[:, None]
    return Generative(
        module, target, beam=beam, max_length=ITEMS, all_positions=True, streams=rows, trie_softmax=trie,
        loss=trie_cross_entropy if trie else code_cross_entropy,
    )  # fmt: skip

"""DiscRec: a branch that sees the codes of one item only, gated into the embedding of each code.

Paper     DiscRec, arXiv:2506.15576.
Idea      A transformer over codes mixes what belongs to one item with what relates items. A branch of its own for the
          codes of an item, before the transformer, keeps the two apart.
Equation  b = FFN(LN(x + p) + attention within the item),  x' = a_1 x + a_2 b,  a = softmax(<g_1, x>, <g_2, b>)
Claim     The branch is better than none, and than as many parameters without attention (the placebo).
Differs   As tiger: a causal decoder reads the history too, so within an item a code attends to those before it, not to
          all. prefixes=True already gives every code the prefix that it follows; prefixes=False is nearer to the paper.
          No code is added for the end of an item.
Reported  Beauty 5-core, leave-one-out, TIGER's codes: NDCG@10 .0348, Recall@10 .0656.
"""
from workbench.errors import unknown_name
from workbench.nets.item_local import LOCAL
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import ITEMS, SEMANTIC_ID_RECIPE, causal_decoder, check_sizes

PARENT = "tiger"
OFF = {"local": ""}
PLACEBO = {"local": "feedforward"}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, codes="rq-kmeans", vectors="text", prefixes=True, width=64, layers=3, dropout=0.1, beam=20,
    local="attention",
):  # fmt: skip
    """TIGER for the bench's catalogue, whose codes are embedded with the branch.

    local: attention; feedforward, the placebo, two linear layers of as many parameters in its place; or "", no branch.
    The others as in tiger. UserError on an unknown name or a setting out of range.
    """
    check_sizes("discrec", width, layers, beam, dropout)
    if local and local not in LOCAL:
        raise unknown_name("branch within an item", local, LOCAL)
    item_codes = bench.codes(codes, vectors=vectors)
    module = causal_decoder(
        bench, item_codes, width=width, layers=layers, dropout=dropout, prefixes=prefixes, local=local
    )
    return Generative(module, item_codes, beam=beam, max_length=ITEMS, all_positions=True)

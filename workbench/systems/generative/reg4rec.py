"""REG4Rec, after it: unordered codes, of which each beam emits next the one that it is surest of.

Paper     REG4Rec: Reasoning-Enhanced Generative Model for Large-Scale Recommendation Systems, arXiv:2508.15308; no
          code was published, so this is made after its description and is no reproduction.
Idea      Parallel codes have no order of their own. A network that predicts any code from the history and any others
          can decode in the order it finds easiest, and tell paths that contradict themselves.
Equation  l* = argmax over codebooks left of max_c p_l(c | h, given);  score = sum over the path of log p_l*;
          consistency = (product over codes emitted of p_l(c_l | h, the others))^(1/n)
Claim     Confidence orders better than chance: order="random" has the same weights and budget (the placebo).
Differs   No reinforcement learning after training (PARS with its multi-step reward MSRA); product quantisation after a
          learned rotation in place of learned experts with a gate; no temperature; which codes are given is drawn
          anew for every target. Pruning (CORP) never leaves fewer items than the beam is wide, and full paths are
          ranked by their score alone.
Reported  Industrial only: revenue of advertisements +5.60 %, click-through rate +1.81 %, gross merchandise +3.29 %.
"""
from workbench.errors import UserError
from workbench.nets.any_order_decoder import AnyOrderDecoder
from workbench.recommenders.codes.any_order import AnyOrder
from workbench.recommenders.semantic_ids import HEAD, ITEMS, SEMANTIC_ID_RECIPE, check_sizes, plain_recommender

PARENT = "tiger"
OFF = {"parallel": False, "codes": "rq-kmeans"}
PLACEBO = {"order": "random"}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, codes="pq", vectors="text", levels=4, parallel=True, order="confidence", threshold=0.1, width=64,
    layers=3, dropout=0.1, beam=20,
):  # fmt: skip
    """REG4Rec for the bench's catalogue.

    codes: a kind in tokens.KINDS. levels: parallel codes of an item. parallel: False for the parent, which decodes in
    the order of levels. order, threshold: see `AnyOrder`; threshold=0 prunes nothing. The others as in tiger. UserError
    on an unknown name or a setting out of range.
    """
    check_sizes("reg4rec", width, layers, beam, dropout)
    if not parallel:
        if order != "confidence":
            raise UserError("reg4rec: order is of parallel codes; leave it out with parallel=False")
        return plain_recommender(
            bench, codes, vectors=vectors, width=width, layers=layers, dropout=dropout, beam=beam
        )
    item_codes = bench.codes(codes, vectors=vectors, levels=levels, policy="none")
    with bench.init():
        module = AnyOrderDecoder(
            item_codes.codes, item_codes.sizes, width=width, layers=layers, heads=width // HEAD, max_length=ITEMS,
            dropout=dropout,
        )
    chance = bench.rng("order of codebooks").random((1 + sum(item_codes.sizes), levels))
    return AnyOrder(
        module, item_codes, beam=beam, max_length=ITEMS, order=order, threshold=threshold, chance=chance
    )  # fmt: skip

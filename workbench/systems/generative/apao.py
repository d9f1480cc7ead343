"""APAO: the loss also asks that every prefix of the target's semantic ID outranks other prefixes, the worst one most.

Paper     APAO, arXiv:2603.02730.
Idea      Beam search drops a target as soon as one of its prefixes leaves the beam, and cross-entropy over codes does
          not see prefixes compete. A loss over prefixes does, with more weight where the target is worst.
Equation  L = CE + beta sum_t w_t L_t,  w_t ~ sg[L_t] exp(eta sg[L_t]),  t = 1 .. L-1: the last prefix is the item
          pointwise  L_t = -S_t / t,  S_t = sum_{l <= t} log p(c_l | c_1 .. c_{l-1})
          pairwise   L_t = -(1/t) log(e^{S_t} / (e^{S_t} + sum_n e^{S_t(n)})),  n: other prefixes of t codes
Claim     Fewer targets lose their prefix in small beams, and so the metric rises.
Differs   As tiger beside the loss. Pairwise negatives are all prefixes that differ from the target's in their last code
          alone, which needs no other code to be decoded; the paper draws 100 items an epoch. The placebo weighs all
          prefixes alike. eta is the release's 0: weights in proportion to the loss.
Reported  Up to +8.4 % NDCG relative to cross-entropy on Office, Grocery, Beauty and Yelp, leave-one-out.
"""
from workbench.errors import UserError, unknown_name
from workbench.losses.prefixes import FORMS, prefix_aware
from workbench.recommenders.generative import Generative
from workbench.recommenders.semantic_ids import ITEMS, SEMANTIC_ID_RECIPE, causal_decoder, check_sizes

PARENT = "tiger"
OFF = {"beta": 0.0}
PLACEBO = {"uniform": True}
RECIPE = SEMANTIC_ID_RECIPE


def build(
    bench, *, codes="rq-kmeans", vectors="text", prefixes=True, width=64, layers=3, dropout=0.1, beam=20, beta=0.1,
    form="pointwise", uniform=False,
):  # fmt: skip
    """TIGER for the bench's catalogue, trained with the prefix-aware loss.

    beta: weight of the prefix losses. form: pointwise or pairwise. uniform: the placebo, every prefix weighs alike. The
    others as in tiger. UserError on an unknown name or a setting out of range.
    """
    check_sizes("apao", width, layers, beam, dropout)
    if form not in FORMS:
        raise unknown_name("form of the prefix loss", form, FORMS)
    if not beta >= 0:
        raise UserError(f"apao: beta={beta} weighs the prefix losses against cross-entropy; give 0 or more")
    item_codes = bench.codes(codes, vectors=vectors)
    module = causal_decoder(bench, item_codes, width=width, layers=layers, dropout=dropout, prefixes=prefixes)
    loss = prefix_aware(beta=beta, form=form, eta=0.0, uniform=uniform)
    return Generative(module, item_codes, beam=beam, max_length=ITEMS, all_positions=True, loss=loss)

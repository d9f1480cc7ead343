"""LLM-EDT: one encoder learns from all domains; frozen, it is adapted to each, with domains filled that a user lacks.

Paper     Large Language Model Enhanced Cross-domain Sequential Recommendation with Dual-phase Training,
          arXiv:2511.19931.
Idea      A shared encoder blurs the domains, and one for each forgets what they share. Train one on the merged
          sequence, freeze it, and let few parameters of each domain read the events of that domain alone; users with
          few of them are given some more, the nearest items to what they chose elsewhere.
Equation  h = Enc(e_x + p), h^d = Enc(e_{x in d} + p^d), A_d(z) = U_d relu(V_d z), U_d = 0 at the start
          s(i) = h . e_i + A_d(h^d) . e_i,  d the domain of item i
Claim     On users of two domains it beats phase 1 with the whole budget (the parent), a SASRec of one domain alone
          (alone=NAME), and adapters of domains that are drawn at random among the items (the placebo).
Differs   After notes on the paper and its release. Item vectors are learned with phase 1 in place of a language
          model's; profiles that one writes, and the contrast with them, are left out. Items are filled in by nearest
          vectors, by rule: where a domain has less than `fill` of the events of a user's largest one, in phase 2's
          training only. Cross-entropy over both domains in both phases in place of one negative. The adapter's own
          residual connection is left out, the sum with h is one. p^d is p plus a trained change; in the release
          positions of domains stay as they were drawn. A domain's events are those among the last `max_length`, which
          the shared encoder reads too. Phase 2 is the last quarter of the epochs, which are the parent's.
Reported  Amazon Food-Kitchen and others, sampled negatives: up to 12.4 % above the best baseline, at second hand; no
          figures at hand.
"""
import numpy as np
import torch

from workbench.data import Histories
from workbench.errors import UserError, unknown_name
from workbench.nets.sequences.adapters import DomainAdapters
from workbench.recommenders.domains.filling import fill_domains
from workbench.recommenders.domains.item_domains import WHERE, OneDomainState, item_domains, of_items
from workbench.recommenders.domains.shared_then_own import SharedThenOwn
from workbench.recommenders.sequences.over_sasrec import SASREC_RECIPE, check_sizes, cross_entropy, sasrec_encoder
from workbench.recommenders.sequential import next_items, sequential
from workbench.recommenders.vector import VectorRecommender

PARENT = "sasrec"
NEEDS = ("domain",)
OFF = {"bottleneck": 0}
PLACEBO = {"blind": True}
RECIPE = SASREC_RECIPE


def build(
    bench, *, bottleneck=32, fill=0.25, vectors="collaborative", blind=False, alone="", width=64, layers=2,
    max_length=50, dropout=0.3,
):  # fmt: skip
    """SASRec on all domains, then an adapter for each, for the bench's catalogue.

    bottleneck: units of an adapter; 0 is phase 1 alone, with all epochs: sasrec. fill: the least share of a domain in a
    user's largest one, 0 fills none. vectors: kind of item vectors by which items are near. blind: the placebo, domains
    are permuted among the items. alone: a domain; SASRec of its events alone in place of all this, other events are
    neither learned from nor read. The others as in sasrec. UserError on an unknown name, a setting out of range, items
    without a domain, or all of one.
    """
    check_sizes("llm_edt", width, layers, max_length, dropout)
    if bottleneck < 0 or not 0 <= fill <= 1:
        raise UserError(f"llm_edt: {bottleneck=} units are 0 or more; {fill=} is a share, 0 to 1")
    domains, names = item_domains(bench.dataset)
    if alone and alone not in names:
        raise UserError(f"{unknown_name(f'domain of {bench.dataset.name}', alone, names)}; {WHERE}")
    if len(names) < 2:
        raise UserError(f"llm_edt: {bench.dataset.name} is one domain; {WHERE}", code=3)
    encoder = sasrec_encoder(bench, width=width, layers=layers, max_length=max_length, dropout=dropout)
    if alone:
        items = domains == names.index(alone)
        objective = of_items(next_items(cross_entropy, max_length=max_length), items)
        return VectorRecommender(encoder, OneDomainState(items, max_length), objective)
    shared = sequential(encoder, loss=cross_entropy, max_length=max_length)
    if not bottleneck:
        return shared
    if blind:
        domains[1:] = bench.rng("blind domains").permutation(domains[1:])
    near = bench.vectors(vectors) if fill else np.zeros((0, 0))
    with bench.init("adapters"):
        module = DomainAdapters(encoder, torch.from_numpy(domains), len(names), bottleneck=bottleneck, dropout=dropout)

    def filled(train: Histories) -> Histories:
        return fill_domains(train, domains, near, fill) if len(near) else train

    return SharedThenOwn(shared, module, names, fill=filled, phase="blind" if blind else "domains")

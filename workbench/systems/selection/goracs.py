"""GORACS: train on the histories that are cheapest to carry to the validation set, near it and with large gradients.

Paper     GORACS: Group-level Optimal Transport-guided Coreset Selection for LLM-based Recommender Systems, KDD 2025,
          arXiv:2506.04015.
Idea      The loss on the validation set of what is trained on S is bounded by the transport from S to that set. It
          falls with the distance between both, and with the gradients of the samples of S: so choose S as a group by
          it, greedily, then by exchanges that the duals of the transport propose.
Equation  C_ij = |e_i - e_j| / max - weight g_i / max, scaled to [0, 1];  S = argmin OT(uniform on S, uniform on V; C)
          exchange i in S for k where (1/n) (u_i - mean of the m/n least of C_kj - v_j) is largest and OT falls; n rows
          of S (histories), m cases of V, u and v the dual prices of the rows and of the cases
Claim     A small S chosen so is better than a random one of its size (the placebo), than the greedy start alone
          (exchanges=0) and than the histories of the highest loss (by="loss"), and as good as all of train (share=1.0).
Differs   Histories are chosen whole, and the budget is in events. The model trained on them is a SASRec, not a language
          model of 7 billion weights; e is the mean of the item vectors of a history (of its text, where items have
          one), not a language model's of a prompt, and g the norm of one layer's gradient in a SASRec of at most three
          epochs. V is a sample of the histories of validation, without their targets, nothing of test; under
          leave-one-out these are train histories. The greedy start covers V again where its budget is not used up; at
          most 500 transports are solved. Of an exchange, the release estimates by the m/n-th highest value in place of
          the least ones, and by the nearest row also where it is the one taken out; here the estimate is a bound, and
          pairs that it rules out are not tried. The variant with labels, for click prediction, is left out.
Reported  Amazon games, food and movies with LLaMA-7B: 1,024 samples better than all of train; no table at hand.
"""
from importlib.util import find_spec

import numpy as np

from workbench.embed.neighbours import mean_vectors
from workbench.errors import UserError, unknown_name
from workbench.recommenders.selection.surrogate import Surrogate, brief
from workbench.recommenders.selection.transport import exchanged, greedy, missing_extra, transport_cost
from workbench.recommenders.selection.whole_histories import event_rows, fill, learnable
from workbench.train import named_rng

PARENT = "sasrec"
OFF = {"share": 1.0}
PLACEBO = {"by": "permuted"}
WAYS = ("transport", "loss", "permuted")


def build(bench, *, base="sasrec", share=0.2, by="transport", weight=0.1, exchanges=100, cases=500, vectors=""):
    """A selector by optimal transport.

    base: the system that is trained on the selection. share: of the train events, how many at most; with 1.0 nothing is
    selected. by: transport; loss, the highest first; or permuted, the placebo, transport with the costs of other
    histories. weight: of the gradient norms. exchanges: at most; 0 is the greedy start, which needs no POT. cases: of
    validation that are drawn. vectors: of items, a kind of `bench.vectors`; "" is the default one. UserError for a
    setting out of range, or without the extra `selection`.
    """
    if by not in WAYS:
        raise unknown_name("way to select of goracs", by, WAYS)
    if not (weight >= 0 and exchanges >= 0 and cases >= 1):
        raise UserError(f"goracs: {weight=} and {exchanges=} are 0 or more, {cases=} of validation 1 or more")
    if share >= 1:
        return Transported(None, None, by=by)
    if exchanges and by != "loss" and not find_spec("ot"):
        raise missing_extra()
    items = None if by == "loss" else bench.vectors(vectors)
    return Transported(brief(bench), items, by=by, weight=weight, exchanges=exchanges, cases=cases)


class Transported:
    """A `verb_interfaces.Selector`. costs: of the transport before and after each exchange of the last selection."""

    def __init__(self, model, vectors, *, by, weight=0.0, exchanges=0, cases=1):
        self.model, self.vectors, self.by = model, vectors, by
        self.weight, self.exchanges, self.cases, self.costs = weight, exchanges, cases, []

    def select(self, split, budget, session):
        """(n,) rows of train: whole histories of together at most budget events."""
        if self.model is None:
            return np.arange(len(split.train.items))
        users = learnable(split.train, budget)
        histories = split.train.take(users)
        surrogate, lengths = Surrogate(self.model, histories), histories.lengths
        if self.by == "loss":
            chosen = fill(np.argsort(-surrogate.history_losses(), kind="stable"), lengths, budget)
        else:
            cost = self._cost(split, histories, surrogate.gradient_norms(), session.seed)
            chosen = greedy(cost, lengths, budget)
            if self.exchanges:
                chosen, self.costs = exchanged(cost, chosen, lengths, budget, exchanges=self.exchanges)
        return event_rows(split.train, users[chosen])

    def _cost(self, split, histories, norms, seed):
        """(n, m) cost from each history to the drawn cases of validation."""
        valid = split.valid.histories
        drawn = named_rng(seed, "validation cases").permutation(len(valid))[: self.cases]
        rows, columns = (mean_vectors(each, self.vectors) for each in (histories, valid.take(np.sort(drawn))))
        cost = transport_cost(rows, columns, norms, self.weight)
        return cost if self.by == "transport" else named_rng(seed, "permuted costs").permutation(cost)

"""Retraining: the base is trained anew without what is to be forgotten, which is exact unlearning.

Paper     Cao and Yang, "Towards making systems forget with machine unlearning", IEEE S&P 2015.
Idea      What was never seen is forgotten: the oracle that every faster way of unlearning is compared with.
Equation  theta' = train(D without F), from the start weights and with the recipe of theta = train(D)
Claim     Forgetting 5 % of the users costs the others nothing that can be shown (users=0.0 is the base).
Differs   The whole base is trained, without the summation form or shards that make it cheaper. The epoch is chosen on
          the validation cases of all users, those to be forgotten among them.
Reported  Nothing on ranking.
"""
from workbench.recommenders.unlearning.rest import left_of, untrained

PARENT = "sasrec"
OFF = {"users": 0.0}
PLACEBO = None


def build(bench, *, base="sasrec", users=0.05, events=0.0):
    """The retraining of a base.

    base: the system that forgets. users: the share of the users to forget, or their ids, users=[3, 7]. events: with
    users=0.0, the share of the events, or pairs of a user and an item, events=[(3, 12)].
    """
    return Retraining(bench, base)


class Retraining:
    """A `verb_interfaces.Unlearner`. The base is built on what is left: its vectors, codes, teachers forget too."""

    def __init__(self, bench, base):
        self.bench, self.base, self.curve = bench, base, []

    def forget(self, model, split, rows, session):
        """The base, trained on the other rows. The trained model is not read."""
        retrained = self.rebuilt(model, rows)
        self.curve = retrained.fit(left_of(self.bench, rows).split, session)
        return retrained

    def rebuilt(self, model, rows):
        """The untrained base, built on the other rows."""
        return untrained(left_of(self.bench, rows), self.base)

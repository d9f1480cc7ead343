"""Untouched: nothing is done, which is what unlearning that does not work comes to.

Paper     None: the row above which every unlearning has to stand.
Idea      The base as it was trained on everything still knows all that it was to forget.
Equation  theta' = theta
Claim     A membership test tells it from the retrained oracle (above .5). Its lists differ from the oracle's as much as
          those of two oracles of different seeds, so a method whose lists differ more has paid for what it forgot.
Differs   Nothing.
Reported  Nothing.
"""
PARENT = OFF = PLACEBO = None


def build(bench, *, base="sasrec", users=0.05, events=0.0):
    """The base, left as it is. base, users, events: as in retrain."""
    return Untouched()


class Untouched:
    """A `verb_interfaces.Unlearner`."""

    curve = []

    def forget(self, model, split, rows, session):
        """The model as it is."""
        return model

"""Random selection: the base is trained on a uniformly random part of train.

Paper     None: the control that every paper on choosing training data needs.
Idea      The rows to learn from are drawn uniformly, without a look at them.
Equation  S = the longest prefix of a random order of the users (or events) with |S| <= share * N events
Claim     Half of the data is not as good as all of it (share=1.0, which is the base): what a selection adds is its
          distance to a random one of the same size.
Differs   Whole histories by default, as an event without those before it is another task; of="events" draws single
          events. A smaller share is part of a larger one at the same seed.
Reported  Nothing.
"""
import numpy as np

from workbench.errors import UserError, unknown_name
from workbench.train import named_rng

PARENT = "sasrec"
OFF = {"share": 1.0}
PLACEBO = None
UNITS = ("users", "events")


def build(bench, *, base="sasrec", share=0.2, of="users"):
    """A selector of random users or events.

    base: the system that is trained on them. share: of the train events, how many at most. of: users, with all their
    events, or events. UserError for another unit.
    """
    if of not in UNITS:
        raise unknown_name("unit of random_selection", of, UNITS)
    return RandomSelection(of)


class RandomSelection:
    """A `verb_interfaces.Selector`."""

    def __init__(self, of: str):
        self.of = of

    def select(self, split, budget, session):
        """(n,) rows of train, at most budget, in the order in which they are drawn."""
        n = len(split.train.items)
        unit = split.train.rows() if self.of == "users" else np.arange(n)
        place = named_rng(session.seed, "random selection").permutation(int(unit.max()) + 1)
        order = np.argsort(place[unit], kind="stable")
        if self.of == "events":
            return order[:budget]
        taken = np.searchsorted(np.cumsum(np.bincount(place[unit])), budget, side="right")  # users that fit whole
        if not taken:
            raise UserError(f"no whole user fits into {budget:,} train events: give a larger share, or of=events")
        return order[place[unit][order] < taken]

"""Gradient ascent: some steps up the loss of what is to be forgotten.

Paper     Golatkar, Achille and Soatto, "Eternal sunshine of the spotless net", CVPR 2020 (there a baseline).
Idea      What was learned by going down a loss is undone by going up.
Equation  theta <- theta + rate grad L(theta; F), `steps` times with Adam, F the events to be forgotten
Claim     The forgotten are less probable than to the base (steps=0), and so is much else: nothing holds what stays, and
          the distance to the oracle says so.
Differs   Of a sequence, the loss is that of the forgotten events alone, after those before them; of a base that reads
          no history, its own, whose negatives may be what the user keeps. A graph loses the forgotten edges.
Reported  Nothing on ranking.
"""
import torch

from workbench.errors import UserError
from workbench.recommenders.unlearning.rest import check_vectors, left_of, moved, untrained
from workbench.recommenders.unlearning.sides import forget_loss

PARENT = "sasrec"
OFF = {"steps": 0}
PLACEBO = None


def build(bench, *, base="sasrec", users=0.05, events=0.0, steps=10, rate=1.0):
    """An unlearner that goes up. base, users, events: as in retrain. rate: times the learning rate of the base's
    recipe. UserError for a setting out of range, or a base without gradients."""
    if steps < 0 or not rate > 0:
        raise UserError(f"gradient_ascent: {steps=} must be 0 or more, {rate=} above 0")
    check_vectors(bench, "gradient_ascent", base)
    return Ascent(bench, base, steps, rate)


class Ascent:
    """A `verb_interfaces.Unlearner`. curve: the loss of the forgotten at each step."""

    def __init__(self, bench, base, steps, rate):
        self.bench, self.base, self.steps, self.rate, self.curve = bench, base, steps, rate, []

    def forget(self, model, split, rows, session):
        """The base, so many steps up."""
        if not self.steps or not len(rows):
            return model
        left = left_of(self.bench, rows)
        edited = moved(model, left, self.base)
        edited.module.to(session.device)
        loss, rest = forget_loss(edited, split, rows, session), edited.objective(edited.module, left.split, session)
        optimiser = torch.optim.Adam(edited.module.parameters(), lr=self.rate * session.recipe.lr)
        self.curve = []
        for step in range(self.steps):
            value = loss(step)
            optimiser.zero_grad()
            (-value).backward()
            optimiser.step()
            self.curve.append({"epoch": step + 1, "loss": value.item()})
        if rest.each_epoch:
            rest.each_epoch(self.steps)  # vectors that are derived from the weights, such as those of unknown users
        return edited

    def rebuilt(self, model, rows):
        """The base, built on what is left, if anything is changed."""
        return untrained(left_of(self.bench, rows), self.base) if self.steps and len(rows) else model

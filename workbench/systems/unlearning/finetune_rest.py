"""Fine-tuning on the rest: the base goes on training on what stays, and no longer sees the other part.

Paper     Golatkar, Achille and Soatto, "Eternal sunshine of the spotless net", CVPR 2020 (there a baseline).
Idea      What is not repeated fades.
Equation  theta' = train(D without F), `epochs` epochs from theta in place of the start weights
Claim     The lists of those who stay are kept (epochs_more=0 is the base); what few epochs forget is little.
Differs   The last of the epochs is taken, whatever validation says.
Reported  Nothing on ranking.
"""
from dataclasses import replace

from workbench.errors import UserError
from workbench.recommenders.unlearning.rest import check_vectors, left_of, moved, untrained

PARENT = "sasrec"
OFF = {"epochs_more": 0}
PLACEBO = None


def build(bench, *, base="sasrec", users=0.05, events=0.0, epochs_more=2):
    """An unlearner that trains on. base, users, events: as in retrain. epochs_more: on what stays. UserError for a
    negative number, or a base without gradients."""
    if epochs_more < 0:
        raise UserError(f"finetune_rest: {epochs_more=} must be 0 or more")
    check_vectors(bench, "finetune_rest", base)
    return TrainedOn(bench, base, epochs_more)


class TrainedOn:
    """A `verb_interfaces.Unlearner`."""

    def __init__(self, bench, base, epochs):
        self.bench, self.base, self.epochs, self.curve = bench, base, epochs, []

    def forget(self, model, split, rows, session):
        """The base, trained on what is left."""
        if not self.epochs or not len(rows):
            return model
        left = left_of(self.bench, rows)
        edited = moved(model, left, self.base)
        phase = replace(session.phase("rest", epochs=self.epochs), validate=None)
        self.curve = edited.fit(left.split, phase)
        return edited

    def rebuilt(self, model, rows):
        """The base, built on what is left, if anything is changed."""
        return untrained(left_of(self.bench, rows), self.base) if self.epochs and len(rows) else model

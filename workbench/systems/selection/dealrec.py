"""DEALRec: train on a sample of histories over all strata of their influence on the loss and the effort to learn them.

Paper     Data-efficient Fine-tuning for LLM-based Recommendation, SIGIR 2024, arXiv:2401.17197.
Idea      What a sample is worth is what its removal would do to the loss, estimated by a small model, and how hard it
          is for the large one to learn. The hardest are outliers; of the others every stratum of score is sampled, so
          that the choice is worth much and covers all.
Equation  I_i = g_i . H^(-1) v, v = mean_i g_i, by h <- v + (1 - damp) h - H h / scale
          E_i = |gradient of i in a larger model|;  score = I / range + effort E / range
          drop the `hardest` highest, cut the range into strata of equal width, and from the smallest to the largest
          draw min(size, budget left / strata left)
Claim     A few per cent chosen so are as good as all of train (share=1.0), and better than a random choice of the same
          size (the placebo), the highest scores (strata=0) and a choice without strata (strata=1).
Differs   Histories are chosen whole, and the budget is in events. Both models are SASRecs: E, in the paper the norm of
          a language model's gradient by one of its adapter's matrices, is that of a SASRec of width `wide` after at
          most three epochs, and what is trained on the choice is a SASRec again, so nothing is saved here. Influence is
          of the small model as it is trained, by 300 steps of 16 histories in place of 5,000 of one, and of the same
          layer as in the release, the projection after the last attention.
Reported  Amazon games and books, MicroLens-50K with LLaMA-7B: 2 % of train better than all of it, in 3 % of the time.
"""
import numpy as np

from workbench.errors import UserError
from workbench.recommenders.selection.influence import influence
from workbench.recommenders.selection.strata import stratified
from workbench.recommenders.selection.surrogate import Surrogate, brief
from workbench.recommenders.selection.whole_histories import event_rows, learnable, to_unit
from workbench.train import named_rng

PARENT = "sasrec"
OFF = {"share": 1.0}
PLACEBO = {"permuted": True}


def build(
    bench, *, base="sasrec", share=0.2, effort=0.3, hardest=0.1, strata=50, steps=300, small_epochs=0, wide=128,
    permuted=False
):  # fmt: skip
    """A selector by strata of influence and effort.

    base: the system that is trained on the selection. share: of the train events, how many at most; with 1.0 nothing is
    selected. effort: weight of E; 0 trains no larger model. hardest: share that is left out first. strata: 0 takes the
    highest scores, 1 is a random choice of what is not left out. steps: of the recursion for H^(-1) v. small_epochs:
    of the small model at most; 0 is as sasrec is trained. wide: width of the larger model. permuted: the placebo,
    scores of other histories. UserError for a setting out of range.
    """
    if not (0 <= hardest < 1 and min(effort, strata, small_epochs, steps - 1) >= 0):
        raise UserError(f"dealrec: {effort=}, {strata=} and {small_epochs=} are 0 or more, {hardest=} from 0 to below "
                        f"1, {steps=} 1 or more")  # fmt: skip
    if share >= 1:
        return Stratified(None)
    small = brief(bench, epochs=small_epochs) if small_epochs else bench.teacher("sasrec").recommender()
    large = brief(bench, width=wide) if effort else None
    return Stratified(small, large, effort=effort, hardest=hardest, strata=strata, steps=steps, permuted=permuted)


class Stratified:
    """A `verb_interfaces.Selector`."""

    def __init__(self, small, large=None, *, effort=0.0, hardest=0.0, strata=1, steps=1, permuted=False):
        self.small, self.large, self.effort, self.permuted = small, large, effort, permuted
        self.hardest, self.strata, self.steps = hardest, strata, steps

    def select(self, split, budget, session):
        """(n,) rows of train: whole histories of together at most budget events."""
        if self.small is None:
            return np.arange(len(split.train.items))
        users = learnable(split.train, budget)
        histories = split.train.take(users)
        scores = self.scores(histories, session.seed)
        if self.permuted:
            scores = named_rng(session.seed, "permuted scores").permutation(scores)
        rng = named_rng(session.seed, "strata")
        chosen = stratified(scores, histories.lengths, budget, rng, hardest=self.hardest, strata=self.strata)
        return event_rows(split.train, users[chosen])

    def scores(self, histories, seed):
        """(B,) of each history: influence and effort."""
        scores = to_unit(influence(Surrogate(self.small, histories), steps=self.steps, seed=seed))
        if self.large is not None:
            scores = scores + self.effort * to_unit(Surrogate(self.large, histories).gradient_norms())
        return scores

"""CRAGRU: what may be retrieved is what is left, so the forgotten is not retrieved; the base's list is ordered by it.

Paper     CRAGRU, customised retrieval-augmented generation for recommendation unlearning. After its released code; its
          table of results was not at hand.
Idea      A language model that orders candidates knows of a user what is put before it. Not retrieving an event forgets
          it at once, without training.
Equation  list = sort(top_n(base), weight place(overlap of i with slice(H_u without F)) + (1 - weight) place(base))
Claim     In the released pipeline the base that makes the candidate list is still trained on the forgotten events: the
          forgotten items stand as high in that list as before (candidates="full"), and the membership test, which tells
          forgotten events from events never learned, succeeds as on the untouched base. With a base that never saw them
          (candidates="retained") it is at chance.
Differs   Without model= a candidate's score is the overlap of its text with the slice; with model= a local one answers
          yes or no, untuned, where the release has a chat model write scores from 1 to 100. Half of the order is the
          base's, as overlap of text is a poor recommender alone. Slices are the newest or random events; those by
          category, by knapsack over clusters and by attention (random projections in the release) are left out. The
          repaired form retrains the base, so it is not faster than retraining.
Reported  None at hand (ML-100K and a part of Netflix).
"""
from workbench.embed.documents import documents
from workbench.errors import UserError, unknown_name
from workbench.interfaces import Scorer
from workbench.recommenders.prompts.board import Terms
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.unlearning.remaining import FromRemaining, by_model, by_overlap, drawn, newest
from workbench.recommenders.unlearning.rest import left_of, untrained

PARENT = "sasrec"
OFF = {"n": 0, "candidates": "full"}
PLACEBO = {"permuted": True}
CANDIDATES, SLICES = ("full", "retained"), ("newest", "random")
EVENTS = 20  # of a slice


def build(
    bench, *, base="sasrec", users=0.05, events=0.0, candidates="retained", n=50, retrieve="newest", weight=0.5,
    permuted=False, model=""
):  # fmt: skip
    """An unlearner by retrieval. base, users, events: as in retrain; the base scores every item.

    candidates: of the base as it is (full, the leak of the release), or retrained on what is left (retained). n: of
    them; 0 leaves the order of the base. retrieve: newest or random events of what is left. weight: of their order.
    permuted: the placebo, items have the texts of others. model: a local language model that judges. UserError for an
    unknown name, a setting out of range, or where no item has text.
    """
    for what, value, allowed in (("candidates", candidates, CANDIDATES), ("retrieve", retrieve, SLICES)):
        if value not in allowed:
            raise unknown_name(f"{what} of cragru", value, allowed)
    if not 0 <= n <= bench.split.n_items or not 0 <= weight <= 1:
        raise UserError(f"cragru: {n=} must be 0 to {bench.split.n_items:,} items, and {weight=} from 0 to 1")
    if not isinstance(untrained(bench, base), Scorer):
        raise UserError(f"cragru: {base} gives no scores of all items; choose a base that does, such as sasrec")
    if not n:
        return ByRetrieval(bench, base, candidates, None)
    order = bench.rng("permuted texts").permutation(bench.split.n_items)
    if model:
        titles = bench.dataset.titles()
        judge = by_model(local_model(model), titles[[0, *(1 + order)]] if permuted else titles)
    else:
        texts = documents(bench.dataset).to_numpy(object)
        judge = by_overlap(Terms((texts[order] if permuted else texts).tolist()))
    events = newest(EVENTS) if retrieve == "newest" else drawn(EVENTS, bench.seed)
    return ByRetrieval(bench, base, candidates, {"n": n, "retrieve": events, "judge": judge, "weight": weight})


class ByRetrieval:
    """A `verb_interfaces.Unlearner` that serves the base through `FromRemaining`."""

    def __init__(self, bench, base, candidates, how):
        self.bench, self.base, self.candidates, self.how, self.curve = bench, base, candidates, how, []

    def forget(self, model, split, rows, session):
        """The base that finds the candidates: as it is, or trained anew."""
        found = self.rebuilt(model, rows)
        if found is not model:
            self.curve = found.fit(left_of(self.bench, rows).split, session)
        return found

    def rebuilt(self, model, rows):
        """The base as it is, or untrained on what is left."""
        return model if self.candidates == "full" or not len(rows) else untrained(left_of(self.bench, rows), self.base)

    def serve(self, model, train, rows):
        """The base, its list ordered by what is left."""
        return model if self.how is None else FromRemaining(model, train, rows, **self.how)

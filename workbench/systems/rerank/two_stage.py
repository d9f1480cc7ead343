"""Two stages: a cheap recommender retrieves n items, and a costly one orders them.

Paper     Covington, Adams and Sargin, "Deep neural networks for YouTube recommendations", RecSys 2016.
Idea      What is costly is asked about the items only that something cheap has retrieved.
Equation  list = sort(top_n(first), by score_second), then the rest in the order of first
Claim     Ordering the n items anew is better than the first stage's order (n=0), and costs less than scoring all items.
Differs   Both stages are systems of this catalogue, trained alone on the same train events: item transitions retrieve,
          SASRec orders.
Reported  Nothing on public data.
"""
from workbench.errors import UserError
from workbench.interfaces import Scorer
from workbench.recommenders.reranked import ByScore, Reranked
from workbench.train import Recipe

PARENT = "item_transitions"
OFF = {"n": 0}
PLACEBO = {"second": "popularity"}
RECIPE = Recipe(epochs=1)


def build(bench, *, first="item_transitions", second="sasrec", n=50):
    """The first n items of `first`, ordered by `second`.

    first, second: systems, the second one that scores every item. n: candidates; 0 leaves the order of `first`.
    UserError if n is negative or `second` gives no scores.
    """
    if n < 0 or n > bench.split.n_items:
        raise UserError(f"two_stage: n={n} candidates of {bench.split.n_items:,} items; give 0 to all")
    retrieve = bench.teacher(first).recommender()
    order = bench.teacher(second).recommender() if n else None
    if n and not isinstance(order, Scorer):
        raise UserError(f"two_stage: {second} gives no scores to order by; choose one that does, such as sasrec")
    return Reranked(retrieve, ByScore(order), n=n)

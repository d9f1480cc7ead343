"""Whether the order of a log can be trusted, and whether it says anything: ties, rules that a shuffle destroys, and
numbers that give the order away."""
import numpy as np

from workbench.data import Dataset, Histories, Split, leakage_measures
from workbench.data.perturbations import shuffled
from workbench.data.schema import TIME, USER
from workbench.diagnose.data.leakage import timed
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.train.rng import stream

DRAWS = 20
SUPPORT, CONFIDENCE = 5, 0.1  # of a rule, 2408.12008


def ordered(cut: Split) -> None:
    """UserError where the split put the events in an order of its own."""
    if cut.protocol.split == "random":
        raise UserError("the events have no order: the split is random", code=3)


def tie_range(dataset: Dataset, cut: Split, *, orders: int = DRAWS) -> Card:
    """What events of equal time do to a metric: NDCG@10 of the item-transition floor over seeded orders of them.

    tie range is max less min; published order, where the protocol takes ties from the file, is the floor under that
    order, against the mean of the others. UserError without times or an order.
    """
    ordered(cut)
    timed(cut.train)
    events = dataset.interactions
    tied = events.duplicated([USER, TIME], keep=False).to_numpy()
    test = cut.test
    before = test.histories.times[test.histories.offsets[1:] - 1] == test.times
    figures = [
        Figure("events tied in time", float(tied.mean()), null=0.0, toward="above", n=len(tied),
               note="Share of events that share their time with another of the same user."),
        mean_figure("test targets tied with the item before", before, null=0.0, toward="above",
                    note="Share of test cases in which the times do not say which of two items came last."),
    ]  # fmt: skip
    if not tied.any():
        note = "No two events of a user share a time, so their order is certain."
        return Card((*figures, Figure("tie range", 0.0, null=0.0, toward="above", note=note)))
    table = leakage_measures.tie_orders(dataset, cut.protocol, orders, users=cut.n_users)
    low, mean, high, spread = table["ndcg@10"].agg(["min", "mean", "max", "std"])
    figures += [
        Figure("tie range", high - low, null=0.0, toward="above", n=orders,
               note=f"NDCG@10 of item transitions lies between {low:.4f} and {high:.4f} over {orders} orders of ties."),
        Figure("tie sd", spread, null=0.0, toward="above", n=orders,
               note="Standard deviation of that NDCG@10 over the orders of ties."),
        Figure("targets changed by another tie order", float(table["targets_changed"].iloc[1:].mean()), null=0.0,
               toward="above", n=len(test.targets), note="Share of test cases whose target is then another item."),
    ]  # fmt: skip
    if cut.protocol.ties == "file":
        figures.append(mean_figure(
            "item transitions in the published order",
            leakage_measures.transition_gains(cut), null=mean, toward="above",
            note="NDCG@10 of item transitions as published; the null is the mean over the other orders of ties.",
        ))  # fmt: skip
    return Card(tuple(figures), {"tie_orders": table})


def rules(cut: Split, *, draws: int = DRAWS, seed: int = 0) -> Card:
    """How many sequential rules a shuffle of every train history leaves (2408.12008): pairs a, b where b comes right
    after a at least 5 times, and in at least a tenth of the times that anything comes after a.

    The interval of the share left is that of the shuffles. UserError without an order or a rule in the real ones.
    """
    ordered(cut)
    rng, real = stream(seed, "shuffled histories"), count_rules(cut.train, cut.n_items)
    if not real:
        raise UserError(f"no step of train occurs {SUPPORT} times and with confidence {CONFIDENCE}", code=3)
    left = np.array([count_rules(shuffled(cut.train, rng), cut.n_items) for _ in range(draws)])
    low, high = np.quantile(left / real, [0.025, 0.975])
    return Card((
        Figure("sequential rules", real, null=float(left.mean()), toward="above", n=len(cut.train.items),
               note="Steps that occur 5 times and follow in a tenth of the cases; the null is the mean of shuffles."),
        Figure("rules that a shuffle leaves", float((left / real).mean()), low, high, 1.0, "below", draws,
               "Sequential rules of shuffled histories as a share of the real ones; 1 where order says nothing."),
        Figure("p of the sequential rules", float((1 + (left >= real).sum()) / (1 + draws)), null=0.05, toward="below",
               n=draws, note="How often a shuffle has as many rules; the least that so many shuffles can show is "
                             f"{1 / (1 + draws):.3f}."),
    ))  # fmt: skip


def count_rules(train: Histories, n_items: int) -> int:
    """The number of rules among the steps of these histories."""
    inside = np.diff(train.rows()) == 0
    before, after = train.items[:-1][inside].astype(np.int64), train.items[1:][inside]
    steps, count = np.unique(before * (n_items + 1) + after, return_counts=True)
    enough = count >= SUPPORT
    steps, count = steps[enough], count[enough]
    return int((count >= CONFIDENCE * np.bincount(before, minlength=n_items + 1)[steps // (n_items + 1)]).sum())


def id_order(dataset: Dataset, cut: Split) -> Card:
    """Whether recommending the ten items numbered after the last one works, for our ids and each numbering of the
    source; the null is chance. UserError where a list of ten holds all items."""
    if dataset.n_items <= leakage_measures.DEPTH:
        raise UserError(f"a list of {leakage_measures.DEPTH} holds all {dataset.n_items} items", code=3)
    numberings = {"our permuted ids": np.arange(1, dataset.n_items + 1), **leakage_measures.number_columns(dataset)}
    chance = leakage_measures.CHANCE / dataset.n_items
    return Card(tuple(
        mean_figure(f"next-id probe: {name}", leakage_measures.next_id(cut, number), null=chance, toward="above",
                    note="NDCG@10 of the ten numbers after the last item's; above chance they tell the order.")
        for name, number in numberings.items()
    ))  # fmt: skip


"""Event order: tied timestamps, sequential rules that shuffling destroys, and item ids that reveal the order."""
import numpy as np

from workbench.data import Dataset, Histories, Split, leakage_measures
from workbench.data.perturbations import shuffled
from workbench.data.schema import TIME, USER
from workbench.data.splits import split as split_dataset
from workbench.diagnose.data.leakage import require_times
from workbench.diagnose.verdict.card import Card, Figure, mean_figure
from workbench.errors import UserError
from workbench.train.rng import named_rng

DRAWS = 20
SUPPORT, CONFIDENCE = 5, 0.1  # thresholds of a sequential rule, as in arXiv:2408.12008


def require_event_order(split: Split) -> None:
    """UserError if the split is random, so that events have no order."""
    if split.protocol.random_order:
        raise UserError("the events have no order: the split is random", code=3)


def tie_sensitivity(dataset: Dataset, split: Split, *, orders: int = DRAWS) -> Card:
    """Sensitivity of a metric to tied timestamps: NDCG@10 of the item-transitions baseline over random orders of ties.

    tie range: maximum minus minimum. item transitions in the published order, if the protocol takes ties from the file:
    NDCG@10 under that order; null: the mean over the others. UserError without timestamps or an order.
    """
    require_event_order(split)
    require_times(split.train)
    if dataset is not (exact := dataset.with_exact_times()):
        dataset, split = exact, split_dataset(exact, split.protocol, users=split.n_users)
    events = dataset.interactions
    tied = events.duplicated([USER, TIME], keep=False).to_numpy()
    test = split.test
    before = test.histories.times[test.histories.offsets[1:] - 1] == test.times
    figures = [
        Figure("events with tied timestamps", float(tied.mean()), null=0.0, direction="above", n=len(tied),
               note="Share of events with the same timestamp as another event of the same user."),
        mean_figure("test targets tied with the previous item", before, null=0.0, direction="above",
                    note="Share of test cases whose target has the same timestamp as the previous item."),
    ]  # fmt: skip
    if not tied.any():
        note = "No two events of a user share a timestamp, so their order is certain."
        return Card((*figures, Figure("tie range", 0.0, null=0.0, direction="above", note=note)))
    table = leakage_measures.tie_order_sensitivity(dataset, split.protocol, orders, users=split.n_users)
    low, mean, high, spread = table["ndcg@10"].agg(["min", "mean", "max", "std"])
    figures += [
        Figure("tie range", high - low, null=0.0, direction="above", n=orders,
               note=f"NDCG@10 of item transitions ranges from {low:.4f} to {high:.4f} over {orders} orders of ties."),
        Figure("tie sd", spread, null=0.0, direction="above", n=orders,
               note="Standard deviation of that NDCG@10 over the orders of ties."),
        Figure("targets changed by another tie order", float(table["targets_changed"].iloc[1:].mean()), null=0.0,
               direction="above", n=len(test.targets),
               note="Share of test cases whose target changes under another order of ties."),
    ]  # fmt: skip
    if split.protocol.ties == "file":
        figures.append(mean_figure(
            "item transitions in the published order",
            leakage_measures.transition_ndcg(split), null=mean, direction="above",
            note="NDCG@10 of item transitions in the published order; null: the mean over other orders of ties.",
        ))  # fmt: skip
    return Card(tuple(figures), {"tie_orders": table})


def sequential_rules(split: Split, *, draws: int = DRAWS, seed: int = 0) -> Card:
    """Sequential rules before and after shuffling every train history (arXiv:2408.12008): pairs (a, b) where b directly
    follows a at least 5 times (support) and in at least 10 % of the transitions from a (confidence).

    The interval of the remaining share is over shuffles. UserError without an order, or without a rule.
    """
    require_event_order(split)
    rng, observed = named_rng(seed, "shuffled histories"), count_rules(split.train, split.n_items)
    if not observed:
        raise UserError(f"no transition in train has support {SUPPORT} and confidence {CONFIDENCE}", code=3)
    shuffled_counts = np.array([count_rules(shuffled(split.train, rng), split.n_items) for _ in range(draws)])
    low, high = np.quantile(shuffled_counts / observed, [0.025, 0.975])
    return Card((
        Figure("sequential rules", observed, null=float(shuffled_counts.mean()), direction="above",
               n=len(split.train.items),
               note="Transitions with support 5 and confidence 0.1; null: the mean over shuffled histories."),
        Figure("rules remaining after shuffling", float((shuffled_counts / observed).mean()), low, high, 1.0, "below",
               draws,
               "Sequential rules of shuffled histories as a share of the observed ones; 1 if order is irrelevant."),
        Figure("p-value of the sequential rules", float((1 + (shuffled_counts >= observed).sum()) / (1 + draws)),
               null=0.05, direction="below",
               n=draws, note="Permutation test: share of shuffles with at least as many rules; the smallest possible "
                             f"value is {1 / (1 + draws):.3f}."),
    ))  # fmt: skip


def count_rules(train: Histories, n_items: int) -> int:
    """The number of sequential rules among the transitions of these histories."""
    inside = np.diff(train.rows()) == 0
    before, after = train.items[:-1][inside].astype(np.int64), train.items[1:][inside]
    pairs, count = np.unique(before * (n_items + 1) + after, return_counts=True)
    frequent = count >= SUPPORT
    pairs, count = pairs[frequent], count[frequent]
    return int((count >= CONFIDENCE * np.bincount(before, minlength=n_items + 1)[pairs // (n_items + 1)]).sum())


def next_id_probe(dataset: Dataset, split: Split) -> Card:
    """Next-id probe: NDCG@10 of recommending the ten items with the next ids after the last item's, for our permuted
    ids and every numeric id column of the source; null: chance. UserError if a top-10 list holds all items."""
    if dataset.n_items <= leakage_measures.TOP_K:
        raise UserError(f"a list of {leakage_measures.TOP_K} holds all {dataset.n_items} items", code=3)
    numberings = {"our permuted ids": np.arange(1, dataset.n_items + 1), **leakage_measures.numeric_id_columns(dataset)}
    chance = leakage_measures.EXPECTED_DCG / dataset.n_items
    return Card(tuple(
        mean_figure(f"next-id probe: {name}", leakage_measures.next_id_ndcg(split, number), null=chance,
                    direction="above",
                    note="NDCG@10 of the ten ids after the last item's; above chance, ids reveal the event order.")
        for name, number in numberings.items()
    ))  # fmt: skip

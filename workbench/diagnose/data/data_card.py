"""The data card: statistics of a dataset and its split, and its leaks, before any model is trained."""
import numpy as np
import pandas as pd

from workbench.data import Dataset, Split, lint
from workbench.data.leakage_measures import gini
from workbench.data.schema import ITEM, TIME, USER
from workbench.diagnose.data import drift, event_order, leakage, near_duplicates, repeat_consumption, sensitivity
from workbench.diagnose.verdict.card import Card, Figure, gather_cards
from workbench.errors import UserError
from workbench.train.rng import named_rng

DAY = 86_400


def data_card(dataset: Dataset, split: Split, *, vectors: np.ndarray | None = None, seed: int = 0) -> Card:
    """All diagnostics of a dataset and its split; the card lists those that cannot be measured, with the reason.

    split: a split of this dataset. Size, time spans, duplicates, drift and k-core are measured on the whole log, the
    rest on the users of the split. vectors: (I+1, D), to search for near-duplicates among them too.
    """
    parts = {
        "size": lambda: dataset_size(dataset, seed=seed),
        "spans": lambda: time_spans(dataset),
        "short users": lambda: near_duplicates.lint_findings(lint.short_users, dataset, split, dataset.n_users),
        "titles": lambda: near_duplicates.lint_findings(lint.item_titles, dataset, split, dataset.n_items),
        "duplicates": lambda: near_duplicates.lint_findings(lint.duplicate_events, dataset, split,
                                                            len(dataset.interactions)),
        "near-duplicate texts": lambda: near_duplicates.near_duplicate_texts(dataset, split, seed=seed),
        "near-duplicate vectors": lambda: near_duplicates.near_duplicate_vectors(vectors, split, seed=seed),
        "ties": lambda: event_order.tie_sensitivity(dataset, split),
        "sequential rules": lambda: event_order.sequential_rules(split, seed=seed),
        "next-id probe": lambda: event_order.next_id_probe(dataset, split),
        "future leakage": lambda: leakage.future_leakage(split),
        "future transitions": lambda: leakage.future_transitions(split),
        "popularity drift": lambda: drift.popularity_drift(dataset, seed=seed),
        "cold test targets": lambda: drift.cold_targets(split, seed=seed),
        "recent popularity": lambda: drift.recent_popularity(split),
        "repeats": lambda: repeat_consumption.repeat_consumption(split, seed=seed),
        "label noise ceiling": lambda: repeat_consumption.last_item_ceiling(split, seed=seed),
        "k-core": lambda: sensitivity.k_core_sensitivity(dataset),
    }
    if vectors is None:
        del parts["near-duplicate vectors"]
    return gather_cards(parts)


def dataset_size(dataset: Dataset, *, seed: int = 0) -> Card:
    """Users, items, interactions, density, events per user, and the Gini coefficient of item popularity (null: events
    assigned to items uniformly). Tables: lengths (users by number of events) and popularity (events by item rank)."""
    users, items, events = dataset.n_users, dataset.n_items, len(dataset.interactions)
    lengths = np.bincount(dataset.interactions[USER], minlength=users)
    per_item = np.bincount(dataset.interactions[ITEM], minlength=items + 1)[1:]
    even = gini(named_rng(seed, "even items").multinomial(events, np.full(items, 1 / items)))
    length_quantiles = zip((0.1, 0.5, 0.9), np.quantile(lengths, [0.1, 0.5, 0.9]), strict=True)
    length, count = np.unique(lengths, return_counts=True)
    tables = {
        "lengths": pd.DataFrame({"length": length, "users": count}),
        "popularity": pd.DataFrame({"rank": np.arange(1, items + 1), "events": np.sort(per_item)[::-1]}),
    }
    return Card((
        Figure("users", float(users), n=users, note="Users with at least one event."),
        Figure("items", float(items), n=items, note="Items with at least one event."),
        Figure("interactions", float(events), n=events, note="Events of the log."),
        Figure("density", events / (users * items), n=events, note="Events divided by the number of user-item pairs."),
        Figure("mean length", events / users, n=users, note="Mean number of events per user."),
        *(Figure("median length" if share == 0.5 else f"length at {share:.0%}", float(value), n=users,
                 note=f"{share:.0%} of the users have at most this many events.") for share, value in length_quantiles),
        Figure("item gini", gini(per_item), null=even, direction="above", n=items,
               note="Gini coefficient of item counts: 0 if uniform, near 1 if few items dominate; null: uniform."),
    ), tables)  # fmt: skip


def time_spans(dataset: Dataset) -> Card:
    """Days from the first to the last event, of the log and of the median user, and between consecutive events of a
    user. UserError without timestamps, or if no user has two events."""
    if not dataset.has_times:
        raise UserError("the dataset has no timestamps", code=3)
    times, users = dataset.interactions[TIME].to_numpy(np.int64), dataset.interactions[USER].to_numpy()
    order = np.lexsort((times, users))
    times, users = times[order] / DAY, users[order]
    first = np.flatnonzero(np.diff(users, prepend=-1))
    span = times[np.append(first[1:], len(times)) - 1] - times[first]
    gap = np.diff(times)[np.diff(users) == 0]
    if not len(gap):
        raise UserError("no user has two events", code=3)
    return Card((
        Figure("days in the log", times.max() - times.min(), n=len(times),
               note="Days from the first to the last event."),
        Figure("median days of a user", float(np.median(span)), n=len(span),
               note="Median over users of the days from first to last event."),
        Figure("median days between events", float(np.median(gap)), n=len(gap),
               note="Median time between consecutive events of a user, in days."),
        Figure("day-resolution timestamps", float((times == np.floor(times)).all()), n=len(times),
               note="1 if all timestamps are midnights (day resolution); else 0."),
    ))  # fmt: skip

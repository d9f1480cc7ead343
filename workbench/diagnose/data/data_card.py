"""The data card: what a dataset and its split are like, and what they give away, before any model is trained."""
import numpy as np
import pandas as pd

from workbench.data import Dataset, Split, lint
from workbench.data.leakage_measures import gini
from workbench.data.schema import ITEM, TIME, USER
from workbench.diagnose.data import drift, event_order, leakage, near_duplicates, repeat_consumption, sensitivity
from workbench.diagnose.verdict.card import Card, Figure, gathered
from workbench.errors import UserError
from workbench.train.rng import stream

DAY = 86_400


def data_card(dataset: Dataset, cut: Split, *, vectors: np.ndarray | None = None, seed: int = 0) -> Card:
    """All that is known of a dataset and its split; a part that cannot be measured says why, and the rest comes.

    cut: a split of this dataset. What concerns the log (size, spans, duplicates, twins, drift, k-core) is measured on
    all of it, what concerns train and test on the users of the split. vectors: (I+1, D), to look for near duplicates
    among them as well.
    """
    parts = {
        "size": lambda: size(dataset, seed=seed),
        "spans": lambda: spans(dataset),
        "short users": lambda: near_duplicates.findings(lint.short_users, dataset, cut, dataset.n_users),
        "titles": lambda: near_duplicates.findings(lint.titles, dataset, cut, dataset.n_items),
        "duplicates": lambda: near_duplicates.findings(lint.duplicates, dataset, cut, len(dataset.interactions)),
        "near-duplicate texts": lambda: near_duplicates.near_texts(dataset, cut, seed=seed),
        "near-duplicate vectors": lambda: near_duplicates.near_vectors(vectors, cut, seed=seed),
        "ties": lambda: event_order.tie_range(dataset, cut),
        "sequential rules": lambda: event_order.rules(cut, seed=seed),
        "next-id probe": lambda: event_order.id_order(dataset, cut),
        "future leakage": lambda: leakage.leakage(cut),
        "future transitions": lambda: leakage.future_transitions(cut),
        "popularity drift": lambda: drift.drift(dataset, seed=seed),
        "new test targets": lambda: drift.new_items(cut, seed=seed),
        "recent popularity": lambda: drift.recency(cut),
        "repeats": lambda: repeat_consumption.repeats(cut, seed=seed),
        "label noise ceiling": lambda: repeat_consumption.ceiling(cut, seed=seed),
        "k-core": lambda: sensitivity.core_effect(dataset),
    }
    if vectors is None:
        del parts["near-duplicate vectors"]
    return gathered(parts)


def size(dataset: Dataset, *, seed: int = 0) -> Card:
    """Users, items, interactions, density, events a user, and how unequally events fall on items; the null of the last
    deals every event to any item. Tables: lengths (users by events) and popularity (events by rank)."""
    users, items, events = dataset.n_users, dataset.n_items, len(dataset.interactions)
    lengths = np.bincount(dataset.interactions[USER], minlength=users)
    per_item = np.bincount(dataset.interactions[ITEM], minlength=items + 1)[1:]
    even = gini(stream(seed, "even items").multinomial(events, np.full(items, 1 / items)))
    quantiles = zip((0.1, 0.5, 0.9), np.quantile(lengths, [0.1, 0.5, 0.9]), strict=True)
    length, count = np.unique(lengths, return_counts=True)
    tables = {
        "lengths": pd.DataFrame({"length": length, "users": count}),
        "popularity": pd.DataFrame({"rank": np.arange(1, items + 1), "events": np.sort(per_item)[::-1]}),
    }
    return Card((
        Figure("users", float(users), n=users, note="Users with at least one event."),
        Figure("items", float(items), n=items, note="Items with at least one event."),
        Figure("interactions", float(events), n=events, note="Events of the log."),
        Figure("density", events / (users * items), n=events, note="Events over the number of user-item pairs."),
        Figure("mean length", events / users, n=users, note="Events a user, on average."),
        *(Figure("median length" if share == 0.5 else f"length at {share:.0%}", float(value), n=users,
                 note=f"{share:.0%} of the users have at most so many events.") for share, value in quantiles),
        Figure("item gini", gini(per_item), null=even, toward="above", n=items,
               note="0 where every item is equally frequent, near 1 where a few take all; the null deals events."),
    ), tables)  # fmt: skip


def spans(dataset: Dataset) -> Card:
    """Days from the first event to the last: of the log and of the median user; and between two events of a user.
    UserError without times, or where no user has two events."""
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
        Figure("days in the log", times.max() - times.min(), n=len(times), note="Days from first to last event."),
        Figure("median days of a user", float(np.median(span)), n=len(span),
               note="Half the users have all their events within so many days."),
        Figure("median days between events", float(np.median(gap)), n=len(gap),
               note="Half the events follow that user's event before within so many days."),
        Figure("whole days only", float((times == np.floor(times)).all()), n=len(times),
               note="1 where all times are midnights, so that the log tells days and no hours; else 0."),
    ))  # fmt: skip

"""What a careful person checks before believing a number made from a dataset: one line a check, in plain sentences."""
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.data import leakage_measures
from workbench.data.histories import Histories
from workbench.data.protocol import Protocol, protocol_for
from workbench.data.schema import ITEM, TIME, USER, Dataset
from workbench.data.splits import Split, sequences, split
from workbench.errors import UserError

FINE, LOOK, WARNING, UNMEASURED = "fine", "look", "warning", "not measured"


class LintReport(NamedTuple):
    """findings: check, value, null_or_reference (what the value would be without the trouble, or a known one), verdict
    (fine, look, warning, not measured), note. tables: lengths, popularity, tie_orders, id_order; those that exist."""

    findings: pd.DataFrame
    tables: dict[str, pd.DataFrame]


class Finding(NamedTuple):
    """One line of the report."""

    check: str
    value: float
    null_or_reference: float
    verdict: str
    note: str


class Subject:
    """What the checks look at. `sequence` and `split` raise a UserError where the data does not allow them."""

    def __init__(self, dataset: Dataset, protocol: Protocol):
        self.dataset, self.protocol = dataset, protocol
        self.tables: dict[str, pd.DataFrame] = {}

    @cached_property
    def sequence(self) -> Histories:
        return sequences(self.dataset, self.protocol)

    @cached_property
    def split(self) -> Split:
        return split(self.dataset, self.protocol)

    @property
    def times(self) -> np.ndarray:
        if not self.dataset.has_times:
            raise UserError("the dataset has no timestamps", code=3)
        return self.dataset.interactions[TIME].to_numpy(np.int64)


def lint(dataset: Dataset, protocol: Protocol | None = None) -> LintReport:
    """Checks of a dataset under a protocol, by default its own. What cannot be measured says why, the rest comes."""
    subject = Subject(dataset, protocol or protocol_for(dataset))
    found = []
    for check in CHECKS:
        try:
            found.extend(check(subject))
        except UserError as error:
            name = check.__name__.replace("_", " ")
            found.append(Finding(name, np.nan, np.nan, UNMEASURED, f"Cannot be measured: {error}."))
    return LintReport(pd.DataFrame(found, columns=Finding._fields), subject.tables)


def counts(s: Subject) -> Iterator[Finding]:
    """Users, items, events, density, lengths, Gini."""
    users, items, events = s.dataset.n_users, s.dataset.n_items, len(s.dataset.interactions)
    lengths = np.bincount(s.dataset.interactions[USER], minlength=users)
    per_item = np.bincount(s.dataset.interactions[ITEM], minlength=items + 1)[1:]
    length, n = np.unique(lengths, return_counts=True)
    s.tables["lengths"] = pd.DataFrame({"length": length, "users": n})
    s.tables["popularity"] = pd.DataFrame({"rank": np.arange(1, items + 1), "events": np.sort(per_item)[::-1]})
    low, middle, high = np.quantile(lengths, [0.1, 0.5, 0.9])
    unequal = leakage_measures.gini(per_item)
    yield Finding("users", users, np.nan, FINE, f"{users:,} users.")
    yield Finding("items", items, np.nan, FINE, f"{items:,} items.")
    yield Finding("interactions", events, np.nan, FINE, f"{events:,} interactions, {events / users:.1f} a user.")
    yield Finding("density", events / (users * items), np.nan, FINE, "Share of all user-item pairs that occur.")
    yield Finding(
        "median length", middle, np.nan, FINE,
        f"Half the users have at most {middle:.0f} events; a tenth at most {low:.0f}, a tenth at least {high:.0f}.",
    )  # fmt: skip
    yield Finding("item gini", unequal, 0.0, FINE, "0: every item equally often; near 1: a few items take everything.")


def short_users(s: Subject) -> Iterator[Finding]:
    """Users too short to be asked about, and the customary five."""
    lengths = np.bincount(s.dataset.interactions[USER], minlength=s.dataset.n_users)
    for least, note in ((3, "are train-only: they cannot give a train, a validation and a test event"),
                        (5, "would be dropped by the customary 5-core filter")):  # fmt: skip
        share = float((lengths < least).mean())
        yield Finding(
            f"users with fewer than {least} events", share, 0.0, FINE if share == 0 else LOOK,
            f"{share:.1%} of the users {note}.",
        )  # fmt: skip


def titles(s: Subject) -> Iterator[Finding]:
    """Titles that are missing, shared, or carry HTML entities."""
    if "title" not in s.dataset.items:
        raise UserError("the items have no titles", code=3)
    title = s.dataset.items["title"].astype("string").fillna("").str.strip()
    there = title[title != ""]
    for check, share, note in (
        ("items without a title", float((title == "").mean()), "of the items have no title and show their raw id"),
        ("items sharing a title", float(there.duplicated(keep=False).sum() / len(title)), "share a title with another"),
        ("titles with HTML entities", float(title.str.contains(r"&#?\w+;").mean()), "carry entities such as &amp;"),
    ):
        yield Finding(check, share, 0.0, FINE if share == 0 else LOOK, f"{share:.1%} {note}.")


def duplicates(s: Subject) -> Iterator[Finding]:
    """The same event twice, the same item again, the same item at once again."""
    events = s.dataset.interactions
    columns = [USER, ITEM] + ([TIME] if s.dataset.has_times else [])
    pair = float(events.duplicated([USER, ITEM]).mean())
    if s.dataset.has_times:
        exact = float(events.duplicated(columns).mean())
        note = f"{exact:.2%} of the events repeat user, item and time of another."
        yield Finding("exact duplicates", exact, 0.0, FINE if exact == 0 else WARNING, note)
    else:
        yield Finding(
            "exact duplicates", np.nan, np.nan, UNMEASURED,
            "Cannot be measured: without timestamps a duplicate looks like a repeat.",
        )  # fmt: skip
    yield Finding("repeated user-item pairs", pair, 0.0, FINE if pair == 0 else LOOK, f"{pair:.2%} of the events.")
    rows, items = s.sequence.rows(), s.sequence.items
    inside = rows[1:] == rows[:-1]
    again = float((items[1:] == items[:-1])[inside].mean()) if inside.any() else 0.0
    note = f"{again:.2%} of the steps stay on the same item; a model that repeats the last one gets them."
    yield Finding("consecutive repeats", again, 0.0, FINE if again == 0 else LOOK, note)


def ties_in_time(s: Subject) -> Iterator[Finding]:
    """Events tied with a neighbour, targets tied with the item before, and what the order of ties does to a metric."""
    _ = s.times
    if s.dataset.order == "none":
        raise UserError("nothing tells what came first", code=3)
    rows, times = s.sequence.rows(), s.sequence.times
    same = (rows[1:] == rows[:-1]) & (times[1:] == times[:-1])
    tied = float((np.concatenate([same, [False]]) | np.concatenate([[False], same])).mean())
    yield Finding(
        "events tied in time", tied, 0.0, FINE if tied == 0 else LOOK,
        f"{tied:.1%} of the events share their time with another of the same user.",
    )  # fmt: skip
    test = s.split.test
    before = float((test.histories.times[test.histories.offsets[1:] - 1] == test.times).mean())
    yield Finding(
        "test targets tied with the item before", before, 0.0, FINE if before == 0 else WARNING,
        f"For {before:.1%} of the test cases the data does not say which of two items came last.",
    )  # fmt: skip
    own = float(leakage_measures.transition_gains(s.split).mean())
    note = f"What most often followed the last item in train, ties ordered by {s.protocol.ties}: NDCG@10 {own:.4f}."
    yield Finding("item transitions", own, np.nan, FINE, note)
    if tied == 0:
        note = "No two events of a user share a time, so their order is certain."
        yield Finding("metric range over 20 tie orders", 0.0, 0.0, FINE, note)
        return
    orders = s.tables["tie_orders"] = leakage_measures.tie_orders(s.dataset, s.protocol)
    low, mean, high = orders["ndcg@10"].agg(["min", "mean", "max"])
    changed = orders["targets_changed"].iloc[1:].mean()
    yield Finding(
        "metric range over 20 tie orders", high - low, 0.0, WARNING if high - low > 0.05 * mean else LOOK,
        f"Item transitions score NDCG@10 {low:.4f} to {high:.4f}; another order of ties changes the target of "
        f"{changed:.0%} of the users. Differences below {high - low:.4f} mean little."
        + (f" The order in use scores {own:.4f}: it knows more than the times do." if own > high else ""),
    )  # fmt: skip


def future_leakage(s: Subject) -> Iterator[Finding]:
    """Train events later than the test events they help to predict."""
    _ = s.times
    train, test = s.split.train.times, s.split.test.times
    if not len(train):
        raise UserError("no train events", code=3)
    mean, median = leakage_measures.future_share(train, test), float((train > np.median(test)).mean())
    with_valid = float((np.concatenate([train, s.split.valid.times]) > np.median(test)).mean())
    under = f"under {s.protocol.split}"
    yield Finding(
        "future leakage", mean, 0.0, FINE if mean == 0 else WARNING,
        f"For a test case {under}, on average {mean:.1%} of the train events lie in its future.",
    )  # fmt: skip
    yield Finding(
        "train events after the median test event", median, 0.0, FINE if median == 0 else WARNING,
        f"{median:.1%} of the train events are later than half of the test events; with the "
        f"validation events {with_valid:.1%}.",
    )  # fmt: skip


def id_order(s: Subject) -> Iterator[Finding]:
    """Whether "recommend the next ids" works, on our ids and on every numbering the source gives."""
    n = s.dataset.n_items
    if n <= leakage_measures.DEPTH:
        raise UserError(f"a list of {leakage_measures.DEPTH} holds all {n} items", code=3)
    numberings = {"our permuted ids": np.arange(1, n + 1), **leakage_measures.number_columns(s.dataset)}
    chance, rows = leakage_measures.CHANCE / n, []
    for name, number in numberings.items():
        gain = leakage_measures.next_id(s.split, number)
        value, error = gain.mean(), max(gain.std(), (chance / 2) ** 0.5) / len(gain) ** 0.5
        leaky = value > chance + 4 * error
        rows.append((name, value, chance, leaky))
        note = (
            f"Recommending the ten numbers after the last item scores {value:.4f}, chance is {chance:.4f}: "
            + ("this numbering gives answers away; never feed it to a model." if leaky else "it says nothing of order.")
        )  # fmt: skip
        yield Finding(f"next-id probe: {name}", value, chance, WARNING if leaky else FINE, note)
    s.tables["id_order"] = pd.DataFrame(rows, columns=["numbering", "ndcg@10", "chance", "leaks"])


def targets(s: Subject) -> Iterator[Finding]:
    """Targets never seen in train, and targets that repeat the history."""
    test, seen = s.split.test, s.split.train_counts()
    cold = float((seen[test.targets] == 0).mean())
    yield Finding(
        "cold test targets", cold, 0.0, FINE if cold == 0 else LOOK,
        f"{cold:.1%} of the test targets never occur in train; only content can find them.",
    )  # fmt: skip
    rows = test.histories.rows()
    repeated = np.zeros(len(test.targets), bool)
    repeated[rows[test.histories.items == test.targets[rows]]] = True
    share = float(repeated.mean())
    yield Finding(
        "repeated test targets", share, 0.0, FINE if share == 0 else LOOK,
        f"{share:.1%} of the test targets are in the user's history already"
        + (", and masking the history makes them unreachable." if share else "; masking the history loses none."),
    )  # fmt: skip


def popularity_drift(s: Subject) -> Iterator[Finding]:
    """How far item popularity moves between the early and the late half."""
    early_late, floor = leakage_measures.drift(s.dataset.interactions[ITEM].to_numpy(), s.times)
    yield Finding(
        "popularity drift", early_late, floor, LOOK if early_late > 1.5 * floor else FINE,
        f"Item shares of the early and the late half differ by {early_late:.3f} bits; chance alone gives {floor:.3f}.",
    )  # fmt: skip


CHECKS = (
    counts, short_users, titles, duplicates, ties_in_time, future_leakage, id_order, targets, popularity_drift,
)  # fmt: skip

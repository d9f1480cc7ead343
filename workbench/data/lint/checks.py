"""Checks of a dataset before evaluation: size, short users, titles, duplicates, ties, leakage, cold items, drift."""
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.data import leakage_measures
from workbench.data.lint.context import LintContext
from workbench.data.lint.finding import NOT_MEASURED, NOTE, OK, WARNING, Finding
from workbench.data.lint.table_lints import table_findings
from workbench.data.lint.visit_lints import visit_findings
from workbench.data.protocol import require_one_target
from workbench.data.schema import ITEM, TIME, USER
from workbench.errors import UserError


def basic_statistics(context: LintContext) -> Iterator[Finding]:
    """Users, items, events, density, history lengths and the Gini coefficient of item popularity."""
    users, items, events = context.dataset.n_users, context.dataset.n_items, len(context.dataset.interactions)
    lengths = np.bincount(context.dataset.interactions[USER], minlength=users)
    per_item = np.bincount(context.dataset.interactions[ITEM], minlength=items + 1)[1:]
    length, n = np.unique(lengths, return_counts=True)
    context.tables["lengths"] = pd.DataFrame({"length": length, "users": n})
    context.tables["popularity"] = pd.DataFrame({"rank": np.arange(1, items + 1), "events": np.sort(per_item)[::-1]})
    low, middle, high = np.quantile(lengths, [0.1, 0.5, 0.9])
    gini = leakage_measures.gini(per_item)
    yield Finding("users", users, np.nan, OK, f"{users:,} users.")
    yield Finding("items", items, np.nan, OK, f"{items:,} items.")
    yield Finding("interactions", events, np.nan, OK, f"{events:,} interactions, {events / users:.1f} per user.")
    yield Finding("density", events / (users * items), np.nan, OK, "Share of all user-item pairs that were observed.")
    yield Finding(
        "median length", middle, np.nan, OK,
        f"Half the users have at most {middle:.0f} events; a tenth at most {low:.0f}, a tenth at least {high:.0f}.",
    )  # fmt: skip
    yield Finding("item gini", gini, 0.0, OK, "0: all items equally frequent; near 1: a few items have most events.")


def short_users(context: LintContext) -> Iterator[Finding]:
    """Users too short for evaluation, and users below the customary 5-core."""
    lengths = np.bincount(context.dataset.interactions[USER], minlength=context.dataset.n_users)
    for least, note in ((3, "are train-only: a train, a validation and a test event need three"),
                        (5, "would be dropped by the customary 5-core filter")):  # fmt: skip
        share = float((lengths < least).mean())
        yield Finding(
            f"users with fewer than {least} events", share, 0.0, OK if share == 0 else NOTE,
            f"{share:.1%} of the users {note}.",
        )  # fmt: skip


def item_titles(context: LintContext) -> Iterator[Finding]:
    """Titles that are missing, duplicated, or contain HTML entities."""
    if "title" not in context.dataset.items:
        raise UserError("the items have no titles", code=3)
    title = context.dataset.items["title"].astype("string").fillna("").str.strip()
    present = title[title != ""]
    for check, share, note in (
        ("items without a title", float((title == "").mean()), "of the items have no title; the raw id is shown"),
        ("items sharing a title", float(present.duplicated(keep=False).sum() / len(title)), "share their title"),
        ("titles with HTML entities", float(title.str.contains(r"&#?\w+;").mean()), "contain entities such as &amp;"),
    ):
        yield Finding(check, share, 0.0, OK if share == 0 else NOTE, f"{share:.1%} {note}.")


def duplicate_events(context: LintContext) -> Iterator[Finding]:
    """Exact duplicates, repeated user-item pairs and consecutive repeats."""
    events = context.dataset.interactions
    columns = [USER, ITEM] + ([TIME] if context.dataset.has_times else [])
    pair = float(events.duplicated([USER, ITEM]).mean())
    if context.dataset.has_times:
        exact = float(events.duplicated(columns).mean())
        note = f"{exact:.2%} of the events have the same user, item and timestamp as an earlier one."
        yield Finding("exact duplicates", exact, 0.0, OK if exact == 0 else WARNING, note)
    else:
        yield Finding(
            "exact duplicates", np.nan, np.nan, NOT_MEASURED,
            "Cannot be measured: without timestamps a duplicate is indistinguishable from a repeat.",
        )  # fmt: skip
    note = f"{pair:.2%} of the events repeat a user-item pair."
    yield Finding("repeated user-item pairs", pair, 0.0, OK if pair == 0 else NOTE, note)
    rows, items = context.sequence.rows(), context.sequence.items
    same_user = rows[1:] == rows[:-1]
    repeats = float((items[1:] == items[:-1])[same_user].mean()) if same_user.any() else 0.0
    note = f"{repeats:.2%} of the transitions stay on the same item; recommending the last item predicts them."
    yield Finding("consecutive repeats", repeats, 0.0, OK if repeats == 0 else NOTE, note)


def tied_timestamps(context: LintContext) -> Iterator[Finding]:
    """Events with tied timestamps, targets tied with the previous item, and the effect of tie order on a metric."""
    _ = context.times
    if context.dataset.order == "none":
        raise UserError("the order of events is unknown", code=3)
    require_one_target(context.protocol.split, "a tie of the target")
    rows, times = context.sequence.rows(), context.sequence.times
    same = (rows[1:] == rows[:-1]) & (times[1:] == times[:-1])
    tied = float((np.concatenate([same, [False]]) | np.concatenate([[False], same])).mean())
    yield Finding(
        "events with tied timestamps", tied, 0.0, OK if tied == 0 else NOTE,
        f"{tied:.1%} of the events share their timestamp with another of the same user.",
    )  # fmt: skip
    test = context.split.test
    tied_target = float((test.histories.times[test.histories.offsets[1:] - 1] == test.times).mean())
    yield Finding(
        "test targets tied with the previous item", tied_target, 0.0, OK if tied_target == 0 else WARNING,
        f"For {tied_target:.1%} of the test cases the data does not say which of two items came last.",
    )  # fmt: skip
    ndcg = float(leakage_measures.transition_ndcg(context.split).mean())
    note = f"Transition baseline (most frequent successor), ties by {context.protocol.ties}: NDCG@10 {ndcg:.4f}."
    yield Finding("item transitions", ndcg, np.nan, OK, note)
    if tied == 0:
        note = "No two events of a user share a timestamp, so their order is unambiguous."
        yield Finding("metric range over 20 tie orders", 0.0, 0.0, OK, note)
        return
    orders = context.tables["tie_orders"] = leakage_measures.tie_order_sensitivity(context.dataset, context.protocol)
    low, mean, high = orders["ndcg@10"].agg(["min", "mean", "max"])
    changed = orders["targets_changed"].iloc[1:].mean()
    yield Finding(
        "metric range over 20 tie orders", high - low, 0.0, WARNING if high - low > 0.05 * mean else NOTE,
        f"The transition baseline scores NDCG@10 {low:.4f} to {high:.4f}; another tie order changes the target of "
        f"{changed:.0%} of the users. Differences below {high - low:.4f} are within this range."
        + (f" The order in use scores {ndcg:.4f}: it knows more than the timestamps." if ndcg > high else ""),
    )  # fmt: skip


def future_leakage(context: LintContext) -> Iterator[Finding]:
    """Train events later than the test events they help to predict (temporal leakage)."""
    _ = context.times
    train, test = context.split.train.times, context.split.test.times
    if not len(train):
        raise UserError("no train events", code=3)
    mean, median = leakage_measures.mean_future_share(train, test), float((train > np.median(test)).mean())
    with_valid = float((np.concatenate([train, context.split.valid.times]) > np.median(test)).mean())
    under = f"under {context.protocol.split}"
    yield Finding(
        "future leakage", mean, 0.0, OK if mean == 0 else WARNING,
        f"For a test case {under}, on average {mean:.1%} of the train events are later than the case.",
    )  # fmt: skip
    yield Finding(
        "train events after the median test event", median, 0.0, OK if median == 0 else WARNING,
        f"{median:.1%} of the train events are later than half of the test events; with the "
        f"validation events {with_valid:.1%}.",
    )  # fmt: skip


def item_id_order(context: LintContext) -> Iterator[Finding]:
    """NDCG@10 of recommending the next ids, for our ids and every numbering of the source (id-order leakage)."""
    require_one_target(context.protocol.split, "the next-id probe")
    n = context.dataset.n_items
    if n <= leakage_measures.TOP_K:
        raise UserError(f"a list of {leakage_measures.TOP_K} contains all {n} items", code=3)
    numberings = {"our permuted ids": np.arange(1, n + 1), **leakage_measures.numeric_id_columns(context.dataset)}
    chance, rows = leakage_measures.EXPECTED_DCG / n, []
    for name, number in numberings.items():
        gains = leakage_measures.next_id_ndcg(context.split, number)
        value, error = gains.mean(), max(gains.std(), (chance / 2) ** 0.5) / len(gains) ** 0.5
        leaky = value > chance + 4 * error
        rows.append((name, value, chance, leaky))
        note = (
            f"Recommending the ten ids after the last item scores NDCG@10 {value:.4f}, chance is {chance:.4f}: "
            + ("this numbering leaks the order; never give it to a model." if leaky else "no order leakage.")
        )  # fmt: skip
        yield Finding(f"next-id probe: {name}", value, chance, WARNING if leaky else OK, note)
    context.tables["id_order"] = pd.DataFrame(rows, columns=["numbering", "ndcg@10", "chance", "above_chance"])


def cold_and_repeated_targets(context: LintContext) -> Iterator[Finding]:
    """Cold targets (not in train) and targets that repeat an item of the history."""
    test, train_counts = context.split.test, context.split.train_counts()
    cold = float((train_counts[test.targets] == 0).mean())
    yield Finding(
        "cold test targets", cold, 0.0, OK if cold == 0 else NOTE,
        f"{cold:.1%} of the test targets never occur in train; only content-based methods can recommend them.",
    )  # fmt: skip
    share, published = float(test.in_history().mean()), context.protocol.split == "published"
    yield Finding(
        "repeated test targets", share, 0.0, OK if share == 0 else WARNING if published else NOTE,
        f"{share:.1%} of the test targets already occur in the user's history"
        + ("; masking the history makes them unreachable." if share else "; masking the history loses none."),
    )  # fmt: skip


def popularity_drift(context: LintContext) -> Iterator[Finding]:
    """Jensen-Shannon divergence of item popularity between the early and the late half of the log."""
    items = context.dataset.interactions[ITEM].to_numpy()
    early_late, baseline = leakage_measures.popularity_drift(items, context.times)
    yield Finding(
        "popularity drift", early_late, baseline, NOTE if early_late > 1.5 * baseline else OK,
        f"Jensen-Shannon divergence of early and late item shares: {early_late:.3f} bits, chance {baseline:.3f}.",
    )  # fmt: skip


def side_tables(context: LintContext) -> Iterator[Finding]:
    """Side tables against the log and their kind: unknown ids, duplicates, cycles, places, and visits."""
    yield from table_findings(context.dataset)
    yield from visit_findings(context.dataset)


def source_findings(context: LintContext) -> Iterator[Finding]:
    """What the reader of a dataset measured while it saw the whole source."""
    yield from (Finding(*row) for row in context.dataset.about.get("findings", ()))


CHECKS = (
    basic_statistics, short_users, item_titles, duplicate_events, tied_timestamps, future_leakage, item_id_order,
    cold_and_repeated_targets, popularity_drift, side_tables, source_findings,
)  # fmt: skip

"""Before a policy acts: episodes that would hardly end, lists above the catalogue, cases without a conversation."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import UserError
from workbench.train import PROFILES


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 150})


def without_attributes(bench, bare):
    """The bench with items (n,) that have no attribute; of the others the category alone is one."""
    items = bench.dataset.items[["raw_id", "title", "category"]].copy()
    items.loc[bare, "category"] = pd.NA
    return replace(bench, given={"dataset": replace(bench.dataset, items=items), "split": bench.split})


@pytest.mark.parametrize("system, changes, message", [
    ("greatest_entropy", {"turns": 1_001}, "greatest_entropy: turns=1,001 is at most 1,000 steps"),
    ("popular_slate", {"horizon": 10**9}, "popular_slate: horizon=1,000,000,000 is at most 1,000"),
    ("random_items", {"horizon": 1_001}, "horizon=1,001"),
    ("always_recommend", {"k": 10**6}, "always_recommend: k=1,000,000 items of a list; synthetic has"),
    ("popular_slate", {"fatigue": float("nan")}, "popular_slate: fatigue=nan must be a finite number"),
])  # fmt: skip
def test_what_would_not_end_or_show_all_at_once(bench, system, changes, message):
    for door in (bench.build, bench.fit):
        with pytest.raises(UserError, match=message):
            door(system, **changes)


def test_the_most_that_may_be(bench):
    n_items = bench.split.n_items
    assert bench.build("always_recommend", turns=1_000, k=n_items).world("test").k == n_items


def test_cases_without_a_conversation_are_counted_and_said(bench, caplog):
    caplog.set_level("INFO", "workbench")
    cases = [part.one_each() for part in (bench.split.valid, bench.split.test)]
    bare = sorted({*cases[1].targets[:40].tolist()})
    lack = [np.isin(part.targets, bare) for part in cases]
    had = [part.in_history() & ~none for part, none in zip(cases, lack, strict=True)]
    counts = [f"{(a | b).sum()} of {len(a)}" for a, b in zip(lack, had, strict=True)]
    run = without_attributes(bench, bare).fit("always_recommend")
    line = (f"synthetic: {counts[0]} validation and {counts[1]} test cases have no conversation: {sum(map(sum, lack))} "
            f"targets have no attribute, {sum(map(sum, had))} are in the history")  # fmt: skip
    assert caplog.messages.count(line) == 1 and sum(map(sum, had)) > 0
    assert run.info["cases"] == (~(lack[1] | had[1])).sum()


def test_nothing_is_said_where_every_case_has_one(bench, caplog):
    caplog.set_level("INFO", "workbench")
    new = {name: part.take(np.flatnonzero(~part.in_history())) for name, part in
           (("valid", bench.split.valid), ("test", bench.split.test))}  # fmt: skip
    other = replace(bench, given={"dataset": bench.dataset, "split": replace(bench.split, **new)}, label="no repeats")
    other.fit("always_recommend", turns=3)
    assert "no conversation" not in caplog.text


def test_why_there_is_no_conversation_at_all_is_said_before_the_error(bench, caplog):
    caplog.set_level("INFO", "workbench")
    targets = {*bench.split.test.targets.tolist(), *bench.split.valid.targets.tolist()}
    with pytest.raises(UserError, match="a conversation needs a user with a target"):
        without_attributes(bench, sorted(targets)).fit("always_recommend")
    assert f"{len(bench.split.test.targets)} of {len(bench.split.test.targets)} test cases" in caplog.text

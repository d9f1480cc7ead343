"""Lint checks detect planted problems, report none in clean data, and give the reason where they cannot measure."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, leakage_measures, protocol_for, split, synthetic
from workbench.data.lint import NOT_MEASURED, NOTE, OK, WARNING, lint


def by_check(report):
    return report.findings.set_index("check")


def log(user, item, timestamp=None, order="time", **items):
    """A dataset from plain lists."""
    events = pd.DataFrame({"user": user, "item": item})
    if timestamp is not None:
        events["timestamp"] = timestamp
    return assemble("hand", events, order=order, items=pd.DataFrame(items) if items else None)


@pytest.fixture(scope="module")
def report():
    return lint(synthetic.load("synthetic", leak=True))


def test_report_has_one_sentence_per_check(report):
    assert list(report.findings) == ["check", "value", "reference", "verdict", "note"]
    assert report.findings["check"].is_unique and set(report.findings["verdict"]) <= {OK, NOTE, WARNING, NOT_MEASURED}
    assert report.findings["note"].str.endswith(".").all()
    assert set(report.tables) == {"lengths", "popularity", "tie_orders", "id_order"}
    assert report.tables["lengths"]["users"].sum() == 2_000


def test_planted_problems_are_detected(report):
    result = by_check(report)
    assert result.loc["next-id probe: source_id", "verdict"] == WARNING
    assert result.loc["next-id probe: raw_id", "verdict"] == OK
    assert result.loc["next-id probe: our permuted ids", "verdict"] == OK
    assert result.loc["test targets tied with the previous item", "value"] > 0.1
    assert result.loc["metric range over 20 tie orders", "value"] > 0
    assert result.loc["popularity drift", "value"] > 1.5 * result.loc["popularity drift", "reference"]
    assert result.loc["cold test targets", "value"] > 0


def test_clean_worlds_have_no_findings():
    world = synthetic.load("synthetic-null", leak=True)
    result = by_check(lint(synthetic.load("synthetic-chain")))
    assert result.loc["metric range over 20 tie orders", "value"] == 0
    assert result.loc["events with tied timestamps", "value"] == 0
    assert by_check(lint(world)).loc["popularity drift", "verdict"] == OK


def test_global_time_leaks_nothing():
    world = synthetic.load("synthetic")
    result = by_check(lint(world, protocol_for(world, split="global-time")))
    assert result.loc["future leakage", "value"] == 0 and result.loc["future leakage", "verdict"] == OK


def test_duplicates_by_hand():
    result = by_check(lint(log([1, 1, 1, 1, 2], [1, 1, 2, 1, 1], [1, 1, 2, 3, 1])))
    assert result.loc["exact duplicates", "value"] == pytest.approx(1 / 5)
    assert result.loc["repeated user-item pairs", "value"] == pytest.approx(2 / 5)
    assert result.loc["consecutive repeats", "value"] == pytest.approx(1 / 3)


def test_short_users_and_counts_by_hand():
    result = by_check(lint(log([1, 1, 2, 2, 2, 3, 3, 3, 3, 3], [1, 2, 1, 2, 3, 1, 2, 3, 1, 2], range(10))))
    assert result.loc["users with fewer than 3 events", "value"] == pytest.approx(1 / 3)
    assert result.loc["users with fewer than 5 events", "value"] == pytest.approx(2 / 3)
    assert result.loc["density", "value"] == pytest.approx(10 / 9)


def test_future_leakage_by_hand():
    """Two users a-b-c; train events at 1 and 9, tests at 5 and 20: half and none of train lie ahead."""
    result = by_check(lint(log([1, 1, 1, 2, 2, 2], [1, 2, 3, 1, 2, 3], [1, 2, 5, 9, 10, 20])))
    assert result.loc["future leakage", "value"] == pytest.approx(0.25)
    assert leakage_measures.mean_future_share(np.array([1, 2, 9]), np.array([5])) == pytest.approx(1 / 3)


def test_repeats_and_cold_targets_by_hand():
    result = by_check(lint(log([1, 1, 1, 2, 2, 2, 2], [1, 2, 1, 1, 2, 2, 3], range(7))))
    assert result.loc["repeated test targets", "value"] == pytest.approx(1 / 2)
    assert result.loc["cold test targets", "value"] == pytest.approx(1 / 2)


def test_transition_ranks_by_hand():
    """Train 1-2 twice and 1-3 once: after 1, item 3 is second in the list and item 4 is not in it."""
    users, items = [], []
    for user, row in enumerate([(1, 2, 8, 8), (1, 2, 9, 9), (1, 3, 9, 9), (5, 1, 1, 3), (6, 1, 1, 4)]):
        users += [user] * 4
        items += row
    cut_data = log(users, items, order="sequence")
    cut = split(cut_data, protocol_for(cut_data))
    gains = dict(
        zip(cut_data.users["raw_id"][cut.test.histories.users], leakage_measures.transition_ndcg(cut), strict=True)
    )
    assert gains["3"] == pytest.approx(1 / np.log2(3)) and gains["4"] == 0


def test_order_of_first_appearance_is_seen_in_any_numbering():
    rng = np.random.default_rng(0)
    items = np.arange(4_000)  # everything is new, and numbered as it came
    kept = log(np.repeat(np.arange(400), 10), items, range(4_000))
    mixed = log(np.repeat(np.arange(400), 10), rng.permutation(items), range(4_000))
    assert by_check(lint(kept)).loc["next-id probe: raw_id", "value"] == pytest.approx(1)
    assert by_check(lint(mixed)).loc["next-id probe: raw_id", "verdict"] == OK


def test_columns_that_do_not_number_items_are_left_alone():
    data = log([1] * 3, [1, 2, 3], order="sequence", raw_id=["1", "2", "3"], price=[1.0, 2, 3], year=[1999, 1999, 2000],
               asin=["B1", "B2", "B3"])  # fmt: skip
    assert set(leakage_measures.numeric_id_columns(data)) == {"raw_id"}


def test_a_check_that_cannot_be_measured_gives_the_reason():
    result = by_check(lint(log([1] * 20, range(20), order="sequence")))
    assert result.loc["tied timestamps", "verdict"] == NOT_MEASURED
    assert "no timestamps" in result.loc["tied timestamps", "note"]
    assert result.loc["future leakage", "verdict"] == NOT_MEASURED
    assert "no titles" in result.loc["item titles", "note"]
    assert result.loc["next-id probe: raw_id", "value"] == 1
    unordered = by_check(lint(log([1] * 12, range(12), range(12), order="none")))
    assert "order of events is unknown" in unordered.loc["tied timestamps", "note"]
    short = by_check(lint(log([1, 1], [1, 2], [3, 3])))
    assert short.loc["users", "value"] == 1 and "none may be empty" in short.loc["cold and repeated targets", "note"]


def test_beauty_has_the_known_values(real):
    """Day ties, future leakage and the id-order leak of the public Beauty files, as measured before by others."""
    events = pd.read_csv(real / "amazon_beauty_2014/derived/Beauty.inter.gz", sep="\t")
    events.columns = ["user", "item", "timestamp"]
    beauty = assemble("beauty", events.astype({"timestamp": np.int64}), order="sequence")
    report = lint(beauty)
    result = by_check(report)["value"]
    assert result["users"] == 22_363 and result["items"] == 12_101 and result["interactions"] == 198_502
    assert result["next-id probe: raw_id"] == pytest.approx(0.0278, abs=1e-4)
    assert result["next-id probe: our permuted ids"] < 0.0006
    assert result["test targets tied with the previous item"] == pytest.approx(0.435, abs=1e-3)
    assert "19.5%" in by_check(report).loc["train events after the median test event", "note"]
    assert report.tables["tie_orders"]["targets_changed"].iloc[1:].mean() == pytest.approx(0.29, abs=0.01)
    assert result["repeated test targets"] == result["exact duplicates"] == 0

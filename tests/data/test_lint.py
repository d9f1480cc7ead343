"""The lint finds what was planted, is silent where nothing was, and says why where it cannot measure."""
import numpy as np
import pandas as pd
import pytest

from workbench.data import assemble, leakage_measures, protocol_for, split, synthetic
from workbench.data.lint import FINE, LOOK, UNMEASURED, WARNING, lint


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


def test_report_has_one_sentence_a_check(report):
    assert list(report.findings) == ["check", "value", "null_or_reference", "verdict", "note"]
    assert report.findings["check"].is_unique and set(report.findings["verdict"]) <= {FINE, LOOK, WARNING, UNMEASURED}
    assert report.findings["note"].str.endswith(".").all()
    assert set(report.tables) == {"lengths", "popularity", "tie_orders", "id_order"}
    assert report.tables["lengths"]["users"].sum() == 2_000


def test_planted_trouble_is_found(report):
    found = by_check(report)
    assert found.loc["next-id probe: source_id", "verdict"] == WARNING
    assert found.loc["next-id probe: raw_id", "verdict"] == FINE
    assert found.loc["next-id probe: our permuted ids", "verdict"] == FINE
    assert found.loc["test targets tied with the item before", "value"] > 0.1
    assert found.loc["metric range over 20 tie orders", "value"] > 0
    assert found.loc["popularity drift", "value"] > 1.5 * found.loc["popularity drift", "null_or_reference"]
    assert found.loc["cold test targets", "value"] > 0


def test_a_tidy_world_is_not_accused():
    world = synthetic.load("synthetic-null", leak=True)
    found = by_check(lint(synthetic.load("synthetic-chain")))
    assert found.loc["metric range over 20 tie orders", "value"] == 0
    assert found.loc["events tied in time", "value"] == 0
    assert by_check(lint(world)).loc["popularity drift", "verdict"] == FINE


def test_global_time_leaks_nothing():
    world = synthetic.load("synthetic")
    found = by_check(lint(world, protocol_for(world, split="global-time")))
    assert found.loc["future leakage", "value"] == 0 and found.loc["future leakage", "verdict"] == FINE


def test_duplicates_by_hand():
    found = by_check(lint(log([1, 1, 1, 1, 2], [1, 1, 2, 1, 1], [1, 1, 2, 3, 1])))
    assert found.loc["exact duplicates", "value"] == pytest.approx(1 / 5)
    assert found.loc["repeated user-item pairs", "value"] == pytest.approx(2 / 5)
    assert found.loc["consecutive repeats", "value"] == pytest.approx(1 / 3)


def test_short_users_and_counts_by_hand():
    found = by_check(lint(log([1, 1, 2, 2, 2, 3, 3, 3, 3, 3], [1, 2, 1, 2, 3, 1, 2, 3, 1, 2], range(10))))
    assert found.loc["users with fewer than 3 events", "value"] == pytest.approx(1 / 3)
    assert found.loc["users with fewer than 5 events", "value"] == pytest.approx(2 / 3)
    assert found.loc["density", "value"] == pytest.approx(10 / 9)


def test_future_leakage_by_hand():
    """Two users a-b-c; train events at 1 and 9, tests at 5 and 20: half and none of train lie ahead."""
    found = by_check(lint(log([1, 1, 1, 2, 2, 2], [1, 2, 3, 1, 2, 3], [1, 2, 5, 9, 10, 20])))
    assert found.loc["future leakage", "value"] == pytest.approx(0.25)
    assert leakage_measures.future_share(np.array([1, 2, 9]), np.array([5])) == pytest.approx(1 / 3)


def test_repeats_and_cold_targets_by_hand():
    found = by_check(lint(log([1, 1, 1, 2, 2, 2, 2], [1, 2, 1, 1, 2, 2, 3], range(7))))
    assert found.loc["repeated test targets", "value"] == pytest.approx(1 / 2)
    assert found.loc["cold test targets", "value"] == pytest.approx(1 / 2)


def test_transition_ranks_by_hand():
    """Train 1-2 twice and 1-3 once: after 1, item 3 is second in the list and item 4 is not in it."""
    users, items = [], []
    for user, row in enumerate([(1, 2, 8, 8), (1, 2, 9, 9), (1, 3, 9, 9), (5, 1, 1, 3), (6, 1, 1, 4)]):
        users += [user] * 4
        items += row
    cut_data = log(users, items, order="sequence")
    cut = split(cut_data, protocol_for(cut_data))
    gains = dict(
        zip(cut_data.users["raw_id"][cut.test.histories.users], leakage_measures.transition_gains(cut), strict=True)
    )
    assert gains["3"] == pytest.approx(1 / np.log2(3)) and gains["4"] == 0


def test_order_of_first_appearance_is_seen_in_any_numbering():
    rng = np.random.default_rng(0)
    items = np.arange(4_000)  # everything is new, and numbered as it came
    kept = log(np.repeat(np.arange(400), 10), items, range(4_000))
    mixed = log(np.repeat(np.arange(400), 10), rng.permutation(items), range(4_000))
    assert by_check(lint(kept)).loc["next-id probe: raw_id", "value"] == pytest.approx(1)
    assert by_check(lint(mixed)).loc["next-id probe: raw_id", "verdict"] == FINE


def test_columns_that_do_not_number_items_are_left_alone():
    data = log([1] * 3, [1, 2, 3], order="sequence", raw_id=["1", "2", "3"], price=[1.0, 2, 3], year=[1999, 1999, 2000],
               asin=["B1", "B2", "B3"])  # fmt: skip
    assert set(leakage_measures.number_columns(data)) == {"raw_id"}


def test_what_cannot_be_measured_says_why_and_the_rest_comes():
    found = by_check(lint(log([1] * 20, range(20), order="sequence")))
    assert found.loc["ties in time", "verdict"] == UNMEASURED and "no timestamps" in found.loc["ties in time", "note"]
    assert found.loc["future leakage", "verdict"] == UNMEASURED
    assert "no titles" in found.loc["titles", "note"]
    assert found.loc["next-id probe: raw_id", "value"] == 1
    unordered = by_check(lint(log([1] * 12, range(12), range(12), order="none")))
    assert "what came first" in unordered.loc["ties in time", "note"]
    short = by_check(lint(log([1, 1], [1, 2], [3, 3])))
    assert short.loc["users", "value"] == 1 and "none may be zero" in short.loc["targets", "note"]


def test_beauty_has_the_known_values(real):
    """Day ties, future leakage and the id-order leak of the public Beauty files, as measured before by others."""
    events = pd.read_csv(real / "amazon_beauty_2014/derived/Beauty.inter.gz", sep="\t")
    events.columns = ["user", "item", "timestamp"]
    beauty = assemble("beauty", events.astype({"timestamp": np.int64}), order="sequence")
    report = lint(beauty)
    found = by_check(report)["value"]
    assert found["users"] == 22_363 and found["items"] == 12_101 and found["interactions"] == 198_502
    assert found["next-id probe: raw_id"] == pytest.approx(0.0278, abs=1e-4)
    assert found["next-id probe: our permuted ids"] < 0.0006
    assert found["test targets tied with the item before"] == pytest.approx(0.435, abs=1e-3)
    assert "19.5%" in by_check(report).loc["train events after the median test event", "note"]
    assert report.tables["tie_orders"]["targets_changed"].iloc[1:].mean() == pytest.approx(0.29, abs=0.01)
    assert found["repeated test targets"] == found["exact duplicates"] == 0

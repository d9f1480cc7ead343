"""Amazon-M2's layout: printed arrays, keys of locale and product, truth by place, splits, MRR@100 by hand."""
import numpy as np
import pandas as pd
import polars as pl
import pytest
from m2_sample import SESSIONS, TEST, many, write

from workbench.data import datasets
from workbench.data.formats.values.printed_arrays import printed_arrays
from workbench.data.lint import lint
from workbench.data.sessions.whole_sessions import domain_shift, published_test, session_split
from workbench.errors import UserError
from workbench.evaluate.sessions.session_metrics import session_metrics
from workbench.interfaces import Recommendations


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_OFFLINE", "1")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    return write(tmp_path)


def sessions(dataset) -> dict[str, list[str]]:
    log = dataset.interactions.sort_values("row")
    raw = dataset.items["raw_id"].to_numpy()[log["item"] - 1]
    return pd.Series(raw).groupby(dataset.users["raw_id"].to_numpy()[log["user"]]).agg(list).to_dict()


def test_cells_as_numpy_prints_them():
    many_ids = np.array([f"B{n:09d}" for n in range(40)])
    cells = [
        str(many_ids),
        "['A']",
        "[\"A'1\" 'B']",
        "['A' 'B'",
        "'A' 'B'",
        "[A B]",
        "[]",
        "",
        None,
        "['A' ... 'B']",
        "['A' 'B",
    ]
    assert "\n" in cells[0], "numpy breaks the line"
    found = printed_arrays(pl.Series(cells, dtype=pl.String))
    assert found.tokens.to_list()[:3] == [many_ids.tolist(), ["A"], ["A'1", "B"]]
    assert found.broken.to_list() == [False] * 3 + [True] * 8 and not any(found.tokens.to_list()[3:])
    assert found.cut.to_list() == [False] * 9 + [True, False]


def test_a_session_is_a_user_and_its_items_have_a_locale(home):
    dataset = datasets.load("amazon-m2")
    assert sessions(dataset) == {
        "train 0": ["UK:A1", "UK:A2", "UK:A3"], "train 1": ["UK:A1", "UK:A3", "UK:A1", "UK:A1"],
        "train 4": ["DE:A1", "DE:A2", "DE:A1"], "train 9": ["JP:A2", "JP:A2", "JP:A2"]}  # fmt: skip
    assert dataset.order == "sequence" and not dataset.has_times
    items = dataset.items.set_index("raw_id")
    assert items.loc["DE:A1", ["title", "text", "brand", "price", "domain"]].tolist() == [
        "Rote Tasse", "a desc", "a brand", 11.0, "DE"]  # fmt: skip
    assert items.loc["UK:A2", ["brand", "text"]].tolist() == ["", ""]
    assert dataset.users["locale"].value_counts().to_dict() == {"UK": 2, "DE": 1, "JP": 1}


def test_broken_cells_are_counted_or_one_error_and_other_traps_are_in_the_report(home):
    dataset = datasets.load("amazon-m2")
    assert dataset.about["dropped"] == {"sessions with a broken cell": 4}
    found = lint(dataset).findings.set_index("check")
    broken = found.loc["amazon-m2: broken cells"]
    assert (
        broken["value"] == pytest.approx(4 / 8)
        and broken["verdict"] == "warning"
        and "1 of them were short" in broken["note"]
    )
    assert found.loc["amazon-m2: targets in their session", "value"] == pytest.approx(3 / 4)
    assert found.loc["amazon-m2: codes of several locales", "value"] == pytest.approx(5 / 6), "A3 is in UK alone"
    spanish = lint(datasets.load("amazon-m2", locales="ES")).findings.set_index("check")
    assert spanish.loc["amazon-m2: items without a product", "value"] == 1, "A9"
    with pytest.raises(UserError, match=r"session 3: prev_items \"\['A1' 'A2\" is no printed array.*4 sessions of 8"):
        datasets.load("amazon-m2", broken="error")


def test_the_truth_belongs_to_the_test_sessions_by_place(home):
    dataset = datasets.load("amazon-m2", locales="ES,FR,IT", test="task2/public_test")
    assert sessions(dataset)["test 1"] == ["FR:A3", "FR:A2"] and sessions(dataset)["test 2"] == ["IT:A1"] * 3
    assert dataset.users["part"].value_counts().to_dict() == {"test": 3, "train": 2}
    truth = home / "task2/public_test/DONT_SHARE_gt_test.parquet"
    table = pd.read_parquet(truth)
    for wrong in (table.iloc[:2], table.iloc[::-1]):
        wrong.to_parquet(truth)
        with pytest.raises(UserError, match="belong together by place"):
            datasets.load("amazon-m2", locales="ES,FR,IT", test="task2/public_test")


def test_missing_files_columns_and_unknown_names(home):
    wrong = (
        ({"locales": "UK,US"}, "locale of amazon-m2 'US'"),
        ({"test": "task2"}, "test part of amazon-m2"),
        ({"test": "task1/public_test"}, "(?s)task1/public_test/sessions_test.parquet.*aicrowd"),
    )
    for option, error in wrong:
        with pytest.raises(UserError, match=error):
            datasets.load("amazon-m2", **option)
    pd.DataFrame(SESSIONS, columns=["items", "next_item", "locale"]).to_csv(home / "sessions_train.csv", index=False)
    with pytest.raises(UserError, match=r"no column prev_items \(found: items, next_item, locale\)"):
        datasets.load("amazon-m2")


@pytest.fixture
def large(home):
    rows, products = many(600)
    write(home.parent, rows, products, [(["B01", "B02"], "B03", "ES"), (["B05"], "B06", "FR"), (["B07"], "B08", "IT")])
    return datasets.load("amazon-m2", locales="UK,DE,JP,ES,FR,IT", test="task2/public_test")


def test_no_event_of_a_test_session_is_in_train(large):
    cut = published_test(large)
    assert len(cut.test.targets) == len(TEST) and len(cut.train) == large.n_users == cut.n_users
    tested, validated = cut.test.histories.users, cut.valid.histories.users
    assert (cut.train.lengths[tested] == 0).all() and (cut.train.lengths[validated] == 0).all()
    assert 30 < len(validated) < 100 and cut.train.lengths.max() == 6, "a train session keeps its next item"
    raw = large.items["raw_id"].to_numpy()
    order = np.argsort(large.users["raw_id"].to_numpy()[tested])
    assert raw[cut.test.targets - 1][order].tolist() == ["ES:B03", "FR:B06", "IT:B08"]
    with pytest.raises(UserError, match="none in both"):
        session_split(large, np.ones(large.n_users, bool), train=np.ones(large.n_users, bool))
    with pytest.raises(UserError, match="no published test sessions"):
        published_test(datasets.load("amazon-m2"))


def test_a_shift_of_the_domain_trains_on_other_locales(large):
    locale = large.users["locale"].to_numpy()
    cut, adapted = domain_shift(large), domain_shift(large, adapt=0.5)
    trained = np.flatnonzero(cut.train.lengths)
    assert set(locale[trained]) == {"UK", "DE", "JP"} and set(locale[cut.test.histories.users]) == {"ES", "FR", "IT"}
    assert len(cut.test.targets) == 3, "published test sessions are the test"
    assert (cut.train_counts()[cut.test.targets] == 0).all(), "no item of the other locales is in train"
    share = (
        np.isin(locale[adapted.train.lengths > 0], ["ES", "FR", "IT"]).sum() / np.isin(locale, ["ES", "FR", "IT"]).sum()
    )
    assert 0.3 < share < 0.6 and adapted.data_hash != cut.data_hash
    alone = datasets.load("amazon-m2", locales="UK,DE,JP,ES,FR,IT")
    assert len(domain_shift(alone).test.targets) == np.isin(alone.users["locale"], ["ES", "FR", "IT"]).sum()
    with pytest.raises(UserError, match="no session of ES, FR, IT"):
        domain_shift(datasets.load("amazon-m2"))


class Listed:
    """Recommends the item with the next code of the last one's locale at place `at`, others before it."""

    def __init__(self, dataset, at: int):
        raw = dataset.items["raw_id"]
        following = raw.map(lambda name: f"{name[:4]}{(int(name[4:]) + 1) % 40:02d}")
        self.next = np.append(0, pd.Series(raw.index, raw).reindex(following).to_numpy())
        self.at, self.n = at, dataset.n_items

    def recommend(self, histories, k, exclude=None) -> Recommendations:
        last = histories.items[histories.offsets[1:] - 1]
        rows = [[int(self.next[item]) if place == self.at else None for place in range(1, k + 1)] for item in last]
        for row in rows:
            others = (item for item in range(1, self.n + 1) if item not in row)
            row[:] = [next(others) if item is None else item for item in row]
        return Recommendations(np.array(rows, np.int32), np.tile(-np.arange(k, dtype=float), (len(rows), 1)))


def test_mrr_and_recall_at_a_hundred_by_hand(large):
    cut = published_test(large)
    table = session_metrics(Listed(large, 80), cut.test, cut, large.users["locale"].to_numpy())
    assert table.loc["all", ["mrr@100", "recall@100"]].tolist() == pytest.approx([1 / 80, 1.0])
    assert table.loc[["ES", "FR", "IT"], "cases"].tolist() == [1, 1, 1] and table.loc["all", "cases"] == 3
    near = session_metrics(Listed(large, 80), cut.test, cut, depth=20).loc["all"]
    assert near["recall@20"] < 1
    with pytest.raises(UserError, match="groups has 2 values"):
        session_metrics(Listed(large, 1), cut.test, cut, np.array(["ES", "FR"]))

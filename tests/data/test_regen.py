"""REGEN by named columns: rows and lists, where a critique leads, narratives, and errors that list what was found."""
import pandas as pd
import pytest

from workbench.data import datasets
from workbench.data.lint import lint
from workbench.errors import UserError

ROWS = pd.DataFrame({
    "reviewer": list("aabab"), "asin": ["p", "q", "p", "r", "r"],
    "ask": ["a blue pen", None, "red ink", "", " "], "why": ["it writes", "", "cheap", "", "fine"], "price": [1] * 5,
})  # fmt: skip
META = pd.DataFrame({"asin": ["p", "q", "r"], "title": ["Pencil", "Blue pen", "Ink"],
                     "categories": [["Office", "Writing"], ["Office", "Writing"], ["Office", "Ink"]]})  # fmt: skip
NAMES = {"user": "reviewer", "item": "asin", "critique": "ask", "narratives": "why"}


@pytest.fixture
def files(tmp_path):
    ROWS.to_json(tmp_path / "steps.jsonl", orient="records", lines=True)
    META.to_parquet(tmp_path / "meta.parquet")
    lists = ROWS.groupby("reviewer").agg(list).reset_index()
    lists.to_parquet(tmp_path / "lists.parquet")
    return tmp_path


def said(dataset) -> list[tuple[str, str, str]]:
    """User, item and what is said after it."""
    texts = {0: ""} | dict(dataset.tables["critiques"].set_index("critique")["text"])
    log = dataset.interactions.sort_values(["user", "row"])
    rows = zip(dataset.users["raw_id"].to_numpy()[log["user"]], dataset.items["raw_id"].to_numpy()[log["item"] - 1],
               map(texts.get, log["critique"]))  # fmt: skip
    return sorted(rows, key=lambda row: row[0])


@pytest.mark.parametrize("name", ["steps.jsonl", "lists.parquet"])
def test_rows_and_lists_are_the_same_dataset(files, name):
    dataset = datasets.load(
        "regen", path=str(files / name), items=str(files / "meta.parquet"), category="categories", **NAMES
    )
    assert said(dataset) == [
        ("a", "p", "a blue pen"),
        ("a", "q", ""),
        ("a", "r", ""),
        ("b", "p", "red ink"),
        ("b", "r", ""),
    ]
    assert dataset.items.set_index("raw_id").loc["q", ["title", "category"]].tolist() == [
        "Blue pen",
        "Office > Writing",
    ]
    told = dataset.tables["narratives"]
    assert told["text"].tolist() == (["it writes", "cheap", "fine"]) and set(told["kind"]) == {"why"}
    assert dataset.items["raw_id"].reindex(told["item"]).tolist() == ["p", "p", "r"] and dataset.order == "sequence"


def test_a_critique_of_its_own_row_belongs_after_the_one_before(files):
    own = datasets.load("regen", path=str(files / "steps.jsonl"), leads_to="this", **NAMES)
    assert [row[2] for row in said(own)] == [""] * 5, "the first rows of a and b have one, and nothing before them"
    later = ROWS.assign(ask=[None, "a blue pen", None, "darker", "red ink"])
    later.to_csv(files / "later.csv", index=False)
    assert said(datasets.load("regen", path=str(files / "later.csv"), leads_to="this", **NAMES)) == [
        ("a", "p", "a blue pen"), ("a", "q", "darker"), ("a", "r", ""), ("b", "p", "red ink"),
        ("b", "r", "")]  # fmt: skip


def test_what_critiques_give_away_is_in_the_lint_report(files):
    dataset = datasets.load("regen", path=str(files / "steps.jsonl"), items=str(files / "meta.parquet"), **NAMES)
    found = lint(dataset).findings.set_index("check")
    # of `blue pen` both words stand in "Blue pen", of `red ink` one in "Ink"
    assert found.loc["critiques: words of the target's title", "value"] == pytest.approx((1 + 1 / 2) / 2)
    assert found.loc["critiques: steps that have one", "value"] == pytest.approx(2 / 3)


def test_without_critiques_it_is_a_log_and_what_is_missing_is_said_with_what_was_found(files):
    plain = datasets.load("regen", path=str(files / "steps.jsonl"), user="reviewer", item="asin")
    assert "critiques" not in plain.tables and any("no critiques" in note for note in plain.about["notes"])
    with pytest.raises(
        UserError, match=r"no column user \(user=\), item \(item=\). Found: reviewer, asin, ask, why, price"
    ):
        datasets.load("regen", path=str(files / "steps.jsonl"))
    with pytest.raises(UserError, match=r"no column asks \(critique=\)"):
        datasets.load("regen", path=str(files / "steps.jsonl"), **NAMES | {"critique": "asks"})
    short = pd.read_parquet(files / "lists.parquet")
    short.at[1, "ask"] = ["red ink"]
    short.to_parquet(files / "short.parquet")
    with pytest.raises(UserError, match="row 2: lists of different lengths"):
        datasets.load("regen", path=str(files / "short.parquet"), **NAMES)
    with pytest.raises(UserError, match="steps.txt: .txt is no kind of table"):
        datasets.load("regen", path=str(files / "steps.txt"), **NAMES)

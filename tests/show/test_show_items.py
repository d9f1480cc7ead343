"""Items found by letters and what stands around one: true by hand, literal whatever is typed, quick on real data."""
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hostile_shop import TABLE, Cells

from workbench import experiment, show
from workbench.data import Histories
from workbench.data.schema import ITEM, RAW, TIME, USER
from workbench.errors import UserError
from workbench.experiment.browse.item_index import Shelf, folded
from workbench.show.widgets import items as faces

HOSTILE = ("<script>", "a.*b(", "[", "\\", "$\\alpha$", "%{x}", "<b>", '"', "long " * 300, "\u202e")


@pytest.fixture(scope="module")
def shelf(bench):
    return Shelf(bench)


@pytest.fixture(scope="module")
def world():
    return Shelf(experiment.open_bench("synthetic", profile="smoke", options={"users": 300}))


def test_a_search_is_for_letters_alone(shelf, bench, monkeypatch):
    titles = bench.dataset.titles()
    assert folded("  Crème\n BRÛLÉE ß") == "creme brulee ss"
    for text in HOSTILE:
        found = shelf.find(text).tolist()
        holds = [folded(text) in folded(titles[item]) or folded(text) in folded(bench.dataset.items[RAW][item])
                 for item in range(1, 31)]  # fmt: skip
        assert sorted(found) == (1 + np.flatnonzero(holds)).tolist()
        table = show.search(shelf, text)
        assert {tag for tag, _ in Cells(table._repr_html_()).tags} <= {*TABLE, "p"}
    assert len(shelf.find("<SCRIPT>")) == len(shelf.find("<script>")) > 0 == len(shelf.find("a.*b("))
    assert show.search(shelf, "a.*b(").cells == [["None of 30 items have “a.*b(” in title or raw id."]]


def test_the_item_of_a_raw_id_comes_first_and_then_the_most_frequent(shelf, bench):
    item = int(np.argmin(shelf.counts[1:])) + 1
    raw = bench.dataset.items[RAW][item]
    assert shelf.find(raw.upper())[0] == item and len(shelf.find("")) == 30
    assert (np.diff(shelf.counts[shelf.find("")]) <= 0).all()
    table = show.search(shelf, "", n=4)
    assert len(table.cells) == 4 and table.caption == "All 30 items; these are the 4 most frequent in train."


def test_around_an_item_by_hand(world):
    train, item = world.bench.split.train, int(np.argmax(world.counts))
    rows = [train.row(user) for user in range(len(train))]
    steps = [(a, b) for row in rows for a, b in zip(row, row[1:])]
    found = world.around(item, k=5)
    for name, pairs in (("right before", [a for a, b in steps if b == item]),
                        ("right after", [b for a, b in steps if a == item])):
        count = np.bincount(pairs, minlength=world.bench.split.n_items + 1)
        assert found[name].tolist() == sorted(count, reverse=True)[:5] == count[found[name].index].tolist()
    both = found["of the same users"]
    assert both.tolist() == [sum(item in row and other in row for row in rows) for other in both.index]
    cosine = world.bench.vectors("text") @ world.bench.vectors("text")[item]
    assert found["alike in words"].tolist() == pytest.approx(np.sort(cosine)[::-1][1:6].tolist(), abs=1e-5)
    log = world.bench.dataset.interactions
    own = log[log[ITEM] == item]
    facts = world.facts(item)
    assert facts["events"] == len(own) and facts["users"] == own[USER].nunique() and facts["place"] == 1
    assert facts["last"].timestamp() == own[TIME].max()


def test_what_half_a_million_people_have_is_counted_whole():
    """The product of two such numbers does not fit into 32 bits."""
    n = 500_000
    people = Histories(np.arange(0, 2 * n + 1, 2), np.tile(np.int32([1, 2]), n), np.arange(n, dtype=np.int32))
    crowd = Shelf(SimpleNamespace(split=SimpleNamespace(train=people, n_items=3)))
    crowd.__dict__["vectors"] = None
    assert crowd.around(1)["of the same users"].to_dict() == {2: n}


def test_around_is_a_table_that_says_what_stands_in_brackets(shelf, bench, timeless):
    for item in range(1, 31):
        table = show.around(shelf, item, k=3)
        assert len(table.cells) <= 3 and {tag for tag, _ in Cells(table._repr_html_()).tags} == {*TABLE, "p"}
    plain = show.around(Shelf(timeless), 1)
    assert plain.names[:4] == ["nearest", "right before", "right after", "of the same users"]
    assert " to " in table.caption and " to " not in plain.caption.partition("In brackets")[0].partition("events")[2]
    with pytest.raises(UserError, match="item 31: this catalogue has items 1 to 30"):
        show.around(shelf, 31)


def test_the_line_finds_and_the_list_shows(shelf, monkeypatch):
    line, count, found, page = faces._finder(shelf, 7, "", 6).children
    assert found.value == 7 and page.value.endswith(show.around(shelf, 7)._repr_html_())
    line.value = "<script>"
    items = shelf.find("<script>").tolist()
    assert [item for _, item in found.options] == items and found.value == items[0]
    assert page.value.endswith(show.around(shelf, items[0])._repr_html_())
    assert count.value.startswith(f"{len(items)} of 30 items have “&lt;script&gt;”")
    found.value = items[1]
    assert page.value.endswith(show.around(shelf, items[1])._repr_html_())
    line.value = "<img src=x onerror=alert(1)>.*"
    assert found.options == () and found.value is None and page.value == ""
    assert count.value.startswith("None of 30 items have “&lt;img") and not Cells(count.value).tags
    line.value = ""
    assert found.value == shelf.find("")[0] and show.around(shelf, found.value)._repr_html_() in page.value


def test_where_a_browser_listens_there_are_controls(shelf, listening, monkeypatch):
    table = show.explore_items(shelf, 3)
    assert len(listening) == 2
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert show.explore_items(shelf, 3) == table and len(listening) == 2
    with pytest.raises(UserError, match="item 0"):
        show.explore_items(shelf, 0)


def test_beauty_answers_in_less_than_three_tenths_of_a_second(real, listening):
    bench = experiment.open_bench("beauty", profile="paper")
    shelf, users = Shelf(bench), show.typical_users(bench, 6).tolist()
    shelf.around(1)  # loads what is made once
    line, _, found, _ = faces._finder(shelf, 1, "", 6).children
    show.explore_users(bench, user=users[-1], n=6)
    who, _, _ = listening[0].children

    def seconds(control, values) -> float:
        took = []
        for value in values:
            started = time.perf_counter()
            control.value = value
            took.append(time.perf_counter() - started)
        return float(np.median(took))

    took = {"search": seconds(line, ["l", "li", "lip", "lip b", "zzzz"]), "user": seconds(who, users[:5])}
    line.value = "cream"
    took["item"] = seconds(found, [item for _, item in found.options[1:6]])
    print({name: f"{1000 * value:.0f} ms" for name, value in took.items()})
    assert max(took.values()) < 0.3, took

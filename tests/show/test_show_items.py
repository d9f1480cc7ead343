"""Item search and neighbours: checked by hand, literal whatever is typed, fast on real data."""
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hostile_titles import TABLE, Cells

from workbench import experiment, show
from workbench.data import Histories
from workbench.data.schema import ITEM, RAW, TIME, USER
from workbench.errors import UserError
from workbench.experiment import bench as bench_module
from workbench.experiment.browse import item_index
from workbench.experiment.browse.item_index import ItemIndex, normalize_text
from workbench.show.widgets import items as item_widgets
from workbench.show.widgets.items import table_neighbours

HOSTILE = ("<script>", "a.*b(", "[", "\\", "$\\alpha$", "%{x}", "<b>", '"', "long " * 300, "\u202e")


@pytest.fixture(scope="module")
def shelf(bench):
    return ItemIndex(bench)


@pytest.fixture(scope="module")
def world():
    return ItemIndex(experiment.open_bench("synthetic", profile="smoke", options={"users": 300}))


def test_a_search_is_for_letters_alone(shelf, bench, monkeypatch):
    titles = bench.dataset.titles()
    assert normalize_text("  Crème\n BRÛLÉE ß") == "creme brulee ss"
    for text in HOSTILE:
        found = shelf.search(text).tolist()
        query, raw_ids = normalize_text(text), bench.dataset.items[RAW]
        holds = [query in normalize_text(titles[item]) or query in normalize_text(raw_ids[item])
                 for item in range(1, 31)]  # fmt: skip
        assert sorted(found) == (1 + np.flatnonzero(holds)).tolist()
        table = show.table(shelf.find(text))
        assert {tag for tag, _ in Cells(table._repr_html_()).tags} <= {*TABLE, "p"}
    assert len(shelf.search("<SCRIPT>")) == len(shelf.search("<script>")) > 0 == len(shelf.search("a.*b("))
    missing = show.table(shelf.find("a.*b("))
    assert not missing.cells and missing.caption == "No item matches “a.*b(” in title or raw id."


def test_nothing_found_names_the_titles_spelled_most_alike(world):
    titles = world.bench.dataset.titles()
    word = max(str(titles[int(world.train_counts.argmax())]).split(), key=len)
    wrong = word[:2] + word[3:] + "q"
    assert not len(world.search(wrong)) and len(world.search("\u4e16\u754c")) == 0
    nearest = world.nearest_titles(wrong)
    assert len(nearest) == len(set(nearest)) == 3 and all(word.casefold() in title.casefold() for title in nearest)
    assert world.find(wrong).attrs["caption"].endswith(f"Nearest titles: {' · '.join(nearest)}.")
    assert world.find("\u4e16\u754c").attrs["caption"] == "No item matches “世界” in title or raw id."


def test_the_item_of_a_raw_id_comes_first_and_then_the_most_frequent(shelf, bench):
    item = int(np.argmin(shelf.train_counts[1:])) + 1
    raw = bench.dataset.items[RAW][item]
    assert shelf.search(raw.upper())[0] == item and len(shelf.search("")) == 30
    assert (np.diff(shelf.train_counts[shelf.search("")]) <= 0).all()
    table = show.table(shelf.find("", n=4))
    assert len(table.cells) == 4 and table.caption == "All 30 items; these are the 4 most frequent in train."


def test_around_an_item_by_hand(world):
    train, item = world.bench.split.train, int(np.argmax(world.train_counts))
    rows = [train.row(user) for user in range(len(train))]
    steps = [(a, b) for row in rows for a, b in zip(row, row[1:])]
    found = world.neighbours(item, k=5)
    for name, pairs in (("directly before", [a for a, b in steps if b == item]),
                        ("directly after", [b for a, b in steps if a == item])):
        count = np.bincount(pairs, minlength=world.bench.split.n_items + 1)
        assert found[name].tolist() == sorted(count, reverse=True)[:5] == count[found[name].index].tolist()
    both = found["same users"]
    assert both.tolist() == [sum(item in row and other in row for row in rows) for other in both.index]
    cosine = world.bench.vectors("text") @ world.bench.vectors("text")[item]
    assert found["similar text"].tolist() == pytest.approx(np.sort(cosine)[::-1][1:6].tolist(), abs=1e-5)
    log = world.bench.dataset.interactions
    own = log[log[ITEM] == item]
    facts = world.statistics(item)
    assert facts["events"] == len(own) and facts["users"] == own[USER].nunique() and facts["rank"] == 1
    assert facts["last"].timestamp() == own[TIME].max()


def test_what_half_a_million_people_have_is_counted_whole():
    """The product of two such numbers does not fit into 32 bits."""
    n = 500_000
    people = Histories(np.arange(0, 2 * n + 1, 2), np.tile(np.int32([1, 2]), n), np.arange(n, dtype=np.int32))
    crowd = ItemIndex(SimpleNamespace(split=SimpleNamespace(train=people, n_items=3)))
    crowd.__dict__["text_vectors"] = None
    assert crowd.neighbours(1)["same users"].to_dict() == {2: n}


def test_around_is_a_table_that_says_what_stands_in_brackets(shelf, bench, timeless):
    for item in range(1, 31):
        table = table_neighbours(shelf, item, k=3)
        assert len(table.cells) <= 3 and {tag for tag, _ in Cells(table._repr_html_()).tags} == {*TABLE, "p"}
    plain = table_neighbours(ItemIndex(timeless), 1)
    assert plain.names[:4] == ["nearest", "directly before", "directly after", "same users"]
    assert " to " in table.caption and " to " not in plain.caption.partition("In brackets")[0].partition("events")[2]
    with pytest.raises(UserError, match="item 31: this catalogue has items 1 to 30"):
        table_neighbours(shelf, 31)


def test_the_line_finds_and_the_list_shows(shelf, monkeypatch):
    line, count, found, page = item_widgets._widgets(shelf, 7, "", 6).children
    assert found.value == 7 and page.value.endswith(table_neighbours(shelf, 7)._repr_html_())
    line.value = "<script>"
    items = shelf.search("<script>").tolist()
    assert [item for _, item in found.options] == items and found.value == items[0]
    assert page.value.endswith(table_neighbours(shelf, items[0])._repr_html_())
    assert count.value.startswith(f"{len(items)} of 30 items have “&lt;script&gt;”")
    found.value = items[1]
    assert page.value.endswith(table_neighbours(shelf, items[1])._repr_html_())
    line.value = "<img src=x onerror=alert(1)>.*"
    assert found.options == () and found.value is None and page.value == ""
    assert count.value.startswith("No item matches “&lt;img") and not Cells(count.value).tags
    line.value = ""
    assert found.value == shelf.search("")[0] and table_neighbours(shelf, found.value)._repr_html_() in page.value


def test_where_a_browser_listens_there_are_controls(shelf, in_notebook, monkeypatch):
    table = show.explore_items(shelf, 3)
    assert len(in_notebook) == 2
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert show.explore_items(shelf, 3) == table and len(in_notebook) == 2
    with pytest.raises(UserError, match="item 0"):
        show.explore_items(shelf, 0)


def test_beauty_answers_without_reading_or_indexing_it_again(real, in_notebook, monkeypatch):
    """An answer takes a seventh of the time of the opening, or less; a half is allowed."""
    experiment.open_bench("beauty", profile="paper").vectors("text")  # to the store, if they are not there
    started = time.process_time()
    bench = experiment.open_bench("beauty", profile="paper")
    shelf, users = ItemIndex(bench), bench.typical_users(6).tolist()
    shelf.neighbours(1)  # makes what is made once
    line, _, found, _ = item_widgets._widgets(shelf, 1, "", 6).children
    opening = time.process_time() - started
    show.explore_users(bench, user=users[-1], n=6)
    who, _, _ = in_notebook[0].children
    assert len(shelf.nearest_titles("lip")) == 3, "the letters of all titles are compared from here on"
    texts = []
    monkeypatch.setattr(item_index, "normalize_text", lambda text: texts.append(text) or normalize_text(text))
    for module, name in ((item_index, "transitions"), (item_index, "binary_user_items"), (bench_module, "make_split"),
                         (bench_module, "read_dataset"), (experiment.Bench, "vectors")):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: pytest.fail(f"{name} again"))

    def seconds(control, values) -> float:
        took = []
        for value in values:
            started = time.process_time()
            control.value = value
            took.append(time.process_time() - started)
        return float(np.median(took))

    took = {"search": seconds(line, ["l", "li", "lip", "lip b", "zzzz"]), "user": seconds(who, users[:5])}
    line.value = "cream"
    took["item"] = seconds(found, [item for _, item in found.options[1:6]])
    assert 0 < len(texts) < 40, "what is typed is prepared, not every title again"
    assert max(took.values()) < opening / 2, (opening, took)

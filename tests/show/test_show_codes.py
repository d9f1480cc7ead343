"""Semantic IDs in front of a person: counts right, titles literal, complete without categories, menus that follow."""
import numpy as np
import pytest
from hostile_shop import TABLE, Cells, check_literal

from workbench import embed, experiment, show
from workbench.diagnose.models import codes as diagnose
from workbench.errors import UserError
from workbench.show.figures import codes as figures
from workbench.show.widgets import explorers
from workbench.tokens import item_codes


@pytest.fixture(scope="module")
def world():
    return experiment.open_bench("synthetic", profile="smoke", options={"users": 300})


@pytest.fixture(scope="module")
def codes(world):
    return world.codes(size=16)


@pytest.fixture(scope="module")
def plain(bench):
    """Codes of the hostile log: titles and no categories."""
    return bench.codes(vectors=embed.usual(bench.dataset), size=4, levels=2)


def test_the_tree_holds_every_item_once(world, codes):
    figure = show.code_tree(world, codes)
    tree = figure.data[0]
    inner = [value for value, parent in zip(tree.values, tree.parents) if not parent]
    outer = [value for value, parent in zip(tree.values, tree.parents) if parent]
    assert sum(inner) == sum(outer) == codes.n_items and len(set(tree.ids)) == len(tree.ids)
    found = diagnose.purity(codes, diagnose.categories(world.dataset))["purity"][1]
    assert f"{found:.0%}" in figure.layout.title.text
    assert {trace.name for trace in figure.data[1:]} == set(diagnose.categories(world.dataset)[1:])
    check_literal(figure)


def test_what_the_page_has_no_room_for_is_counted(world, codes, monkeypatch):
    monkeypatch.setattr(figures, "NODES", 40)
    tree = show.code_tree(world, codes).data[0]
    assert sum(value for value, parent in zip(tree.values, tree.parents) if parent) == codes.n_items
    assert sum(name.endswith("…") for name in tree.ids) > 0 and len(tree.ids) <= 40 + 16
    assert len(show.code_tree(world, codes).to_json()) < 60_000


def test_without_categories_the_page_is_complete(bench, plain):
    figure = show.code_tree(bench, plain)
    assert "Without categories" in figure.layout.title.subtitle.text.replace("<br>", " ") and len(figure.data) == 1
    check_literal(figure)
    assert "no categories" in repr(show.landed(bench, plain, np.array([1, 2])))
    assert "mostly" not in show.walk(bench, plain, 1).names
    assert "category" not in show.beside(bench, diagnose.beside_controls(plain, bench.dataset)).names


def test_usage_counts_items(codes):
    figure = show.usage(codes)
    assert [sum(trace.y) for trace in figure.data] == [codes.n_items] * diagnose.digits(codes)
    lazy = item_codes(np.array([[0], [0], [1]]), (4,), np.array(list("abc"), object))
    assert show.usage(lazy).layout.title.text.startswith("2 of 4 codes are never used")


def test_near_draws_a_line_a_kind(world, codes):
    kinds = diagnose.beside_controls(codes, world.dataset)
    figure = show.near(world.vectors("text"), kinds)
    assert [trace.name for trace in figure.data] == list(kinds)
    assert figure.data[0].y[1] > figure.data[-1].y[1]
    assert not show.near(np.zeros((codes.n_items + 1, 2)), kinds).data


def test_walking_narrows_down_to_the_item(world, codes):
    item = show.telling_item(world, codes)
    table = show.walk(world, codes, item)
    left = [int(row[1]) for row in table.cells]
    assert left[0] == codes.n_items and left == sorted(left, reverse=True) and left[-1] == 1
    assert left[diagnose.digits(codes) - 1] > 1 and table.cells[-1][0] == codes.name(item)
    rows = show.under(world, codes, tuple(codes.codes[item, :2])).cells
    assert codes.name(item) in [row[0] for row in rows]
    with pytest.raises(UserError, match="no item's code begins with 99"):
        show.under(world, codes, (99,))


def test_neighbours_and_cards(world, codes, bench, plain):
    vectors = world.vectors("text")
    rows = show.neighbours(world, vectors, 5, codes=codes, k=3).cells
    cosine = vectors[1:] @ vectors[5]
    assert rows[0][:2] == ["1.00", codes.name(5)] and len(rows) == 4
    assert float(rows[1][0]) == pytest.approx(np.sort(cosine)[-2], abs=0.006)
    assert "zero vector" in show.neighbours(world, np.zeros_like(vectors), 5).caption
    for table in (show.item_card(bench, 1), show.walk(bench, plain, 1), show.under(bench, plain, ()),
                  show.collisions(bench, plain), show.neighbours(bench, bench.vectors("text"), 1, codes=plain)):
        assert {tag for tag, _ in Cells(table._repr_html_()).tags} <= {*TABLE, "p"}


def test_collisions_show_the_largest_group(world):
    codes = world.codes(size=4, levels=2)
    table = show.collisions(world, codes, n=100)
    names = {row[0].rpartition("-")[0] for row in table.cells}
    assert len(names) == 1 and len(table.cells) == diagnose.overall(codes).loc["largest"].iloc[0]
    alone = world.codes("hash", size=256, levels=4)
    assert "No two items" in repr(show.collisions(world, alone))


def test_the_walker_follows_its_menus(world, codes):
    item = show.telling_item(world, codes)
    upper, lower, third, page = explorers._prefixes(world, codes, int(codes.codes[item, 0])).children
    first = page.value
    assert f"begin with {codes.codes[item, 0]}" in first
    lower.value = int(codes.codes[item, 1])
    assert page.value != first and "-".join(map(str, codes.codes[item, :2])) in page.value
    third.value = int(codes.codes[item, 2])
    assert page.value == show.under(world, codes, tuple(codes.codes[item, :3]))._repr_html_()
    upper.value = next(code for _, code in upper.options if code != upper.value)
    assert lower.value == third.value == -1 and [code for _, code in third.options] == [-1]
    assert f"begin with {upper.value}" in page.value
    assert {tag for tag, _ in Cells(page.value).tags} == {*TABLE, "p"}

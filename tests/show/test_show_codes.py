"""Semantic IDs: counts right, titles literal, complete without categories, menus that update."""
import numpy as np
import pytest
from hostile_titles import TABLE, Cells, check_literal

from workbench import embed, experiment, show
from workbench.diagnose.models import codes as diagnose
from workbench.errors import UserError
from workbench.experiment.browse.code_inspector import CodeInspector, inspect_codes
from workbench.experiment.browse.item_index import ItemIndex
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
    return bench.codes(vectors=embed.default_kind(bench.dataset), size=4, levels=2)


def test_the_tree_holds_every_item_once(world, codes):
    figure = show.plot_code_tree(world, codes)
    tree = figure.data[0]
    inner = [value for value, parent in zip(tree.values, tree.parents) if not parent]
    outer = [value for value, parent in zip(tree.values, tree.parents) if parent]
    assert sum(inner) == sum(outer) == codes.n_items and len(set(tree.ids)) == len(tree.ids)
    found = diagnose.prefix_purity(codes, diagnose.item_categories(world.dataset))["purity"][1]
    assert f"{found:.0%}" in figure.layout.title.text
    assert {trace.name for trace in figure.data[1:]} == set(diagnose.item_categories(world.dataset)[1:])
    check_literal(figure)


def test_prefixes_too_small_to_draw_are_counted(world, codes, monkeypatch):
    monkeypatch.setattr(figures, "MAX_NODES", 40)
    tree = show.plot_code_tree(world, codes).data[0]
    assert sum(value for value, parent in zip(tree.values, tree.parents) if parent) == codes.n_items
    assert sum(name.endswith("…") for name in tree.ids) > 0 and len(tree.ids) <= 40 + 16
    assert len(show.plot_code_tree(world, codes).to_json()) < 60_000


def test_without_categories_figures_are_complete(bench, plain):
    figure = show.plot_code_tree(bench, plain)
    assert "Without categories" in figure.layout.title.subtitle.text.replace("<br>", " ") and len(figure.data) == 1
    check_literal(figure)
    ids = CodeInspector(bench, plain, bench.vectors("text"), "text")
    assert "no categories" in show.table(ids.unseen_accuracy()).caption and not len(ids.unseen_accuracy())
    assert "mostly" not in show.table_code_path(bench, plain, 1).names
    assert "category" not in ids.compare_controls() and "next item shares it" in ids.compare_controls()


def test_code_usage_counts_items(codes):
    figure = show.plot_code_usage(codes)
    assert [sum(trace.y) for trace in figure.data] == [codes.n_items] * diagnose.content_levels(codes)
    lazy = item_codes(np.array([[0], [0], [1]]), (4,), np.array(list("abc"), object))
    assert show.plot_code_usage(lazy).layout.title.text.startswith("2 of 4 codes are never used")


def test_code_similarity_draws_a_line_a_kind(world, codes):
    kinds = diagnose.with_control_codes(codes, world.dataset)
    figure = show.plot_code_similarity(world.vectors("text"), kinds)
    assert [trace.name for trace in figure.data] == list(kinds)
    assert figure.data[0].y[1] > figure.data[-1].y[1]
    assert not show.plot_code_similarity(np.zeros((codes.n_items + 1, 2)), kinds).data


def test_the_code_path_narrows_down_to_the_item(world, codes):
    item = inspect_codes(world, size=16).example_item()
    table = show.table_code_path(world, codes, item)
    left = [int(row[1]) for row in table.cells]
    assert left[0] == codes.n_items and left == sorted(left, reverse=True) and left[-1] == 1
    assert left[diagnose.content_levels(codes) - 1] > 1 and table.cells[-1][0] == codes.code_string(item)
    rows = show.table_prefix(world, codes, tuple(codes.codes[item, :2])).cells
    assert codes.code_string(item) in [row[0] for row in rows]
    with pytest.raises(UserError, match="no item's code begins with 99"):
        show.table_prefix(world, codes, (99,))


def test_neighbours_and_cards(world, codes, bench, plain):
    vectors = world.vectors("text")
    rows = show.table_nearest_items(world, vectors, 5, codes=codes, k=3).cells
    cosine = vectors[1:] @ vectors[5]
    assert rows[0][:2] == ["1.00", codes.code_string(5)] and len(rows) == 4
    assert float(rows[1][0]) == pytest.approx(np.sort(cosine)[-2], abs=0.006)
    assert "zero vector" in show.table_nearest_items(world, np.zeros_like(vectors), 5).caption
    for table in (show.table(ItemIndex(bench).properties(1)),
                  show.table_code_path(bench, plain, 1), show.table_prefix(bench, plain, ()),
                  show.table_collisions(bench, plain),
                  show.table_nearest_items(bench, bench.vectors("text"), 1, codes=plain)):
        assert {tag for tag, _ in Cells(table._repr_html_()).tags} <= {*TABLE, "p"}


def test_collisions_show_the_largest_group(world):
    codes = world.codes(size=4, levels=2)
    table = show.table_collisions(world, codes, n=150)
    names = {row[0].rpartition("-")[0] for row in table.cells}
    assert len(names) == 1 and len(table.cells) == diagnose.collision_table(codes).loc["largest"].iloc[0]
    alone = world.codes("hash", size=256, levels=4)
    assert "No two items" in repr(show.table_collisions(world, alone))


def test_the_menus_of_codes_update(world, codes):
    item = inspect_codes(world, size=16).example_item()
    upper, lower, third, page = explorers._prefix_widgets(world, codes, int(codes.codes[item, 0])).children
    first = page.value
    assert f"begin with {codes.codes[item, 0]}" in first
    lower.value = int(codes.codes[item, 1])
    assert page.value != first and "-".join(map(str, codes.codes[item, :2])) in page.value
    third.value = int(codes.codes[item, 2])
    assert page.value == show.table_prefix(world, codes, tuple(codes.codes[item, :3]))._repr_html_()
    upper.value = next(code for _, code in upper.options if code != upper.value)
    assert lower.value == third.value == -1 and [code for _, code in third.options] == [-1]
    assert f"begin with {upper.value}" in page.value
    assert {tag for tag, _ in Cells(page.value).tags} == {*TABLE, "p"}

"""The tree of items: numbers, depths, roots, words; errors that name what is wrong; a placebo that keeps the shape."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench import experiment
from workbench.data import assemble, datasets
from workbench.errors import UserError
from workbench.recommenders.graphs.item_tree import item_tree, words_of_nodes
from workbench.stages import drawing

FILES = ("p/a/one.py", "p/a/two.py", "p/b/one.py", "q/three.py")
TREE = {"p/a/one.py": "p/a/", "p/a/two.py": "p/a/", "p/b/one.py": "p/b/", "q/three.py": "q/", "p/a/": "p/",
        "p/b/": "p/", "p/": None, "q/": None}  # fmt: skip


def small(**changes):
    """Four files that two users have, with their folders; changes: other parents by child, such as p="q/"."""
    events = pd.DataFrame({"user": list("aabb"), "item": FILES})
    texts = pd.DataFrame({"raw_id": FILES, "text": [name.replace("/", " ").replace(".", " ") for name in FILES]})
    parents = {**TREE, **changes}
    table = pd.DataFrame({"child": list(parents), "parent": list(parents.values())})
    return replace(assemble("small", events, items=texts), tables={"tree": table})


def test_numbers_depths_and_roots():
    data = small()
    tree = item_tree(data)
    assert tree.names[:4].tolist() == data.items["raw_id"].tolist() and len(tree.names) == 8
    above = {name: tree.names[number] if number >= 0 else None for name, number in zip(tree.names, tree.parent)}
    assert above == TREE
    assert dict(zip(tree.names, tree.depths())) == {name: len(name.rstrip("/").split("/")) - 1 for name in TREE}
    assert {name: tree.names[root] for name, root in zip(tree.names, tree.roots())} == {
        name: f"{name[0]}/" for name in TREE}  # fmt: skip


def test_the_order_of_the_table_does_not_matter_and_its_content_is_in_keys():
    keys = []
    for data in (small(), small(), small(**{"p/b/": "q/"})):
        if len(keys) == 1:
            data = replace(data, tables={"tree": data.tables["tree"][::-1].reset_index(drop=True)})
        with drawing() as drawn:
            item_tree(data)
        keys.append(drawn)
    assert keys[0] == keys[1] != keys[2] and list(keys[0]) == ["tree"]


@pytest.mark.parametrize(("changes", "message"), [
    ({"p/": "p/a/"}, "nodes are above themselves"), ({"q/": "q/"}, "nodes are above themselves"),
    ({"p/b/": "r/"}, "the parent of 1 nodes of table 'tree' is no node, such as 'r/'"),
])  # fmt: skip
def test_a_bad_tree_is_one_error(changes, message):
    with pytest.raises(UserError, match=message):
        item_tree(small(**changes)).depths()


def test_missing_items_and_two_parents():
    data = small()
    table = data.tables["tree"]
    with pytest.raises(UserError, match="1 of 4 items are no node of table 'tree', such as 'q/three.py'"):
        item_tree(replace(data, tables={"tree": table[table["child"] != "q/three.py"]}))
    with pytest.raises(UserError, match="1 nodes with two parents"):
        item_tree(replace(data, tables={"tree": pd.concat([table, table[:1].assign(parent="q/")])}))
    with pytest.raises(UserError, match=r"unknown table 'tree'.*bundled with code-sciml, synthetic-files"):
        item_tree(experiment.open_bench("synthetic", profile="smoke", options={"users": 60}).dataset)


def test_the_placebo_keeps_depths_and_numbers_of_children():
    tree = item_tree(datasets.load("synthetic-files", users=100))
    moved = tree.permuted(np.random.default_rng(0))
    assert np.array_equal(moved.depths(), tree.depths()) and np.array_equal(moved.names, tree.names)
    children = [np.bincount(each.parent[each.parent >= 0], minlength=len(each.parent)) for each in (tree, moved)]
    assert np.array_equal(*children)
    assert (moved.parent != tree.parent)[tree.depths() == 3].mean() > 0.9


def test_words_of_files_and_folders_are_one_space():
    data = small()
    tree = item_tree(data)
    words = words_of_nodes(data, tree, 12, 0)
    row = dict(zip(tree.names, words))
    assert words.shape == (8, 12) and words.dtype == np.float32
    alike = {(a, b): float(row[a] @ row[b]) for a in TREE for b in TREE}
    assert alike["p/a/one.py", "p/b/one.py"] > alike["p/a/one.py", "q/three.py"]
    assert alike["q/", "q/"] == 0, "a folder of one letter has no word that counts"
    named = small()
    named.items["text"] = named.items["text"] + " queue"
    table = pd.DataFrame({"child": [*TREE, "io_queue/"], "parent": [*TREE.values(), None]})
    named = replace(named, tables={"tree": table})
    tree = item_tree(named)
    row = dict(zip(tree.names, words_of_nodes(named, tree, 12, 0)))
    assert row["io_queue/"] @ row["p/a/one.py"] > 0.1

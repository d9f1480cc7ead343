"""The trie contains exactly the catalogue: children, counts and groups against dictionaries of prefixes."""
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tokens import trie


@st.composite
def catalogues(draw):
    """Codes (I+1, L), few enough a level that collisions are common, and their sizes."""
    sizes = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    items = draw(st.lists(st.tuples(*[st.integers(0, size - 1) for size in sizes]), min_size=1, max_size=40))
    return np.array([(-1,) * len(sizes), *items], np.int32), sizes


def node_of_prefix(tree, codes):
    """The node a prefix leads to, or -1."""
    node = 0
    for level, code in enumerate(codes):
        node = int(tree.children[level][node, code])
        if node < 0:
            return -1
    return node


@given(catalogues())
@settings(deadline=None, max_examples=80)
def test_it_is_the_catalogue(catalogue):
    codes, sizes = catalogue
    tree = trie.build_trie(codes, sizes)
    items = [tuple(row) for row in codes[1:].tolist()]
    for depth in range(len(sizes) + 1):
        expected = Counter(item[:depth] for item in items)
        result = {tree.prefix(depth, node): int(n) for node, n in enumerate(tree.counts[depth])}
        assert result == expected, "prefixes and how many items are under each"
        assert list(result) == sorted(result), "nodes are in the order of their prefixes"
        for node, prefix in enumerate(result):
            assert node_of_prefix(tree, prefix) == node
            assert sorted(tree.items(depth, node)) == [i for i, item in enumerate(items, 1) if item[:depth] == prefix]
    for item, row in enumerate(items, 1):
        assert tree.node[item].tolist() == [node_of_prefix(tree, row[:depth]) for depth in range(len(sizes) + 1)]
    assert (tree.node[0] == -1).all()


@given(catalogues())
@settings(deadline=None, max_examples=60)
def test_only_codes_that_lead_to_an_item_are_allowed(catalogue):
    codes, sizes = catalogue
    tree = trie.build_trie(codes, sizes)
    prefixes = {tuple(row[: depth + 1]) for row in codes[1:].tolist() for depth in range(len(sizes))}
    for level, table in enumerate(tree.children):
        assert table.shape == (len(tree.counts[level]), sizes[level])
        for node in range(len(table)):
            allowed = {code for code in range(sizes[level]) if (*tree.prefix(level, node), code) in prefixes}
            assert set(np.flatnonzero(table[node] >= 0).tolist()) == allowed


@given(catalogues())
@settings(deadline=None, max_examples=60)
def test_groups_are_items_of_equal_codes_in_the_order_of_ids(catalogue):
    codes, sizes = catalogue
    tree = trie.build_trie(codes, sizes)
    for a in range(1, len(codes)):
        for b in range(1, len(codes)):
            assert (tree.group[a] == tree.group[b]) == bool((codes[a] == codes[b]).all())
    assert tree.group[0] == -1 and sorted(tree.order) == list(range(1, len(codes)))
    assert np.array_equal(tree.group_size, np.bincount(tree.group[1:]))
    for group in range(len(tree.group_size)):
        assert (np.diff(tree.items(len(sizes), group)) > 0).all()


def test_by_hand():
    tree = trie.build_trie(np.array([[-1, -1], [1, 0], [0, 2], [1, 0], [1, 1]]), (2, 3))
    assert [table.tolist() for table in tree.children] == [[[0, 1]], [[-1, -1, 0], [1, 2, -1]]]
    assert [count.tolist() for count in tree.counts] == [[4], [1, 3], [1, 2, 1]]
    assert tree.order.tolist() == [2, 1, 3, 4] and tree.group.tolist() == [-1, 1, 0, 1, 2]
    assert tree.group_size.tolist() == [1, 2, 1] and tree.items(1, 1).tolist() == [1, 3, 4]
    assert (tree.prefix(0, 0), tree.prefix(1, 1), tree.prefix(2, 2)) == ((), (1,), (1, 1))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_full_sized_catalogue(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (12_000, 3))
    rows[:50] = rows[50:100]
    tree = trie.build_trie(np.concatenate([[[-1, -1, -1]], rows]), (256, 256, 256))
    unique, count = np.unique(rows, axis=0, return_counts=True)
    assert np.array_equal(tree.group_size, count)
    assert [tree.prefix(3, node) for node in (0, 5_000, len(unique) - 1)] == [
        tuple(map(int, unique[at])) for at in (0, 5_000, len(unique) - 1)
    ]
    assert all(len(counts) == (table >= 0).sum() for counts, table in zip(tree.counts[1:], tree.children))

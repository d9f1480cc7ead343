"""Friends: the graph of a table, its views by hand and at random, the placebo, and the world where they are planted."""
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

import workbench as wb
from workbench.data import datasets
from workbench.data.schema import assemble
from workbench.data.tables import attach_tables
from workbench.errors import UserError
from workbench.recommenders.graphs.friends import friend_matrix, social_views
from workbench.stages import drawing


def symmetric(rng: np.random.Generator, n: int, density: float) -> csr_matrix:
    upper = np.triu(rng.random((n, n)) < density, 1)
    return csr_matrix((upper | upper.T).astype(float))


def test_the_table_becomes_a_symmetric_matrix():
    events = pd.DataFrame({"user": list("abcd"), "item": list("xyxy")})
    links = pd.DataFrame({"user": list("abbcz"), "friend": list("bacca")})  # both ways, one way, itself, unknown
    dataset = attach_tables(assemble("tiny", events, order="none"), {"social": links})
    found = friend_matrix(dataset, 4)
    of = dict(zip(dataset.users["raw_id"], dataset.users.index))
    expected = np.zeros((5, 5))
    for a, b in ("ab", "bc"):
        expected[of[a], of[b]] = expected[of[b], of[a]] = 1
    assert np.array_equal(found.toarray(), expected)
    fewer = friend_matrix(dataset, 2).toarray()
    assert fewer.shape == (3, 3) and np.array_equal(fewer[:2, :2], expected[:2, :2]) and not fewer[2].any()


def test_other_friends_are_another_key():
    bench = wb.open_bench("synthetic-social", profile="smoke", options={"users": 60, "items": 40})
    fewer = replace(bench.dataset, tables={"social": bench.dataset.tables["social"].iloc[2:]})
    keys = []
    for dataset in (bench.dataset, fewer):
        with drawing() as drawn:
            friend_matrix(dataset, bench.split.n_users)
        keys.append(drawn["social"])
    assert keys[0] != keys[1]


def test_a_dataset_without_friends_is_refused():
    dataset = wb.open_bench("synthetic", profile="smoke", options={"users": 30, "items": 30}).dataset
    with pytest.raises(UserError, match="no table 'social'|table.*social.*bundled with lastfm"):
        friend_matrix(dataset, 30)


def test_views_by_hand():
    """Users 0, 1, 2 are friends, 3 is one of 2 only; 0 and 1 have items 1 and 2, 2 and 3 have item 1."""
    friends = np.zeros((4, 4))
    for a, b in ((0, 1), (0, 2), (1, 2), (2, 3)):
        friends[a, b] = friends[b, a] = 1
    items = np.array([[0, 1, 1], [0, 1, 1], [0, 1, 0], [0, 1, 0]], float)
    friend, sharing = social_views(csr_matrix(friends), csr_matrix(items))
    common = np.array([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]], float)  # 3 is in no triangle
    shared = np.array([[1, 2, 1, 0], [2, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 1]], float)
    for view, counts in ((friend, common), (sharing, shared)):
        degree = counts.sum(1)
        assert np.allclose(view.toarray(), counts / np.sqrt(np.outer(degree, degree)))


def test_views_are_the_products_of_dense_matrices():
    rng = np.random.default_rng(0)
    friends, items = symmetric(rng, 40, 0.15), csr_matrix((rng.random((40, 30)) < 0.2).astype(float))
    for view, product in zip(social_views(friends, items), (friends @ friends, items @ items.T)):
        counts = product.toarray() * friends.toarray() + np.eye(40)
        degree = counts.sum(1)
        assert np.allclose(view.toarray(), counts / np.sqrt(np.outer(degree, degree)))


def test_without_links_the_views_are_the_identity():
    items = csr_matrix((np.random.default_rng(0).random((6, 4)) < 0.5).astype(float))
    for view in social_views(csr_matrix((6, 6)), items):
        assert np.array_equal(view.toarray(), np.eye(6))


def test_rewired_friends_are_as_many_and_others():
    dataset = datasets.load("synthetic-social", users=240)
    friends = friend_matrix(dataset, 200)
    found, again = (friend_matrix(dataset, 200, rewire=np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(found.sum(0), friends.sum(0)) and np.array_equal(found.sum(1), friends.sum(1))
    assert found.max() == 1 and not found.diagonal().any() and (found != found.T).nnz == 0
    assert found.multiply(friends).nnz < 0.2 * friends.nnz and (found != again).nnz == 0


def test_planted_friends_share_what_they_have():
    dataset = datasets.load("synthetic-social", users=240)
    friends = friend_matrix(dataset, 240)[:240, :240]
    others = friend_matrix(dataset, 240, rewire=np.random.default_rng(0))[:240, :240]
    events = dataset.interactions.drop_duplicates(["user", "item"])
    items = csr_matrix((np.ones(len(events)), (events["user"], events["item"])), (240, dataset.n_items + 1))
    in_common = (items @ items.T).toarray()
    means = [in_common[links.nonzero()].mean() for links in (friends, others)]
    assert means[0] > 2 * means[1] and (friends != friends.T).nnz == 0
    triangles = [(links @ links).multiply(links).nnz for links in (friends, others)]
    assert triangles[0] > 3 * triangles[1]
    with pytest.raises(UserError, match="items must be at least 25"):
        datasets.load("synthetic-social", items=10)

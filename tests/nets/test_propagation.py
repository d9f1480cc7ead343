"""Propagation: against dense products forward and backward, a masked edge, a graph by hand, and other node ids."""
import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random_array

from workbench.nets.propagation import (
    NORMALISATIONS,
    Edges,
    mean_of,
    mean_propagation,
    normalise,
    propagate,
    user_item_edges,
)


@pytest.fixture
def edges():
    return Edges(csr_matrix(random_array((9, 7), density=0.4, rng=np.random.default_rng(0), dtype=np.float64)))


def dense(edges: Edges) -> torch.Tensor:
    matrix = torch.zeros(edges.shape)
    matrix[edges.row.long(), edges.column.long()] = edges.values
    return matrix


def test_a_product_and_its_gradients_are_those_of_the_dense_matrix(edges):
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    values = edges.values.clone().requires_grad_()
    towards = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    (edges(x, values) * towards).sum().backward()
    found = x.grad.clone(), values.grad.clone()
    x.grad, matrix = None, dense(edges).requires_grad_()
    (matrix @ x * towards).sum().backward()
    assert torch.allclose(found[0], x.grad, atol=1e-6)
    assert torch.allclose(found[1], matrix.grad[edges.row.long(), edges.column.long()], atol=1e-6)
    assert torch.allclose(edges(x), dense(edges) @ x, atol=1e-6)


def test_a_masked_edge_has_no_influence(edges):
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(len(edges.values))
    mask[4] = 0
    row, column = int(edges.row[4]), int(edges.column[4])
    moved = x.clone().requires_grad_()
    edges(moved, edges.values * mask)[row].sum().backward()
    assert (moved.grad[column] == 0).all()
    other = x.clone()
    other[column] += 7
    assert torch.equal(edges(other, edges.values * mask)[row], edges(x, edges.values * mask)[row])


def test_two_users_and_an_item_by_hand():
    """Users 0 and 1 have item 1, user 1 item 2: degrees 1, 2 and 2, 1; rows are users 0, 1, unknown, items 0, 1, 2."""
    matrix = user_item_edges(np.array([0, 1, 1, 0]), np.array([1, 1, 2, 1]), 2, 2)
    expected = np.zeros((6, 6))
    for a, b, weight in ((0, 4, 1 / np.sqrt(2)), (1, 4, 0.5), (1, 5, 1 / np.sqrt(2))):
        expected[a, b] = expected[b, a] = weight
    assert np.allclose(matrix.toarray(), expected)
    x = torch.eye(6)
    layers = propagate(Edges(matrix), x, 2)
    assert torch.allclose(layers[2][0], torch.tensor([0.5, 0.125**0.5, 0, 0, 0, 0]), atol=1e-6)
    assert torch.allclose(mean_of(layers)[0], (x[0] + layers[1][0] + layers[2][0]) / 3)
    doubled = propagate(Edges(matrix), x, 1, after=lambda layer, n: layer * 2)
    assert torch.equal(doubled[1], layers[1] * 2)


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_mean_of_layers_without_holding_them(layers):
    rng = np.random.default_rng(0)
    edges = Edges(csr_matrix(random_array((8, 8), density=0.4, rng=rng)))  # not symmetric
    x = torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32)).requires_grad_()
    towards = torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))
    found, gradients = [], []
    for mean in (mean_of(propagate(edges, x, layers)), mean_propagation(edges, x, layers)):
        x.grad = None
        (mean * towards).sum().backward()
        found.append(mean), gradients.append(x.grad)
    assert torch.allclose(*found, atol=1e-6) and torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("how", NORMALISATIONS)
def test_normalisations_keep_empty_rows(how):
    matrix = csr_matrix(np.array([[0, 1, 1], [0, 0, 0], [2, 0, 0]], float))
    found = normalise(matrix, how).toarray()
    assert np.isfinite(found).all() and (found[1] == 0).all()
    if how == "row":
        assert np.allclose(found.sum(1), [1, 0, 1])


def test_other_ids_give_the_same_vectors():
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 6, 20), rng.integers(1, 6, 20)
    shuffled = rng.permutation(6)
    x = torch.randn(13, 4, generator=torch.Generator().manual_seed(0))
    place = torch.from_numpy(np.concatenate([shuffled, np.arange(6, 13)]))
    moved = torch.empty_like(x)
    moved[place] = x
    plain = propagate(Edges(user_item_edges(users, items, 6, 5)), x, 3)[-1]
    other = propagate(Edges(user_item_edges(shuffled[users], items, 6, 5)), moved, 3)[-1]
    assert torch.allclose(other[place], plain, atol=1e-6)

"""Attention over a tree: by hand, without edges, with other node ids, far logits, and how far a layer looks."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.sparse import eye_array

from workbench.nets.graphs.tree_attention import AttentionLayer, TreeAttention, attention_weights, tree_matrix
from workbench.nets.propagation import Edges

PARENT = np.array([-1, 0, 0, 1, 1, 3, 2, -1])  # two roots, depth 3


def attention(matrix, layers: int = 2, seed: int = 0) -> TreeAttention:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TreeAttention(matrix, 5, 4, layers)


def features(n: int = len(PARENT)) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(1))


def test_a_layer_of_three_nodes_by_hand():
    """A root 0 with children 1 and 2: values 1, 2, 3, scores of nodes a = 1, of neighbours b = -1."""
    edges, layer = Edges(tree_matrix(np.array([-1, 0, 0]))), AttentionLayer(1)
    with torch.no_grad():
        layer.value.weight[:], layer.of_node[:], layer.of_neighbour[:] = 1.0, 1.0, -1.0
    h = torch.tensor([[1.0], [2.0], [3.0]])
    # logits of 0: to 0, 1, 2 = LeakyReLU(0, -1, -2) = 0, -.2, -.4; of 1: to 0, 1 = 1, 0; of 2: to 0, 2 = 2, 0
    at_root = np.exp([0, -0.2, -0.4])
    expected = [at_root @ [1, 2, 3] / at_root.sum(), (np.e + 2) / (np.e + 1), (np.exp(2) + 3) / (np.exp(2) + 1)]
    assert layer(edges, h)[:, 0].tolist() == pytest.approx(expected, abs=1e-6)


def test_layers_are_the_dense_ones():
    made, x = attention(tree_matrix(PARENT)), features()
    near = torch.from_numpy(tree_matrix(PARENT).toarray() > 0)
    h = x @ made.project.weight.T
    for layer in made.layers:
        v = h @ layer.value.weight.T
        logits = F.leaky_relu(v @ layer.of_node + (v @ layer.of_neighbour).T, 0.2).masked_fill(~near, -torch.inf)
        h = h + F.elu(logits.softmax(1) @ v)
    assert torch.allclose(made(x), h, atol=1e-6)
    parameters = list(made.parameters())
    for ours, dense in zip(*(torch.autograd.grad(out.square().sum(), parameters) for out in (made(x), h)), strict=True):
        assert torch.allclose(ours, dense, atol=1e-4)


def test_without_edges_there_is_only_the_node_itself():
    made, x = attention(eye_array(len(PARENT), format="csr")), features()
    alone = torch.stack([attention(eye_array(1, format="csr"))(row[None])[0] for row in x])
    assert torch.allclose(made(x), alone, atol=1e-6)
    assert not torch.allclose(attention(tree_matrix(PARENT))(x), alone, atol=1e-2)
    flat = attention(tree_matrix(PARENT), layers=0)
    assert torch.allclose(flat(x), x @ flat.project.weight.T)


def test_other_node_ids_give_the_same_vectors():
    x, place = features(), np.random.default_rng(0).permutation(len(PARENT))
    parent = np.empty_like(PARENT)
    parent[place] = np.where(PARENT >= 0, place[PARENT], -1)
    moved = torch.empty_like(x)
    moved[torch.from_numpy(place)] = x
    assert torch.allclose(attention(tree_matrix(parent))(moved)[torch.from_numpy(place)],
                          attention(tree_matrix(PARENT))(x), atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_layer_looks_one_edge_further(layers):
    made, x = attention(tree_matrix(PARENT), layers), features().requires_grad_()
    made(x)[5].sum().backward()
    seen = set(x.grad.any(1).nonzero()[:, 0].tolist())
    assert seen == [{5, 3}, {5, 3, 1}, {5, 3, 1, 4, 0}][layers - 1]


def test_weights_sum_to_one_and_do_not_overflow():
    edges = Edges(tree_matrix(PARENT))
    of_node, of_neighbour = 1e3 * features()[:, :1], 1e3 * features()[:, 1:2]
    weights = attention_weights(edges, of_node, of_neighbour)
    sums = torch.zeros(len(PARENT)).index_add(0, edges.row.long(), weights)
    assert torch.allclose(sums, torch.ones(len(PARENT))) and (weights >= 0).all()


def test_every_parameter_learns():
    made = attention(tree_matrix(PARENT))
    made(features()).square().sum().backward()
    assert all(p.grad.any() for p in made.parameters())

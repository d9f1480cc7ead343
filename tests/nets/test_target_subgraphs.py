"""Target-specific subgraphs: the nodes of a tree, plain attention as the special case, and what a pair can change."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.data.links.knowledge_graph import Triples, both_directions
from workbench.nets.knowledge.target_subgraphs import (
    ConditionalAttention,
    TreeReader,
    expand,
    kept_offsets,
    strongest,
    trees,
)

D = 4
# items 1..3, entities 4 and 5, users 6..8; relation 0 is of the knowledge graph, 1 of the users
TRIPLES = Triples(
    np.array([1, 2, 2, 3, 6, 6, 7, 7, 8]), np.array([0, 0, 0, 0, 1, 1, 1, 1, 1]), np.array([4, 4, 5, 5, 1, 2, 2, 3, 3]),
    3, 8, 2,
)  # fmt: skip


@pytest.fixture
def graph():
    return both_directions(TRIPLES)


@pytest.fixture
def csr(graph):
    return torch.from_numpy(graph.offsets), torch.from_numpy(graph.tails)


def test_the_strongest_links_of_each_node():
    offsets, tails = np.array([0, 0, 3, 4, 8]), np.array([5, 6, 7, 1, 9, 8, 2, 3])
    weights = np.array([0.2, 0.5, 0.3, 1.0, 0.1, 0.4, 0.4, 0.1])
    assert strongest(weights, offsets, tails, 2).tolist() == [1, 2, 3, 5, 6]
    assert strongest(weights, offsets, tails, 3).tolist() == [0, 1, 2, 3, 5, 6, 7], "of equal ones the lower tail"
    assert strongest(weights, offsets, tails, 0).tolist() == list(range(8))
    for k in range(4):
        assert kept_offsets(offsets, k)[-1] == len(strongest(weights, offsets, tails, k))


def test_expansion_lists_the_neighbours(csr):
    found, ends = expand(torch.tensor([6, 0, 2, 6]), *csr)
    assert found.tolist() == [1, 2, 4, 5, 6, 7, 1, 2] and ends.tolist() == [0, 2, 2, 6, 8]


def test_a_tree_by_hand(csr):
    """User 7 and item 1, which have no link: what is one and two links away, with both ends read as roots."""
    n = len(csr[0]) - 1
    tree = trees(torch.tensor([7, 1]), torch.tensor([1, 7]), *csr)
    assert tree.near.tolist() == [2, 3, 4, 6] and tree.near_offsets.tolist() == [0, 2, 4]
    of_near = [part.tolist() for part in tree.far.tensor_split(tree.far_offsets[1:-1])]
    assert of_near == [[4, 5, 6, n], [5, n, 8], [n + 1, 2], [n + 1, 2]], "of 2, 3, 4, 6"


def test_the_link_of_a_pair_is_not_read(csr):
    """User 7 has item 3: neither is near the other, and where they come back two links away they are roots."""
    n = len(csr[0]) - 1
    tree = trees(torch.tensor([7, 3]), torch.tensor([3, 7]), *csr)
    assert tree.near.tolist() == [2, 5, 8] and tree.near_offsets.tolist() == [0, 1, 3]
    of_near = [part.tolist() for part in tree.far.tensor_split(tree.far_offsets[1:-1])]
    assert of_near == [[4, 5, 6, n], [2, n + 1], [n + 1]], "of 2, 5, 8"


def dense_layer(layer: ConditionalAttention, x: torch.Tensor, graph) -> torch.Tensor:
    """Plain graph attention over all links, one node after the other."""
    rows = []
    for head in range(len(x)):
        tails = graph.tails[graph.heads == head]
        values = layer.values(x[tails])
        logits = layer.of_head(layer.values(x[head])) + layer.of_tail(values)[:, 0]
        read = F.leaky_relu(logits, 0.2).softmax(0) @ values if len(tails) else torch.zeros(D)
        rows.append(F.leaky_relu(x[head] + read, 0.2))
    return torch.stack(rows)


@pytest.mark.parametrize("conditioned", [False, True], ids=["no condition", "condition of weight zero"])
def test_without_a_condition_and_with_all_links_it_is_plain_attention(graph, csr, conditioned):
    torch.manual_seed(0)
    reader, x = TreeReader(D, conditioned=conditioned), torch.randn(len(graph.offsets) - 1, D)
    if conditioned:
        for layer in reader.layers:
            torch.nn.init.zeros_(layer.of_pair.weight)
    roots = torch.tensor([6, 7, 8, 0, 3, 1, 2, 3])  # users and an unknown one, and items they do not have
    found = reader(x, x[roots], trees(roots, roots.roll(4), *csr), torch.randn(8, 2 * D))
    expected = dense_layer(reader.layers[1], dense_layer(reader.layers[0], x, graph), graph)
    assert torch.allclose(found, expected[roots], atol=1e-5)


def test_the_order_of_neighbours_does_not_matter(graph, csr):
    torch.manual_seed(0)
    reader, x = TreeReader(D), torch.randn(len(graph.offsets) - 1, D)
    shuffled = np.lexsort((np.random.default_rng(0).random(len(graph.heads)), graph.heads))
    roots, pairs = torch.tensor([6, 7, 2, 1]), torch.randn(2, 2 * D).repeat(2, 1)
    given = [trees(roots, roots.roll(2), csr[0], tails) for tails in (csr[1], csr[1][shuffled])]
    found = [reader(x, x[roots], each, pairs) for each in given]
    assert not np.array_equal(graph.tails, graph.tails[shuffled]) and torch.allclose(*found, atol=1e-6)


def test_a_pair_changes_the_attention_by_the_kink_alone():
    """A head that reads two tails: while both logits are above zero the pair changes nothing; far below it, their
    difference counts a fifth, so the attention is flatter, and its order is never another."""
    torch.manual_seed(0)
    layer, heads, tails = ConditionalAttention(D), torch.randn(1, D), torch.randn(2, D)
    at, offsets = torch.arange(2), torch.tensor([0, 2])

    def weight_of_first(shift: float) -> float:
        with torch.no_grad():
            torch.nn.init.zeros_(layer.of_pair.weight)
            layer.of_pair.weight[0, 0] = shift
            read = layer(heads, tails, at, offsets, torch.ones(1, 2 * D))
            values = layer.values(tails)
            share = torch.linspace(0, 1, 2001)[:, None]
            mixes = F.leaky_relu(heads + share * values[0] + (1 - share) * values[1], 0.2)
            return share[(mixes - read).square().sum(1).argmin(), 0].item()

    high, higher, low = (weight_of_first(shift) for shift in (50.0, 90.0, -50.0))
    assert high == pytest.approx(higher, abs=1e-3) and abs(low - 0.5) < abs(high - 0.5)
    assert (low - 0.5) * (high - 0.5) > 0


def test_gradients_reach_every_weight(graph, csr):
    torch.manual_seed(0)
    reader, x = TreeReader(D), torch.randn(len(graph.offsets) - 1, D, requires_grad=True)
    roots, pairs = torch.tensor([6, 7, 3, 1]), torch.randn(2, 2 * D).repeat(2, 1)
    reader(x, x[roots], trees(roots, roots.roll(2), *csr), pairs).square().sum().backward()
    assert all(p.grad.any() for p in reader.parameters()) and torch.isfinite(x.grad).all()
    x.grad = None
    far_away = reader(x, x[roots].detach(), trees(roots, roots.roll(2), *csr), pairs)[3]  # item 1
    far_away.sum().backward()
    assert (x.grad[8] == 0).all() and x.grad[2].any(), "user 8 is three links from item 1, item 2 is two"

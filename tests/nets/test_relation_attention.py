"""Attention over links: against a loop, uniform and masked, and under other orders of links and other ids."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from workbench.data.links.knowledge_graph import Triples, both_directions
from workbench.nets.knowledge.relation_attention import Links, RelationAttention, segment_softmax

N, R, D = 9, 3, 4


def graph(heads, relations, tails, n: int = N):
    """Links given in one direction, in both, of entities 0 (padding) to n - 1."""
    return both_directions(Triples(*(np.asarray(ids) for ids in (heads, relations, tails)), 1, n - 1, R))


def random_triples(seed: int = 0, n: int = 14):
    """Entity 0 and N - 1 have no link; some links join the same two by several relations."""
    rng = np.random.default_rng(seed)
    heads = rng.integers(1, N - 1, n)
    tails = 1 + (heads - 1 + rng.integers(1, N - 2, n)) % (N - 2)
    triples = np.unique(np.stack([heads, rng.integers(0, R, n), tails]), axis=1)
    return np.concatenate([triples, [[1, 1], [0, 1], [2, 2]]], axis=1)


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return RelationAttention(2 * R, D, dropout=0.0)


@pytest.fixture
def entities():
    return torch.randn(N, D, generator=torch.Generator().manual_seed(1), requires_grad=True)


def test_the_softmax_of_segments_is_that_of_each():
    logits = torch.tensor([3.0, 1.0, 1000.0, -2.0, 0.0, 2.0], requires_grad=True)
    found = segment_softmax(logits, torch.tensor([0, 0, 2, 3, 3, 6]))
    expected = torch.cat([logits[:2].softmax(0), logits[2:3].softmax(0), logits[3:].softmax(0)])
    assert torch.allclose(found, expected)
    towards = torch.arange(6.0)
    gradients = [torch.autograd.grad((each * towards).sum(), logits)[0] for each in (found, expected)]
    assert torch.allclose(*gradients, atol=1e-6)


def test_two_links_by_hand():
    """Head 1 with tails 2 and 3, relations that double and negate the first number: logits 2 (1 + 1) and -(1 + 0)."""
    layer = RelationAttention(2 * R, 1, dropout=0.0)
    links = Links(graph([1, 1], [0, 1], [2, 3], n=4))
    with torch.no_grad():
        layer.mix.weight.fill_(1)
        layer.relation.weight[:3, 0] = torch.tensor([2.0, -1.0, 0.0])
    values = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    expected = torch.tensor([4.0, -0.2]).softmax(0)  # below zero LeakyReLU leaves a fifth
    assert torch.allclose(layer.attention(values, links)[:2], expected)
    assert links.heads.tolist() == [1, 1, 2, 3]


def test_a_layer_is_the_loop_over_entities(layer, entities):
    links = Links(graph(*random_triples()))
    found = layer(entities, links)
    rows = []
    for head in range(N):
        own = (links.heads == head).nonzero()[:, 0]
        pairs = torch.cat([entities[head].expand(len(own), D), entities[links.tails[own]]], dim=1)
        logits = F.leaky_relu((pairs @ layer.mix.weight.T * layer.relation(links.relations[own])).sum(1), 0.2)
        read = entities[head] + logits.softmax(0) @ entities[links.tails[own]]
        rows.append(0.5 * entities[head] + read / read.norm())
    expected = torch.stack(rows)
    assert torch.allclose(found, expected, atol=1e-6)
    towards = torch.randn(N, D, generator=torch.Generator().manual_seed(2))
    for parameter in (entities, layer.mix.weight, layer.relation.weight):
        gradients = [torch.autograd.grad((each * towards).sum(), parameter, retain_graph=True)[0]
                     for each in (found, expected)]  # fmt: skip
        assert torch.allclose(*gradients, atol=1e-5)


def test_uniform_attention_is_the_mean_of_the_neighbours(layer, entities):
    links = Links(graph(*random_triples()))
    with torch.no_grad():
        layer.relation.weight.zero_()
    read = links.edges(entities, layer.attention(entities, links))
    for head in range(N):
        tails = links.tails[links.heads == head]
        expected = entities[tails].mean(0) if len(tails) else torch.zeros(D)
        assert torch.allclose(read[head], expected, atol=1e-6)


def test_a_masked_link_has_no_influence_and_no_gradient(layer, entities):
    """The links of entity 3 with its neighbours are masked, so that what it reads is itself."""
    links = Links(graph(*random_triples()))
    kept = links.heads != 3
    assert (~kept).sum() > 1
    weights = layer.attention(entities, links, kept)
    assert (weights[~kept] == 0).all() and torch.isfinite(weights).all()
    layer(entities, links, kept)[3].sum().backward()
    assert (entities.grad[[e for e in range(N) if e != 3]] == 0).all() and torch.isfinite(entities.grad).all()
    assert layer.mix.weight.grad is None or not layer.mix.weight.grad.any()
    moved = entities.detach().clone()
    moved[links.tails[~kept]] += 1
    assert torch.equal(layer(moved, links, kept)[3], layer(entities, links, kept)[3])


def test_links_in_another_order_give_the_same(layer, entities):
    triples = random_triples()
    other = triples[:, np.random.default_rng(1).permutation(triples.shape[1])]
    assert torch.equal(layer(entities, Links(graph(*other))), layer(entities, Links(graph(*triples))))
    links = Links(graph(*triples))  # and within a segment too, up to the order of a sum
    order = np.lexsort((np.random.default_rng(2).random(len(links.heads)), links.heads.numpy()))
    names = ("heads", "relations", "tails")
    shuffled = SimpleNamespace(offsets=links.offsets, **{name: getattr(links, name)[order] for name in names})
    back = np.argsort(order)
    assert torch.allclose(layer.attention(entities, shuffled)[back], layer.attention(entities, links), atol=1e-6)


def test_other_ids_permute_what_comes_out(layer, entities):
    heads, relations, tails = random_triples()
    place = np.append(0, 1 + np.random.default_rng(3).permutation(N - 1))  # padding stays where it is
    moved = torch.empty(N, D)
    moved[place] = entities.detach()
    found = layer(moved, Links(graph(place[heads], relations, place[tails])))
    assert torch.allclose(found[place], layer(entities, Links(graph(heads, relations, tails))), atol=1e-6)

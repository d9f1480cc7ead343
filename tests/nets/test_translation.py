"""Translation embeddings: distances and attention against a loop, and links that training brings nearer."""
import numpy as np
import pytest
import torch
from torch import nn

from workbench.data.links.knowledge_graph import Triples, both_directions
from workbench.nets.knowledge.relation_attention import Links
from workbench.nets.knowledge.translation import Translations

N, R, D = 8, 2, 3
TRIPLES = Triples(np.array([1, 1, 2, 3, 3, 5]), np.array([0, 1, 0, 1, 0, 0]), np.array([2, 2, 4, 5, 6, 6]), 3, N - 1, R)


@pytest.fixture
def translations():
    torch.manual_seed(0)
    return Translations(2 * R, D)


def test_the_distance_is_that_of_the_projections(translations):
    heads, tails = torch.randn(2, 4, D)
    relations = torch.tensor([0, 3, 1, 0])
    for i, relation in enumerate(relations):
        matrix, step = translations.project[relation], translations.relation.weight[relation]
        expected = (matrix @ heads[i] + step - matrix @ tails[i]).square().sum()
        assert torch.allclose(translations.distance(heads, relations, tails)[i], expected, atol=1e-6)


def test_attention_is_the_loop_over_links(translations):
    links, entities = Links(both_directions(TRIPLES)), torch.randn(N, D)
    logits = []
    for head, relation, tail in zip(links.heads, links.relations, links.tails):
        matrix, step = translations.project[relation], translations.relation.weight[relation]
        logits.append((matrix @ entities[tail]) @ (matrix @ entities[head] + step).tanh())
    expected = [torch.stack([logit for logit, head in zip(logits, links.heads) if head == e]).softmax(0)
                for e in links.heads.unique()]  # fmt: skip
    assert torch.allclose(translations.attention(entities, links), torch.cat(expected), atol=1e-6)


def test_training_brings_the_ends_of_a_link_nearer_than_others(translations):
    entity, links = nn.Embedding(N, D), torch.tensor([[1, 0, 2], [3, 1, 5]])
    others = torch.tensor([7, 7])
    optimiser = torch.optim.SGD([*entity.parameters(), *translations.parameters()], lr=0.1)
    before = translations.loss(entity, links, others).item()
    for _ in range(50):
        optimiser.zero_grad()
        translations.loss(entity, links, others).backward()
        optimiser.step()
    heads, relations, tails = links.T
    near, far = (translations.distance(entity(heads), relations, entity(ends)) for ends in (tails, others))
    assert translations.loss(entity, links, others) < before / 4 and (near < far).all()

"""Attention over neighbours by text: equation, weights that sum to 1, no attention without a difference of texts."""
import torch

from workbench.nets.sequences.neighbour_attention import NeighbourAttention


def attention(dropout: float = 0.0) -> NeighbourAttention:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return NeighbourAttention(6, 4, dropout)


def texts(seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 6, generator=generator), torch.randn(3, 5, 6, generator=generator)


def test_the_weights_are_those_of_the_concatenated_form():
    made, (query, neighbours) = attention(), texts()
    a = torch.cat([made.of_query, made.of_neighbour])[:, 0]
    for row, weights in enumerate(made(query, neighbours)):
        both = [torch.cat([made.project(query[row]), made.project(t)]) @ a for t in neighbours[row]]
        logits = torch.stack([x if x > 0 else 0.2 * x for x in both])
        assert torch.allclose(weights, logits.softmax(0), atol=1e-6)


def test_equal_texts_weigh_the_same_and_others_do_not():
    made, (query, neighbours) = attention(), texts()
    weights = made(query, neighbours)
    assert torch.allclose(weights.sum(1), torch.ones(3)) and weights.std(1).min() > 1e-3
    assert torch.allclose(made(query, neighbours[:, :1].expand(-1, 5, -1)), torch.full((3, 5), 0.2))


def test_dropout_is_on_the_weights_in_training_only():
    made, (query, neighbours) = attention(0.5), texts()
    torch.manual_seed(0)
    dropped, whole = made(query, neighbours), made.eval()(query, neighbours)
    assert (dropped == 0).any() and torch.allclose(dropped[dropped > 0], 2 * whole[dropped > 0])

"""The loss of a pointer network: what each step should have been, what the right choice would have gained."""
import torch
import torch.nn.functional as F

from workbench.losses.pointers import NOTHING, marginal_gains, pointer_labels, weighted_pointer_loss

CHOSEN = torch.tensor([[2, 0, 1, 3], [0, 1, 2, 4], [0, 1, 3, 4]])  # four steps over five candidates
PLACES = torch.tensor([2, 2, 2])  # taken first, third, and not at all


def test_labels_are_the_right_item_until_it_is_taken_and_then_to_stop_once():
    labels = pointer_labels(CHOSEN, PLACES, 5)
    assert labels.tolist() == [[2, 5, NOTHING, NOTHING], [2, 2, 2, 5], [2, 2, 2, 2]]


def test_gains_by_hand():
    """Reciprocal ranks 1, 1/3 and 0 as made; the right item at step k gives 1/k, which stopping there weighs."""
    gains = marginal_gains(CHOSEN, PLACES)
    expected = [[0, 1 / 2, 0, 0], [1 - 1 / 3, 1 / 2 - 1 / 3, 0, 1 / 4], [1, 1 / 2, 1 / 3, 1 / 4]]
    torch.testing.assert_close(gains, torch.tensor(expected))


def test_weights_of_1_are_plain_pointer_cross_entropy():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 6, generator=random)
    labels = pointer_labels(CHOSEN, PLACES, 5)
    plain = sum(F.cross_entropy(logits[row, step][None], labels[row, step][None]) for row in range(3)
                for step in range(4) if labels[row, step] != NOTHING) / 3  # fmt: skip
    found = weighted_pointer_loss(logits, labels, torch.ones(3, 4))
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-7)
    weighted = weighted_pointer_loss(logits, labels, marginal_gains(CHOSEN, PLACES))
    assert not torch.allclose(weighted, plain)


def test_a_right_first_choice_learns_to_stop_alone():
    logits = torch.zeros(1, 4, 6, requires_grad=True)
    chosen, place = CHOSEN[:1], PLACES[:1]
    weighted_pointer_loss(logits, pointer_labels(chosen, place, 5), marginal_gains(chosen, place)).backward()
    assert logits.grad[0, 1].any() and not logits.grad[0, [0, 2, 3]].any()

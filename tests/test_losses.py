"""The losses, and their gradients, against values computed by hand."""
import torch

from workbench.losses.ranking import binary_cross_entropy, bpr, full_softmax, sampled_softmax
from workbench.recommenders.unlearning.given_items import softmax_of_given


def random_inputs(dtype=torch.float64):
    g = torch.Generator().manual_seed(0)
    h = torch.randn(23, 6, generator=g, dtype=dtype, requires_grad=True)
    weight = torch.randn(12, 6, generator=g, dtype=dtype, requires_grad=True)
    return h, weight, torch.randint(1, 12, (23,), generator=g)


def grads(loss, *tensors):
    return [g.clone() for g in torch.autograd.grad(loss, tensors)]


def test_the_chunked_loss_equals_the_plain_loss_and_its_gradients():
    h, weight, targets = random_inputs()
    plain, chunked = full_softmax(h, weight, targets), full_softmax(h, weight, targets, chunk=5)
    torch.testing.assert_close(chunked, plain)
    for a, b in zip(grads(chunked * 3, h, weight), grads(plain * 3, h, weight), strict=True):
        torch.testing.assert_close(a, b)


def test_over_given_items_the_loss_and_the_gradient_of_the_states_are_the_same_bit_for_bit():
    h, weight, targets = random_inputs()
    full, given = full_softmax(h, weight, targets, chunk=5), softmax_of_given(h, weight, targets, chunk=5)
    assert torch.equal(full, given) and torch.equal(grads(full * 3, h)[0], grads(given * 3, h)[0])
    assert torch.autograd.grad(softmax_of_given(h, weight, targets), [weight], allow_unused=True) == (None,)


def test_padding_is_not_a_candidate():
    h, weight, targets = random_inputs()
    for chunk in (0, 5):
        assert not grads(full_softmax(h, weight, targets, chunk=chunk), weight)[0][0].any()


def test_huge_logits_do_not_overflow():
    h, weight, targets = random_inputs(torch.float32)
    torch.testing.assert_close(full_softmax(h * 1e4, weight, targets, chunk=7), full_softmax(h * 1e4, weight, targets))


def test_sampling_every_item_equals_the_full_loss():
    h, weight, targets = random_inputs()
    every_item = torch.arange(1, 12)  # the correction is log(11 / 11) = 0
    torch.testing.assert_close(sampled_softmax(h, weight, targets, every_item), full_softmax(h, weight, targets))


def test_binary_cross_entropy_by_hand():
    h, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0], [2.0, 0.0], [-1.0, 0.0]])
    expected = -torch.sigmoid(torch.tensor(2.0)).log() - torch.sigmoid(torch.tensor(1.0)).log()
    torch.testing.assert_close(binary_cross_entropy(h, weight, torch.tensor([1]), torch.tensor([2])), expected)


def test_bpr_by_hand():
    positive, negative = torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 0.0])
    expected = -(torch.sigmoid(torch.tensor(3.0)).log() + torch.tensor(0.5).log()) / 2
    torch.testing.assert_close(bpr(positive, negative), expected)

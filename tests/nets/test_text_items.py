"""An item table that is computed from frozen vectors: by hand, and with the gradient in the adapter alone."""
import numpy as np
import torch

from workbench.nets.sequences.text_items import TextItems
from workbench.recommenders.text.next_title import Tower, next_title_loss, twin_loss

VECTORS = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0.6, 0.8, 0]], np.float32)


def test_the_table_is_the_adapted_vectors_by_hand():
    items = TextItems(VECTORS, 2)
    with torch.no_grad():
        items.linear.weight.copy_(torch.tensor([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 5.0, 9.0]]))
    by_hand = 2 * torch.tensor([[0, 0], [1, 0], [2, 0], [1.2, 4.0]])  # sqrt(F) = 2
    assert torch.allclose(items.weight, by_hand)
    assert torch.allclose(items(torch.tensor([[3, 0], [1, 2]])), by_hand[torch.tensor([[3, 0], [1, 2]])])


def test_the_gradient_reaches_the_adapter_alone():
    for adapter in ("linear", "bottleneck"):
        items = TextItems(VECTORS, 8, adapter)
        items.weight.square().sum().backward()
        assert all(p.grad.any() for p in items.parameters()) and not items.vectors.requires_grad
        assert not items.weight[0].any()


def test_a_tower_starts_as_the_vectors_themselves():
    x = torch.from_numpy(VECTORS)
    assert torch.allclose(Tower(4)(x), x, atol=1e-6)


def test_the_loss_of_the_next_title_by_hand():
    """Histories of items 1, and of 1 and 2; next items 2 and 3. Cosines with them: 0 and 0, .71 and .42."""
    e = torch.from_numpy(VECTORS)
    past, following = torch.tensor([[1, 0], [1, 2]]), torch.tensor([2, 3])
    cosines = torch.tensor([[0.0, 0.0], [0.5**0.5, 0.6 * 0.5**0.5]]) / 0.5
    by_hand = -(cosines.log_softmax(1).diagonal().mean() + cosines.T.log_softmax(1).diagonal().mean()) / 2
    assert torch.allclose(next_title_loss(e, past, following, 0.5), by_hand, atol=1e-6)


def test_pairs_of_one_next_item_are_no_negatives_of_each_other():
    e = torch.from_numpy(VECTORS)
    past, following = torch.tensor([[1], [2]]), torch.tensor([3, 3])
    assert torch.allclose(next_title_loss(e, past, following, 0.1)[None], -torch.tensor(
        [(torch.tensor([0.5, 0.5]).log().mean() + torch.tensor([0.0, 6.0]).log_softmax(0).mean()) / 2]))  # fmt: skip


def test_twins_of_one_text_are_nearer_than_other_texts():
    torch.manual_seed(0)
    near, far = torch.eye(32), torch.ones(32, 32) + 0.01 * torch.eye(32)
    assert twin_loss(Tower(32), near, 0.2) < 0.5 * twin_loss(Tower(32), far, 0.2)

"""Adapters of domains: 0 at the start, each reads its own domain alone and nothing later, and all of it is trained."""
import pytest
import torch
from torch import Tensor

from workbench.nets.sequences.adapters import Bottleneck, DomainAdapters, by_domain_of_item
from workbench.nets.transformer import SequenceEncoder

WIDTH, LENGTH = 8, 6
DOMAINS = torch.tensor([0, 0, 0, 0, 1, 1, 1])  # items 1 to 3, and 4 to 6
ITEMS = torch.tensor([[1, 4, 2, 3, 5, 6], [4, 5, 1, 0, 0, 0], [6, 5, 4, 4, 0, 0]])


def network(*, trained: bool, dropout: float = 0.0) -> DomainAdapters:
    torch.manual_seed(0)
    encoder = SequenceEncoder(6, width=WIDTH, layers=2, heads=2, feedforward=16, max_length=LENGTH, dropout=dropout)
    module = DomainAdapters(encoder, DOMAINS, 2, bottleneck=4, dropout=dropout)
    with torch.no_grad():
        encoder.item.weight.mul_(40)
        encoder.position.weight.mul_(40)
        if trained:
            for parameter in [*module.positions, *module.adapters.parameters()]:
                parameter.copy_(torch.randn_like(parameter))
    return module.eval()


def test_a_bottleneck_by_hand():
    adapter = Bottleneck(2, 1, 0.0)
    x = Tensor([[1.0, 2.0], [-3.0, 1.0]])
    assert torch.equal(adapter(x), torch.zeros(2, 2)) and adapter.down.weight.any()
    with torch.no_grad():
        adapter.down.weight.copy_(Tensor([[2.0, 1.0]]))
        adapter.down.bias.fill_(0.5)
        adapter.up.weight.copy_(Tensor([[3.0], [-1.0]]))
        adapter.up.bias.fill_(0.25)
    # relu(2 + 2 + .5) = 4.5 and relu(-6 + 1 + .5) = 0
    assert torch.equal(adapter(x), Tensor([[13.75, -4.25], [0.25, 0.25]]))


def test_untrained_adapters_leave_every_state_to_the_last_bit():
    module = network(trained=False)
    h = module.encoder(ITEMS)
    assert torch.equal(module(ITEMS), torch.stack([h, h], dim=2)) and not torch.equal(h[0, 0], h[0, 1])


def test_an_adapter_reads_the_events_of_its_domain_with_its_positions():
    """The state of domain 1 at event t is what the encoder makes of a history without the other domain's events."""
    module = network(trained=True)
    added = module.adapted(ITEMS, 1)
    own = {0: [4, 5, 6], 1: [4, 5], 2: [6, 5, 4, 4]}
    last_at = {0: [-1, 0, 0, 0, 1, 2], 1: [0, 1, 1, 1, 1, 1], 2: [0, 1, 2, 3, 3, 3]}
    plain = network(trained=True).encoder
    with torch.no_grad():
        plain.position.weight.add_(module.positions[1])
    for row, items in own.items():
        states = module.adapters[1](plain(torch.tensor([items])))[0]
        for t, last in enumerate(last_at[row]):
            assert torch.allclose(added[row, t], states[last] if last >= 0 else torch.zeros(WIDTH), atol=1e-6)


def test_nothing_later_of_another_domain_or_in_the_padding_is_read():
    module = network(trained=True)
    before = module.adapted(ITEMS, 0)
    later, others = ITEMS.clone(), ITEMS.clone()
    later[0, 3] = 1
    assert torch.equal(module.adapted(later, 0)[0, :3], before[0, :3])
    assert not torch.equal(module.adapted(later, 0)[0, 3], before[0, 3])
    others[0, [1, 4]] = torch.tensor([6, 4])
    assert torch.allclose(module.adapted(others, 0), before, atol=1e-6)
    alone = module.adapted(ITEMS[1:2, :3], 0)
    assert torch.allclose(alone, before[1:2, :3], atol=1e-6), "padding and other rows change nothing"
    assert not module.adapted(ITEMS, 0)[2].any(), "a user without events of the domain"


def test_a_domain_moves_without_the_other():
    module = network(trained=True)
    before = module(ITEMS)
    with torch.no_grad():
        module.positions[1].zero_()
        module.adapters[1].up.weight.zero_()
    after = module(ITEMS)
    assert torch.equal(before[:, :, 0], after[:, :, 0]) and not torch.equal(before[:, :, 1], after[:, :, 1])


def test_item_vectors_by_domain_score_each_item_by_the_state_of_its_own():
    module = network(trained=True)
    states = module(ITEMS)[:, -1]  # (3, 2, D)
    weight = module.item.weight
    scores = states.flatten(1) @ by_domain_of_item(weight, DOMAINS, 2).T
    for row in range(3):
        for item in range(1, 7):
            expected = states[row, DOMAINS[item]] @ weight[item]
            assert scores[row, item].item() == pytest.approx(expected.item(), abs=1e-4)


def test_gradient_reaches_the_positions_of_domains_and_nothing_frozen():
    """In the release the positions stay as they were drawn. Here they move as soon as the adapter is not 0."""
    module = network(trained=False, dropout=0.1).train()
    module.encoder.requires_grad_(False)
    optimiser = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=1.0)
    frozen = {name: p.clone() for name, p in module.encoder.named_parameters()}
    for step in range(2):
        optimiser.zero_grad()
        torch.manual_seed(step)
        module(ITEMS).square().sum().backward()
        moved = [bool(p.grad.any()) for p in module.positions]
        assert moved == [step == 1] * 2
        optimiser.step()
    read = [3, 4]  # most events of domain 0, and of domain 1, in a row
    for domain, p in enumerate(module.positions):
        assert p.grad[: read[domain]].any(1).all() and not p.grad[read[domain] :].any()
    assert all(p.grad is None and torch.equal(p, frozen[name]) for name, p in module.encoder.named_parameters())

"""Interests of a history: pooled by hand, from the events so far alone, and each with weights of its own."""
import torch

from workbench.nets.sequences.multi_interest import MultiInterestEncoder, MultiInterestPooling
from workbench.nets.transformer import SequenceEncoder
from workbench.train import seeded_torch

WIDTH, K, ITEMS = 8, 3, 20


def pooling() -> MultiInterestPooling:
    with seeded_torch(0, "pooling"):
        made = MultiInterestPooling(WIDTH, K, 4 * WIDTH)
        with torch.no_grad():
            made.score.weight.mul_(10)  # weights far from equal
    return made


def states(B: int = 2, T: int = 7) -> torch.Tensor:
    return torch.randn(B, T, WIDTH, generator=torch.Generator().manual_seed(1))


def test_interests_against_a_loop_over_prefixes():
    pool, h = pooling(), states()
    found = pool(h)
    assert found.shape == (2, 7, K, WIDTH)
    for b in range(2):
        for t in range(7):
            H = h[b, : t + 1]
            M = (pool.score.weight @ torch.tanh(pool.hidden.weight @ H.T)).softmax(1)  # (K, n)
            assert torch.allclose(found[b, t], M @ H, atol=1e-6)


def test_an_event_changes_no_interest_before_it_and_padding_none():
    pool, h = pooling(), states()
    changed = h.clone()
    changed[:, 4] = 100.0
    before, after = pool(h), pool(changed)
    assert torch.equal(before[:, :4], after[:, :4]) and (before[:, 4:] != after[:, 4:]).any(-1).all()
    assert torch.allclose(pool(h[:, :3]), before[:, :3], atol=1e-6)


def test_interests_differ_and_all_equal_the_state_after_one_event():
    h = states()
    found = pooling()(h)
    assert torch.allclose(found[:, 0], h[:, :1].expand(-1, K, -1), atol=1e-6)
    assert torch.pdist(found[0, -1]).min() > 0.05


def test_large_scores_are_no_harm():
    pool = pooling()
    with torch.no_grad():
        pool.score.weight.mul_(1e4)
    found = pool(states().requires_grad_())
    found.sum().backward()
    assert found.isfinite().all() and pool.score.weight.grad.isfinite().all()


def test_the_encoder_with_interests_is_trained_and_saves_each_weight_once():
    with seeded_torch(0, "encoder"):
        encoder = SequenceEncoder(ITEMS, width=WIDTH, layers=1, heads=2, feedforward=8, max_length=7, dropout=0.0)
    net = MultiInterestEncoder(encoder, pooling())
    items = torch.randint(1, ITEMS + 1, (4, 7), generator=torch.Generator().manual_seed(2))
    target = torch.randn(4, 7, K, WIDTH, generator=torch.Generator().manual_seed(3))
    (net(items) * target).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())
    assert net.item is encoder.item and [name for name in net.state_dict() if "item" in name] == ["encoder.item.weight"]

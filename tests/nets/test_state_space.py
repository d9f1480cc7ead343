"""Three forms of one scan agree; it is causal; padding is harmless; and time scales its steps."""
import numpy as np
import pytest
import torch

from workbench.data import Histories
from workbench.nets.sequences.state_space import (
    RelativeTime,
    StateSpaceEncoder,
    chunked_scan,
    quadratic_scan,
    recurrent_scan,
)
from workbench.recommenders.sequences.time_gaps import EPSILON, relative_gaps, shuffled_gaps

B, T, H, P, N = 3, 11, 2, 5, 4


def arguments(T: int = T) -> list[torch.Tensor]:
    torch.manual_seed(0)
    x, step = torch.randn(B, T, H, P), torch.rand(B, T, H) + 0.05
    return [x, step, torch.tensor([0.5, 2.0]), torch.randn(B, T, N), torch.randn(B, T, N)]


def with_gradients(form, **settings) -> list[torch.Tensor]:
    given = [each.requires_grad_() for each in arguments()]
    y = form(*given, **settings)
    y.square().sum().backward()
    return [y.detach(), *(each.grad for each in given)]


@pytest.mark.parametrize("form, settings", [
    (quadratic_scan, {}), *((chunked_scan, {"chunk": chunk}) for chunk in (1, 3, 4, 11, 64)),
])  # fmt: skip
def test_every_form_is_the_recurrence(form, settings):
    for ours, expected in zip(with_gradients(form, **settings), with_gradients(recurrent_scan), strict=True):
        assert torch.allclose(ours, expected, atol=1e-5, rtol=1e-5)


def test_two_steps_by_hand():
    x = torch.tensor([2.0, 3.0]).view(1, 2, 1, 1)
    step, decay = torch.tensor([0.5, 1.0]).view(1, 2, 1), torch.tensor([0.7])
    b, c = torch.tensor([1.0, 2.0]).view(1, 2, 1), torch.tensor([1.0, 3.0]).view(1, 2, 1)
    y = chunked_scan(x, step, decay, b, c).flatten().tolist()
    second = 3 * (np.exp(-0.7 * 1.0) * 0.5 * 1 * 2 + 1.0 * 2 * 3)
    assert y == pytest.approx([1 * 0.5 * 1 * 2, second], rel=1e-6)


def encoder(*, time: bool = False) -> StateSpaceEncoder:
    torch.manual_seed(0)
    net = StateSpaceEncoder(9, width=32, layers=2, feedforward=16, dropout=0.0, state=4, expand=2)
    torch.manual_seed(1)
    net.time = RelativeTime(2) if time else None
    return net.eval()


def test_an_event_reads_no_later_one_and_no_padding():
    net, items, gaps = encoder(time=True), torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([[0, 0.3, -1, 2, 0.5]])
    whole = net(items, gaps)
    for t in range(1, 5):
        later_items, later_gaps = items.clone(), gaps.clone()
        later_items[:, t:], later_gaps[:, t:] = 0, 9.0
        assert torch.allclose(net(later_items, later_gaps)[:, :t], whole[:, :t], atol=1e-6)
    changed = items.clone()
    changed[:, 0] = 7
    assert (net(changed, gaps)[:, -1] - whole[:, -1]).abs().max() > 1e-4, "the first event reaches the last state"


def test_equal_gaps_are_the_network_without_time():
    items = torch.tensor([[1, 2, 3, 4]])
    with_time, without = encoder(time=True), encoder()
    assert torch.equal(with_time(items, torch.zeros(1, 4)), without(items))
    assert not torch.equal(with_time(items, torch.tensor([[0, 1.0, -1.0, 0]])), without(items))


def timed(*rows: list[int]) -> Histories:
    lengths = [len(row) for row in rows]
    items = np.arange(1, sum(lengths) + 1, dtype=np.int32)
    times = {"timestamp": np.array(sum(rows, []), np.int64)}
    return Histories(np.cumsum([0, *lengths]), items, np.arange(len(rows), dtype=np.int32), times)


def test_relative_gaps_by_hand():
    histories = timed([0, 7200, 7200 + 21600], [50, 50], [10, 20, 30, 40])
    found = relative_gaps(histories, 4)[0]
    second = np.log((21600 + EPSILON) / ((7200 + 21600) / 2 + EPSILON))
    assert found.dtype == np.float32 and found[0] == pytest.approx([0, 0, second, 0])
    assert not found[1:].any(), "equal gaps, none among them, are all 0"
    assert relative_gaps(histories, 2)[0][0] == pytest.approx([0, 0]), "the gap before what is read is not read"


def test_shuffled_gaps_are_the_same_numbers_and_do_not_depend_on_the_batch():
    rows = [np.random.default_rng(n).integers(0, 10**6, 12).cumsum().tolist() for n in range(20)]
    histories = timed(*rows)
    plain, shuffled = relative_gaps(histories, 12)[0], shuffled_gaps(histories, 12)[0]
    assert np.array_equal(np.sort(plain, 1), np.sort(shuffled, 1)) and not np.array_equal(plain, shuffled)
    assert np.array_equal(shuffled_gaps(histories.take(np.array([4, 7])), 12)[0], shuffled[[4, 7]])


def test_gradient_reaches_the_network_of_time():
    net = encoder(time=True).train()
    net(torch.tensor([[1, 2, 3]]), torch.tensor([[0, 1.0, -2.0]])).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in net.time.parameters())

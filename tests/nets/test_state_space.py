"""State-space duality: three evaluations of one recurrence agree, by hand too; events see no later ones; step times."""
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.nets.sequences.state_space import StateSpaceEncoder, StateSpaceMixer, chunked, quadratic, recurrent
from workbench.train import seeded_torch

FORMS = {"quadratic": quadratic, "chunked": chunked, "in chunks of 4": lambda *x: chunked(*x, longest=4)}
WIDTH, ITEMS = 32, 20


def inputs(T: int, B: int = 3) -> list[Tensor]:
    """x, step, rate, b, c of 4 heads of 8, state 6; steps are larger than at the start of a training."""
    with seeded_torch(0, "inputs"):
        made = [torch.randn(B, T, 4, 8), F.softplus(torch.randn(B, T, 4) - 2), torch.rand(4) * 15 + 1]
        return [each.requires_grad_() for each in (*made, torch.randn(B, T, 6) / 2, torch.randn(B, T, 6) / 2)]


def mixer(timed: bool = True) -> StateSpaceMixer:
    with seeded_torch(1, "mixer"):
        made = StateSpaceMixer(WIDTH, state=8, timed=timed)
        with torch.no_grad():
            made.bias.add_(4)  # steps of about 1, so that states fade within a few events
    return made


def encoder(timed: bool = True) -> StateSpaceEncoder:
    with seeded_torch(2, "encoder"):
        return StateSpaceEncoder(
            ITEMS, width=WIDTH, layers=2, feedforward=16, dropout=0.5, state=8, timed=timed
        ).eval()


def histories(T: int, B: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(1, ITEMS + 1, (B, T), generator=generator), torch.randn(B, T, generator=generator)


def test_the_recurrence_by_hand():
    """One head, P = N = 1: S_1 = dt_1 b_1 x_1, S_2 = exp(-a dt_2) S_1 + dt_2 b_2 x_2."""
    x, step = torch.tensor([2.0, 3.0]).view(1, 2, 1, 1), torch.tensor([0.5, 0.25]).view(1, 2, 1)
    b, c = torch.tensor([1.0, 4.0]).view(1, 2, 1), torch.tensor([10.0, 100.0]).view(1, 2, 1)
    for form in (recurrent, *FORMS.values()):
        y = form(x, step, torch.tensor([2.0]), b, c)
        assert y.flatten().tolist() == pytest.approx([10.0, 100 * (math.exp(-0.5) * 1 + 3)], rel=1e-6)


@pytest.mark.parametrize("T", [1, 4, 5, 50, 130])
@pytest.mark.parametrize("form", FORMS)
def test_the_forms_agree_with_the_recurrence_and_so_do_their_gradients(form, T):
    given = inputs(T)
    with seeded_torch(0, "direction"):
        direction = torch.randn(given[0].shape)
    results = [(y, torch.autograd.grad((y * direction).sum(), given)) for y in (recurrent(*given), FORMS[form](*given))]
    assert torch.allclose(results[0][0], results[1][0], atol=1e-5)
    for expected, found in zip(results[0][1], results[1][1]):
        assert torch.allclose(expected, found, atol=1e-5 * max(1.0, expected.abs().max().item()))


def test_steps_that_are_large_or_zero_give_finite_numbers():
    x, step, rate, b, c = inputs(9)
    for scale in (0.0, 1e4):
        y = chunked(x, step * scale, rate, b, c, longest=4)
        gradients = torch.autograd.grad(y.sum(), [x, step, rate])
        assert y.isfinite().all() and all(each.isfinite().all() for each in gradients)


@pytest.mark.parametrize("form", [recurrent, *FORMS.values()])
def test_an_event_changes_no_output_before_it(form):
    given = inputs(11)
    changed = [each.detach().clone() for each in given]
    for place in (0, 1, 3, 4):
        changed[place][:, 6] += 1
    before, after = form(*given), form(*changed)
    assert torch.equal(before[:, :6], after[:, :6]) and (before[:, 6:] != after[:, 6:]).any(-1).all()


def test_neither_an_item_nor_a_gap_changes_a_state_before_it():
    net, (items, gaps) = encoder(), histories(11)
    other_items, other_gaps = items.clone(), gaps.clone()
    other_items[:, 6] = items[:, 6] % ITEMS + 1
    other_gaps[:, 6] += 1
    before = net(items, gaps)
    for after in (net(other_items, gaps), net(items, other_gaps)):
        assert torch.equal(before[:, :6], after[:, :6]) and (before[:, 6:] != after[:, 6:]).any(-1).all()


def test_padding_at_the_end_and_the_other_histories_of_a_batch_change_nothing():
    net, (items, gaps) = encoder(), histories(70)
    alone = net(items[:1, :5], gaps[:1, :5])
    padded = [each.clone() for each in (items, gaps)]
    for each in padded:
        each[0, 5:] = 0
    assert torch.allclose(alone, net(*padded)[:1, :5], atol=1e-5), "70 events are two chunks, 5 are one"


def test_gaps_of_zero_are_the_plain_layer_to_the_last_bit():
    timed, plain = encoder(), encoder(timed=False)
    plain.load_state_dict(timed.state_dict(), strict=False)
    items, gaps = histories(12)
    assert torch.equal(timed(items, torch.zeros(gaps.shape)), plain(items))
    assert not torch.allclose(timed(items, gaps), plain(items), atol=1e-4)


def test_a_gap_multiplies_what_an_event_asks_of_its_step():
    """With f(g) = -g in every head, a gap of -2 is as if the part of dt that the event decides were exp(2) larger."""
    layer, (_, gaps) = mixer(), histories(6)
    x = torch.randn(3, 6, WIDTH, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        first = layer.time[0].weight
        first.zero_()[0] = 60.0  # SiLU(60 g) is 60 g, or 0 at -g
        first[1] = -60.0
        layer.time[2].weight.zero_()[:, 0] = -1 / 60
        layer.time[2].weight[:, 1] = 1 / 60
    assert torch.allclose(layer.time(gaps[..., None])[..., 0], -gaps, atol=1e-3)
    found = layer(x, torch.full_like(gaps, -2.0))
    with torch.no_grad():
        layer.read.weight[-2:] *= math.exp(2)  # the rows of dt, one a head
    assert torch.allclose(found, layer(x, torch.zeros_like(gaps)), atol=1e-4)


def test_every_parameter_is_trained():
    net, (items, gaps) = encoder(), histories(9)
    net(items, gaps).square().mul(torch.arange(WIDTH)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())

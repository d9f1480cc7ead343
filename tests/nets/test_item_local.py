"""The branch within an item sees the codes of that item alone, at once or one code at a time."""
import pytest
import torch

from workbench.nets.item_local import LOCAL, ItemLocal

BLOCK, WIDTH = 3, 8


def branch(kind: str) -> ItemLocal:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = ItemLocal(WIDTH, BLOCK, kind)
        with torch.no_grad():
            made.gate.normal_()
    return made


@pytest.fixture
def x():
    return torch.randn(2, 8, WIDTH, generator=torch.Generator().manual_seed(0))  # the last item has two codes so far


@pytest.mark.parametrize("kind", LOCAL)
def test_no_item_moves_the_embeddings_of_another(kind, x):
    local, changed = branch(kind), x.clone()
    changed[:, 3:6] = x[:, :3]
    before, after = local(x), local(changed)
    assert torch.equal(before[:, :3], after[:, :3]) and torch.equal(before[:, 6:], after[:, 6:])
    assert (before[:, 3:6] != after[:, 3:6]).all()


def test_within_an_item_a_code_reads_those_before_it(x):
    changed = x.clone()
    changed[:, 4] = x[:, 0]
    before, after = branch("attention")(x), branch("attention")(changed)
    assert torch.equal(before[:, 3], after[:, 3]) and (before[:, 4:6] != after[:, 4:6]).all()


def test_the_placebo_has_the_parameters_but_no_code_sees_another(x):
    sizes = [sum(p.numel() for p in branch(kind).parameters()) for kind in LOCAL]
    changed = x.clone()
    changed[:, 4] = x[:, 0]
    before, after = branch("feedforward")(x), branch("feedforward")(changed)
    assert sizes[0] == sizes[1] and torch.equal(before[:, 5], after[:, 5])


@pytest.mark.parametrize("kind", LOCAL)
def test_one_code_at_a_time_is_the_same(kind, x):
    local, whole, own = branch(kind), branch(kind)(x[:, :3]), None
    for level in range(BLOCK):
        at_once, own = local.step(x[:, level, None], own, level)
        assert torch.allclose(at_once[:, 0], whole[:, level], atol=1e-6)


def test_gates_are_weights(x):
    gates = branch("attention").gates(x, x + 1)
    assert gates.shape == (2, 8, 2) and torch.allclose(gates.sum(-1), torch.ones(2, 8)) and (gates > 0).all()

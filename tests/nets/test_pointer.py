"""A pointer over a set: its order of the candidates is not theirs, it takes each once, and it ends where it says."""
import numpy as np
import pytest
import torch
from torch import nn

from workbench.nets.rerank.history_state import HistoryState
from workbench.nets.rerank.pair_features import PairFeatures, RankedHead, discount
from workbench.nets.rerank.pointer import SetPointer, Walk
from workbench.train import seeded_torch

B, N, D = 6, 9, 8


@pytest.fixture(scope="module")
def pointer():
    with seeded_torch(0, "pointer"):
        net = SetPointer(D, layers=2, heads=2, dropout=0.0).eval().requires_grad_(False)
        for block in net.blocks:
            nn.init.normal_(block.attention.qkv.weight)  # far from uniform attention
    return net


@pytest.fixture(scope="module")
def given():
    random = torch.Generator().manual_seed(1)
    return torch.randn(B, N, D, generator=random), torch.randn(B, D, generator=random)


def test_each_candidate_is_taken_once(pointer, given):
    walk = pointer(*given, N)
    assert torch.equal(walk.chosen.sort(1).values, torch.arange(N).expand(B, N))
    assert walk.logits.shape == (B, N, N + 1)
    for step in range(1, N):
        assert torch.isneginf(walk.logits[:, step].gather(1, walk.chosen[:, :step])).all()
    assert (walk.logits[:, :, :N].argmax(2) == walk.chosen).all()


def test_a_shorter_walk_is_the_start_of_a_longer_one(pointer, given):
    assert torch.equal(pointer(*given, 4).chosen, pointer(*given, N).chosen[:, :4])


def test_other_places_of_the_candidates_are_the_same_list(pointer, given):
    """The places change, and with them nothing but the last bits of a sum."""
    x, context = given
    order = torch.stack([torch.randperm(N, generator=torch.Generator().manual_seed(row)) for row in range(B)])
    rows = torch.arange(B)[:, None]
    walk, other = pointer(x, context, N), pointer(x[rows, order], context, N)
    assert torch.equal(order[rows, other.chosen], walk.chosen)
    assert not torch.equal(other.chosen, walk.chosen) and torch.equal(other.lengths(), walk.lengths())


def test_candidates_are_read_together(pointer, given):
    x, context = given
    changed = x.clone()
    changed[:, -1] = -x[:, -1]
    before, after = (pointer(each, context, 1).logits[:, 0, : N - 1] for each in (x, changed))
    assert not torch.allclose(before, after)


def test_a_bias_of_minus_infinity_never_stops_and_a_large_one_at_once(pointer, given):
    assert pointer(*given, N, -torch.inf).lengths().tolist() == [N] * B
    assert pointer(*given, N, 1e6).lengths().tolist() == [0] * B
    assert torch.equal(pointer(*given, N, -torch.inf).chosen, pointer(*given, N).chosen)


def test_a_list_ends_before_the_first_step_that_would_stop():
    logits = torch.full((3, 3, 2), 0.0)  # one candidate and stopping: probability one half
    logits[0, 1:, 1], logits[1, 0, 1], logits[1, 1:, 1] = 1.0, 2.0, -1.0
    walk = Walk(logits, torch.zeros(3, 3, dtype=torch.int64))
    assert walk.lengths().tolist() == [1, 0, 3] and walk.lengths(0.8).tolist() == [3, 0, 3]
    assert walk.lengths(0.4).tolist() == [0, 0, 0] and walk.lengths(1.0).tolist() == [3, 3, 3]


def test_features_of_a_pair_by_hand():
    """Unit vectors of two dimensions: the history is the candidate's own direction and the other one."""
    features = PairFeatures(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    x = features(torch.tensor([[1, 2, 0]]), torch.tensor([[1]]), torch.tensor([[2]]))[0, 0]
    near = torch.tensor([5.0, 0.0]).softmax(0)
    expected = [1, 0, near[0], near[1], near[0] * 2**0.5, 0, 0, 0]  # c, s, c s, c times the last event's
    torch.testing.assert_close(x[:8] / 2**0.5, torch.tensor(expected))
    assert x[8] == 0.5 == discount(torch.tensor(2))[0]


def test_an_empty_history_and_padding_are_nothing():
    features = PairFeatures(np.eye(5, 3, -1))
    empty = features(torch.zeros(2, 1, dtype=torch.int64), torch.tensor([[1, 2]] * 2), torch.zeros(2, 2).long())
    assert torch.isfinite(empty).all() and not empty[:, :, 3:12].any() and empty[:, :, :3].any()
    table = torch.eye(4)
    table[0] = 0
    features = PairFeatures(table.numpy())
    rest = torch.tensor([[2]]), torch.tensor([[0]])
    short, long = (features(torch.tensor([row]), *rest) for row in ([1, 3], [1, 3, 0]))
    torch.testing.assert_close(short, long)
    with seeded_torch(0, "history"):
        state = HistoryState(8, 2, 4, 0.0).eval()
    x = torch.randn(1, 3, 8)
    events = torch.tensor([[True, True, False]])
    torch.testing.assert_close(state(x, events), state(x[:, :2], events[:, :2]))


def test_a_head_corrects_the_order_of_the_first_stage():
    head = RankedHead(2, bias=True)
    with torch.no_grad():
        head.trust.fill_(1.0)
    assert torch.equal(head(torch.zeros(1, 3, 2), torch.tensor([[2, 0, 1]])).argsort(1, descending=True)[0],
                       torch.tensor([1, 2, 0]))  # fmt: skip
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[2.0, 0.0]]))
        head.linear.bias.fill_(1.0)
        found = head(torch.tensor([[[3.0, 9.0]]]), torch.tensor([[1]]))
    torch.testing.assert_close(found, torch.tensor([[7.0]]) - torch.tensor(2.0).log())

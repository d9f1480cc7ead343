"""The network of visits: the order inside a set is of no account, nothing that is not given is read, and gaps are 0."""
import numpy as np
import torch

from workbench.nets.sets.visit_network import SetEncoder, VisitInputs, VisitNetwork, masked_mean


def network(**changes) -> VisitNetwork:
    torch.manual_seed(0)
    settings = {"width": 8, "past": 2} | changes
    return VisitNetwork({"diagnosis": 9, "act": 4}, 6, (3, 2), **settings).eval()


def inputs() -> VisitInputs:
    """Three visits of a user, each asked with those before it."""
    return VisitInputs(
        {"diagnosis": torch.tensor([[1, 5, 9, 2], [3, 0, 0, 0], [4, 8, 0, 0]]), "act": torch.tensor([[0], [2], [1]])},
        torch.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0]]),
        torch.tensor([[3, 3, 0], [3, 0, 1], [0, 1, 2]]), torch.tensor([[1, 1], [2, 0], [3, 2]]),
    )  # fmt: skip


def test_the_order_inside_a_set_is_of_no_account():
    x, order = inputs(), torch.tensor([3, 0, 2, 1])
    other = x._replace(codes=x.codes | {"diagnosis": x.codes["diagnosis"][:, order]}, sets=x.sets[:, [2, 0, 1]])
    assert not torch.equal(other.codes["diagnosis"], x.codes["diagnosis"])
    torch.testing.assert_close(network()(other).logits, network()(x).logits)
    missing = x._replace(codes=x.codes | {"diagnosis": x.codes["diagnosis"] * torch.tensor([1, 1, 0, 1])})
    assert not torch.allclose(network()(missing).logits[0], network()(x).logits[0])


def test_the_set_of_a_visit_and_what_comes_later_are_not_read():
    x, net = inputs(), network()
    own = x._replace(sets=torch.cat([x.sets[:2], torch.tensor([[2, 4, 5]])]))  # of the last visit
    assert torch.equal(net(own).logits, net(x).logits)
    last = x._replace(sets=torch.cat([x.sets[:1], torch.tensor([[1, 6, 0]]), x.sets[2:]]))  # of the second
    changed = (net(last).logits != net(x).logits).any(dim=1)
    assert changed.tolist() == [False, False, True]
    codes = x._replace(codes=x.codes | {"act": torch.tensor([[0], [2], [3]])})
    assert (net(codes).logits != net(x).logits).any(dim=1).tolist() == [False, False, True]


def test_a_profile_is_read_only_with_tokens():
    x = inputs()
    other = x._replace(profile=torch.tensor([[3, 2], [2, 0], [3, 2]]))
    assert (network()(other).logits != network()(x).logits).any(dim=1).tolist() == [True, False, False]
    assert torch.equal(network(tokens=False)(other).logits, network(tokens=False)(x).logits)
    assert not [name for name, _ in network(tokens=False).named_parameters() if name.startswith("tokens")]


def test_an_empty_set_and_an_unknown_code_are_the_vector_0():
    torch.manual_seed(1)
    encoder = SetEncoder(5, 8, 2, 0.0).eval()
    encoder.known[4] = False
    found = encoder(torch.tensor([[0, 0], [4, 0], [1, 4], [1, 0]]))
    assert not found[:2].any() and torch.allclose(found[2], found[3], atol=1e-6)
    alone = network(past=0)(inputs()._replace(places=torch.tensor([[0], [1], [2]])))
    assert np.isfinite(alone.logits.detach().numpy()).all(), "without any earlier visit"


def test_masked_mean_by_hand():
    x = torch.tensor([[[1.0], [3.0], [8.0]], [[1.0], [1.0], [1.0]]])
    present = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_mean(x, present).tolist() == [[2.0], [0.0]]

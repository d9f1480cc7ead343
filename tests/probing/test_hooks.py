"""Hooks: recording and identity edits change nothing, edits change only the selected rows, and hooks are removed."""
import copy

import numpy as np
import pytest
import torch
from torch import nn
from toys import random_histories, toy_recommender

from workbench.errors import UserError
from workbench.nets.transformer import SequenceEncoder
from workbench.probing.activations.hooks import Site, capture, fingerprint, splice

ITEMS = torch.tensor([[3, 1, 4, 0], [1, 5, 0, 0]])
HISTORIES = random_histories(9, 24, longest=5, seed=1)


class Wild(nn.Module):
    """A model with a module that returns a tuple, one that is called twice, and one that returns no tensor."""

    def __init__(self):
        super().__init__()
        self.item, self.rnn = nn.Embedding(9, 6), nn.GRU(6, 6, batch_first=True)
        self.shared, self.odd = nn.Linear(6, 6), nn.Module()
        self.odd.forward = lambda: {"no": "tensor"}

    def forward(self, items):
        self.odd()
        x, _ = self.rnn(self.item(items))
        return self.shared(torch.relu(self.shared(x)))


def encoder():
    torch.manual_seed(0)
    return SequenceEncoder(8, width=16, layers=2, heads=2, feedforward=32, max_length=4, dropout=0.2).eval()


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


PLACES = [
    (encoder, Site("item")), (encoder, Site("blocks.0")), (encoder, Site("blocks.1.attention")),
    (encoder, Site("blocks.0.out")), (encoder, Site("norm")), (Wild, Site("rnn")), (Wild, Site("rnn", output=0)),
    (Wild, Site("shared", call=1)), (Wild, Site("shared")),
]  # fmt: skip


@pytest.mark.parametrize(("make", "site"), PLACES, ids=lambda x: getattr(x, "path", getattr(x, "__name__", "")))
def test_capture_and_identity_edits_change_nothing(make, site):
    model = make()
    with torch.no_grad():
        plain = model(ITEMS)
        with capture(model, site) as seen:
            assert torch.equal(model(ITEMS), plain)
        with splice(model, site, lambda x: x):
            assert torch.equal(model(ITEMS), plain)
        with splice(model, site, lambda x: x + 1, where=lambda x: torch.zeros(x.shape[:-1], dtype=bool)):
            assert torch.equal(model(ITEMS), plain)
        with splice(model, site, lambda x: x * 2 + 1):
            assert not torch.allclose(model(ITEMS), plain)
    assert all(x.dtype == torch.float32 and not x.requires_grad for x in seen[site])
    assert len(seen[site]) == (2 if site == Site("shared") else 1) and hooks(model) == 0


@pytest.mark.parametrize("site", [Site("norm"), Site("blocks.0.out"), Site("blocks.1.attention_norm")])
def test_a_generating_decoder_is_recorded_unchanged(site):
    model = toy_recommender(beam=6)
    plain, exact = model.recommend(HISTORIES, 5), model.score(HISTORIES)
    with capture(model.module, site) as seen:
        again = model.recommend(HISTORIES, 5)
    assert len(seen[site]) == model.codes.levels, "once for the histories, then once per code"
    with splice(model.module, site, lambda x: x):
        edited = model.recommend(HISTORIES, 5)
        assert np.array_equal(model.score(HISTORIES), exact)
    for found in (again, edited):
        assert np.array_equal(found.items, plain.items) and np.array_equal(found.scores, plain.scores)
    with splice(model.module, site, torch.zeros_like):
        assert not np.array_equal(model.recommend(HISTORIES, 5).scores, plain.scores)


def test_hooks_are_removed_after_an_error():
    model = encoder()
    with (
        pytest.raises(RuntimeError, match="mine"),
        splice(model, Site("norm"), lambda x: x),
        capture(model, Site("item")),
    ):
        raise RuntimeError("mine")
    with pytest.raises(UserError), capture(model, Site("item"), Site("nrom")):
        pass
    assert hooks(model) == 0


def test_gradients_flow_through_an_edit():
    model, push = encoder(), torch.zeros(16, requires_grad=True)
    with splice(model, Site("blocks.0"), lambda x: x + push):
        model(ITEMS).square().sum().backward()
    assert push.grad.abs().sum() > 0


def test_only_the_selected_rows_are_edited():
    model = encoder()
    with torch.no_grad():
        plain = model(ITEMS)
        with splice(model, Site("norm"), lambda x: x + 1, where=lambda x: ITEMS > 0):
            edited = model(ITEMS)
    assert torch.allclose(edited[ITEMS > 0], plain[ITEMS > 0] + 1)
    assert torch.equal(edited[ITEMS == 0], plain[ITEMS == 0])


def test_calls_are_counted_anew_in_every_pass():
    model = Wild()
    with capture(model, Site("shared", call=1)) as seen:
        first, second = model(ITEMS), model(ITEMS)
    assert [torch.equal(x, y) for x, y in zip(seen[Site("shared", call=1)], (first, second))] == [True, True]


@pytest.mark.parametrize(("make", "site", "complaint"), [
    (encoder, Site("bloks.0"), r"unknown site 'bloks.0'; did you mean 'blocks.0'"),
    (encoder, Site(""), "unknown site ''"),
    (Wild, Site("odd"), "outputs dict, not a floating-point tensor"),
    (Wild, Site("rnn", output=2), "returns a tuple of 2; there is no output 2"),
])  # fmt: skip
def test_a_wrong_site_is_an_error(make, site, complaint):
    model = make()
    with pytest.raises(UserError, match=complaint), capture(model, site):
        model(ITEMS)


@pytest.mark.parametrize("edit", [lambda x: x[:-1], lambda x: x.double(), lambda x: x[:, :3]])
def test_an_edit_of_another_shape_is_an_error(edit):
    with pytest.raises(UserError, match="the edit at norm returned"), splice(encoder(), Site("norm"), edit) as _:
        model = encoder()
        with splice(model, Site("norm"), edit):
            model(ITEMS)


def test_a_fingerprint_is_of_site_weights_and_data():
    model = encoder()
    mark = fingerprint(model, Site("norm"), "data")
    assert mark == fingerprint(copy.deepcopy(model), Site("norm"), "data")
    assert mark != fingerprint(model, Site("item"), "data") and mark != fingerprint(model, Site("norm"), "other")
    with torch.no_grad():
        model.norm.bias[3] += 1e-6
    assert mark != fingerprint(model, Site("norm"), "data")

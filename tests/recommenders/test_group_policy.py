"""Rollouts of a group and their log-probabilities, on an untrained toy network."""
import numpy as np
import pytest
import torch
from toys import NETS, random_histories, toy_codes, toy_net

from workbench.data import Cases
from workbench.errors import UserError
from workbench.recommenders.generative import Generative
from workbench.recommenders.preference.group_policy import GroupPolicy, code_log_probs

HISTORIES = random_histories(9, 24, longest=5, seed=1)
TARGETS = np.arange(1, 10)
every_variant = pytest.mark.parametrize(
    ("kind", "collide"), [(kind, collide) for kind in NETS for collide in (False, True)]
)


def make(kind="decoder", collide=False, group=8):
    codes = toy_codes(collide=collide)
    base = Generative(toy_net(kind, prefixes=codes.prefix_counts), codes, beam=5, max_length=5,
                      all_positions=kind == "decoder")  # fmt: skip
    return GroupPolicy(base, base.state(), lambda shared, levels: (shared, shared), group=group, kl=0.0)


@every_variant
def test_rollouts_are_items_all_different_and_likeliest_first(kind, collide):
    model = make(kind, collide)
    groups, items = model.rollouts(HISTORIES, TARGETS), {tuple(row) for row in model.codes.codes[1:].tolist()}
    scores, group_of = model.score(HISTORIES), model.codes.trie.group
    for row, codes in enumerate(groups.codes.tolist()):
        assert len({tuple(code) for code in codes}) == 8 and all(tuple(code) in items for code in codes)
        leaves = groups.nodes[row, :, -1].numpy()
        found = [scores[row, np.flatnonzero(group_of == leaf)[0]] for leaf in leaves]
        assert (np.diff(found) <= 1e-5).all()
    whole = make(kind, collide, group=len(model.codes.trie.group_size)).rollouts(HISTORIES, TARGETS)
    assert all(set(row) == set(range(len(row))) for row in whole.nodes[:, :, -1].tolist()), "the whole catalogue"


@every_variant
def test_shared_counts_codes_up_to_the_first_that_differs(kind, collide):
    model = make(kind, collide)
    groups = model.rollouts(HISTORIES, TARGETS)
    for row, target in enumerate(TARGETS):
        goal = model.codes.codes[target].tolist()
        for codes, shared in zip(groups.codes[row].tolist(), groups.shared[row].tolist()):
            assert codes[:shared] == goal[:shared] and (shared == len(goal) or codes[shared] != goal[shared])


@every_variant
def test_log_probabilities_are_those_of_beams_and_of_teacher_forcing(kind, collide):
    model = make(kind, collide)
    groups = model.rollouts(HISTORIES, TARGETS)
    log_probs, entropy = code_log_probs(model.module, *model.base.tokenize(HISTORIES), groups)
    beams = model.beams(HISTORIES, beam=8)
    assert np.allclose(log_probs.sum(2).detach(), beams.scores[-1], atol=1e-4)
    items = np.array([[np.flatnonzero(model.codes.trie.group == leaf)[0] for leaf in row]
                      for row in groups.nodes[:, :, -1].tolist()])  # fmt: skip
    rows = np.repeat(np.arange(len(items)), 8)
    forced = model.code_log_probs(Cases(HISTORIES.take(rows), items.ravel()))
    assert np.allclose(log_probs.detach().flatten(0, 1), forced, atol=1e-4)
    assert 0 < entropy.item() < np.log(5)


def test_the_gradient_is_that_of_teacher_forcing():
    model = make()
    histories = HISTORIES.take(HISTORIES.lengths.argmax(keepdims=True))
    groups = model.rollouts(histories, TARGETS[:1])
    log_probs, _ = code_log_probs(model.module, *model.base.tokenize(histories), groups)
    parameters = [model.module.code.weight, model.module.blocks[0].attention.qkv.weight]
    by_steps = torch.autograd.grad(log_probs[0, 3].sum(), parameters)
    item = int(np.flatnonzero((model.codes.codes == groups.codes[0, 3].numpy()).all(1))[0])
    rows = model.base.code_buffer.read().item_rows[torch.tensor([[*histories.row(0), item]]).long()]
    states, targets = model.module.teacher_forced(rows)
    logits, codes, _ = model.base._logits(states, targets)
    forced = sum(each[-1].log_softmax(0)[codes[-1, level]] for level, each in enumerate(logits))
    for a, b in zip(by_steps, torch.autograd.grad(forced, parameters)):
        assert torch.allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("group", [1, 25])
def test_a_group_that_cannot_be(group):
    with pytest.raises(UserError, match=f"group of {group} rollouts.*at least 2, and at most 24"):
        make(group=group)

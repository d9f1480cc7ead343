"""Both networks over semantic IDs: causality, invariance to padding, and step-by-step decoding equal to a full pass."""
import numpy as np
import pytest
import torch
from toys import item_rows, make_histories, random_histories, toy_codes, toy_net

from workbench.errors import UserError
from workbench.experiment import open_bench

CODES = toy_codes()
ROWS = item_rows(toy_net(), CODES)
NETS = {
    "decoder": {}, "encoder-decoder": {"kind": "encoder-decoder"}, "prefixes": {"prefixes": CODES.prefix_counts},
    "encoder-decoder, prefixes": {"kind": "encoder-decoder", "prefixes": CODES.prefix_counts},
}  # fmt: skip
each_net = pytest.mark.parametrize("kind", NETS)


def tokenize(histories, length=None, table=ROWS):
    return table[torch.from_numpy(histories.padded(length))]


def log_probs(net, states, level):
    return net.code.logits(states, level).log_softmax(-1)


def test_states_and_targets_are_those_of_every_item_in_order():
    net = toy_net()
    states, targets = net.teacher_forced(tokenize(make_histories([5, 6], [7], [8, 9, 10])))
    assert states.shape == (6, 3, 16) and torch.equal(targets, ROWS[[5, 6, 7, 8, 9, 10], :, 0])
    assert (states.std((1, 2)) > 0.1).all()


def test_the_encoder_decoder_predicts_the_last_item_of_a_row():
    states, targets = toy_net("encoder-decoder").teacher_forced(tokenize(make_histories([5, 6], [7], [8, 9, 10])))
    assert states.shape == (3, 3, 16) and torch.equal(targets, ROWS[[6, 7, 10], :, 0])


@pytest.mark.parametrize("position", range(4))
def test_no_future_leaks_into_a_decoder(position):
    """Changing a code of the item at `position` changes the states of later codes and later items, and no others."""
    net, tokens = toy_net(), tokenize(make_histories([3, 8, 15, 20]))
    before = net.teacher_forced(tokens)[0]
    for level in range(3):
        changed = tokens.clone()
        low, size = net.code.starts[level], net.code.sizes[level]
        changed[0, position, level] = low + (changed[0, position, level] - low + 1) % size
        after = net.teacher_forced(changed)[0]
        moved = (after - before).abs().amax(-1).flatten() > 1e-6
        token = position * 3 + level
        assert not moved[: token + 1].any(), "no state up to the one that predicts the code has seen it"
        assert moved[token + 1 :].all(), "all later states have"


def test_no_future_leaks_into_an_encoder_decoder():
    net, tokens = toy_net("encoder-decoder"), tokenize(make_histories([3, 8, 15]))
    before = net.teacher_forced(tokens)[0][0]
    for level in range(3):
        changed = tokens.clone()
        low, size = net.code.starts[level], net.code.sizes[level]
        changed[0, 2, level] = low + (changed[0, 2, level] - low + 1) % size
        moved = (net.teacher_forced(changed)[0][0] - before).abs().amax(-1) > 1e-6
        assert moved.tolist() == [at > level for at in range(3)]
    changed = tokens.clone()
    changed[0, 0] = ROWS[9]
    assert ((net.teacher_forced(changed)[0][0] - before).abs().amax(-1) > 1e-6).all(), "the history is read"


@each_net
def test_right_padding_does_not_matter(kind):
    net, histories = toy_net(**NETS[kind]), make_histories([4, 9, 2], [11], [7, 7, 1, 13])
    table = item_rows(net, CODES)
    states, targets = net.teacher_forced(tokenize(histories, table=table))
    wider, same_targets = net.teacher_forced(tokenize(histories, 5, table))
    assert torch.equal(targets, same_targets) and torch.allclose(states, wider, atol=1e-5)
    alone = torch.cat([net.teacher_forced(tokenize(histories.take([row]), table=table))[0] for row in range(3)])
    assert torch.allclose(states, alone, atol=1e-5)
    lengths = torch.from_numpy(histories.lengths)
    narrow, wide = (net.prefill(tokenize(histories, length, table), lengths)[0] for length in (4, 5))
    assert torch.allclose(narrow, wide, atol=1e-5)


@each_net
def test_the_order_of_a_history_matters(kind):
    net = toy_net(**NETS[kind])
    table, lengths = item_rows(net, CODES), torch.tensor([3])
    a, b = (net.prefill(tokenize(make_histories(items), table=table), lengths)[0] for items in ([4, 9, 2], [9, 4, 2]))
    assert (a - b).abs().max() > 1e-3


@each_net
def test_step_by_step_decoding_equals_a_full_pass(kind):
    """Beams that decode different items, also of an empty history, against `teacher_forced` with the item appended."""
    net, W = toy_net(**NETS[kind]), 7
    table = item_rows(net, CODES)
    histories = random_histories(12, 24, longest=5, seed=2)
    assert 0 in histories.lengths and 5 in histories.lengths
    lengths = torch.from_numpy(histories.lengths)
    items = torch.from_numpy(np.random.default_rng(0).integers(1, 25, (12, W)))
    state, cache, own = net.prefill(tokenize(histories, 5, table), lengths)
    decoded = [log_probs(net, state, 0).expand(-1, W, -1)]
    for level in (1, 2):
        if level == 1:  # one beam becomes many, which share its cache
            own = [tuple(x.expand(-1, -1, W, -1, -1) for x in pair) for pair in own]
        state, own = net.step(cache, own, table[items][:, :, level - 1], level)
        decoded.append(log_probs(net, state, level))
    for beam in range(W):
        full = tokenize(histories, 6, table)
        full[torch.arange(12), lengths] = table[items[:, beam]]
        states, targets = net.teacher_forced(full)
        if not kind.startswith("encoder"):
            last = torch.from_numpy(np.cumsum(histories.lengths + 1) - 1)
            states, targets = states[last], targets[last]
        assert torch.equal(targets, table[items[:, beam]][..., 0])
        for level in range(3):
            assert torch.allclose(decoded[level][:, beam], log_probs(net, states[:, level], level), atol=1e-5)


def test_codes_use_the_rows_of_their_level():
    table = toy_net().code
    assert table.weight.shape == (13, 16) and table.starts == [1, 4, 8] and not table.weight[0].any()
    codes = torch.arange(5)
    assert torch.equal(table(table.code_rows(codes, codes, 2)), table.weight[8:13])
    states = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(table.logits(states, 1), states @ table.weight[4:8].T)


def test_prefixes_have_rows_of_their_own():
    """Items with the same last code but other prefixes have other embeddings; items of one group have the same."""
    net = toy_net(prefixes=CODES.prefix_counts)
    table, group = item_rows(net, CODES), CODES.trie.group
    assert net.code.weight.shape == (13 + sum(CODES.prefix_counts), 16) and not table[0].any()
    assert (table[1:, 0, 1] == 0).all(), "a first code is its own prefix"
    for level in (1, 2):
        own = table[1:, level, 1].numpy()
        assert np.array_equal(np.unique(own, return_inverse=True)[1], CODES.trie.node[1:, level + 1])
    inputs = net.code(table[:, 2]).detach().numpy()
    same = np.isclose(inputs[1:, None], inputs[None, 1:]).all(-1)
    assert np.array_equal(same, group[1:, None] == group[None, 1:])
    outside = net.code.code_rows(torch.tensor([1]), torch.tensor([-1]), 2)
    assert torch.equal(outside[0, 1], torch.tensor(0))


@pytest.mark.parametrize("kind", ["decoder", "encoder-decoder"])
def test_dropout_is_only_active_in_training(kind):
    net, tokens = toy_net(kind), tokenize(make_histories([4, 9, 2]))
    assert torch.equal(net.teacher_forced(tokens)[0], net.teacher_forced(tokens)[0])
    net.train()
    assert not torch.equal(net.teacher_forced(tokens)[0], net.teacher_forced(tokens)[0])


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"architecture": "decodr"}, "did you mean 'decoder'"),
    ({"width": 33}, "a multiple of 32.*not width=33"),
    ({"layers": 0}, "sizes positive"),
    ({"dropout": 1.0}, "0 <= dropout < 1"),
    ({"beam": 0}, "sizes positive"),
    ({"codes": "randm"}, "did you mean 'random'"),
])  # fmt: skip
def test_tiger_refuses(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        open_bench("synthetic", profile="smoke", options={"users": 120}).build("tiger", **settings)

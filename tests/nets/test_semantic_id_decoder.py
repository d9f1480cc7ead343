"""Both networks that spell: no future leaks, padding does not matter, and a step at a time is the whole pass."""
import numpy as np
import pytest
import torch
from toys import catalogue, random_rows, rows, toy_codes, toy_net

from workbench.errors import UserError
from workbench.experiment import open_bench

CODES = toy_codes()
ROWS = catalogue(toy_net(), CODES)
NETS = {
    "decoder": {}, "encoder-decoder": {"kind": "encoder-decoder"}, "prefixes": {"prefixes": CODES.prefixes},
    "encoder-decoder, prefixes": {"kind": "encoder-decoder", "prefixes": CODES.prefixes},
}  # fmt: skip
each_net = pytest.mark.parametrize("kind", NETS)


def read(histories, length=None, table=ROWS):
    return table[torch.from_numpy(histories.padded(length))]


def log_p(net, states, level):
    return net.code.logits(states, level).log_softmax(-1)


def test_states_are_of_every_real_item_in_order_and_of_its_own_tokens():
    net = toy_net()
    states, targets = net.taught(read(rows([5, 6], [7], [8, 9, 10])))
    assert states.shape == (6, 3, 16) and torch.equal(targets, ROWS[[5, 6, 7, 8, 9, 10], :, 0])
    assert (states.std((1, 2)) > 0.1).all()


def test_the_encoder_decoder_is_asked_for_the_last_item_of_a_row():
    states, targets = toy_net("encoder-decoder").taught(read(rows([5, 6], [7], [8, 9, 10])))
    assert states.shape == (3, 3, 16) and torch.equal(targets, ROWS[[6, 7, 10], :, 0])


@pytest.mark.parametrize("place", range(4))
def test_no_future_leaks_into_a_decoder(place):
    """Other codes of the item at `place` change the states after it, and of its own only those of later codes."""
    net, tokens = toy_net(), read(rows([3, 8, 15, 20]))
    before = net.taught(tokens)[0]
    for level in range(3):
        changed = tokens.clone()
        low, size = net.code.starts[level], net.code.sizes[level]
        changed[0, place, level] = low + (changed[0, place, level] - low + 1) % size
        after = net.taught(changed)[0]
        moved = (after - before).abs().amax(-1).flatten() > 1e-6
        slot = place * 3 + level
        assert not moved[: slot + 1].any(), "the state that predicts a code, and all before, have not seen it"
        assert moved[slot + 1 :].all(), "all after have"


def test_no_future_leaks_into_an_encoder_decoder():
    net, tokens = toy_net("encoder-decoder"), read(rows([3, 8, 15]))
    before = net.taught(tokens)[0][0]
    for level in range(3):
        changed = tokens.clone()
        low, size = net.code.starts[level], net.code.sizes[level]
        changed[0, 2, level] = low + (changed[0, 2, level] - low + 1) % size
        moved = (net.taught(changed)[0][0] - before).abs().amax(-1) > 1e-6
        assert moved.tolist() == [at > level for at in range(3)]
    changed = tokens.clone()
    changed[0, 0] = ROWS[9]
    assert ((net.taught(changed)[0][0] - before).abs().amax(-1) > 1e-6).all(), "the history is read"


@each_net
def test_right_padding_does_not_matter(kind):
    net, histories = toy_net(**NETS[kind]), rows([4, 9, 2], [11], [7, 7, 1, 13])
    table = catalogue(net, CODES)
    states, targets = net.taught(read(histories, table=table))
    wider, same_targets = net.taught(read(histories, 5, table))
    assert torch.equal(targets, same_targets) and torch.allclose(states, wider, atol=1e-5)
    alone = torch.cat([net.taught(read(histories.take([row]), table=table))[0] for row in range(3)])
    assert torch.allclose(states, alone, atol=1e-5)
    lengths = torch.from_numpy(histories.lengths)
    narrow, wide = (net.prefill(read(histories, length, table), lengths)[0] for length in (4, 5))
    assert torch.allclose(narrow, wide, atol=1e-5)


@each_net
def test_the_order_of_a_history_is_read(kind):
    net = toy_net(**NETS[kind])
    table, lengths = catalogue(net, CODES), torch.tensor([3])
    a, b = (net.prefill(read(rows(items), table=table), lengths)[0] for items in ([4, 9, 2], [9, 4, 2]))
    assert (a - b).abs().max() > 1e-3


@each_net
def test_step_by_step_is_the_whole_pass(kind):
    """Beams that spell different items of different histories, an empty one too, against `taught` with the item put
    at the end of its history."""
    net, W = toy_net(**NETS[kind]), 7
    table = catalogue(net, CODES)
    histories = random_rows(12, 24, longest=5, seed=2)
    assert 0 in histories.lengths and 5 in histories.lengths
    lengths = torch.from_numpy(histories.lengths)
    items = torch.from_numpy(np.random.default_rng(0).integers(1, 25, (12, W)))
    state, memory, own = net.prefill(read(histories, 5, table), lengths)
    found = [log_p(net, state, 0).expand(-1, W, -1)]
    for level in (1, 2):
        if level == 1:  # one beam becomes many: each takes over what the one owned
            own = [tuple(x.expand(-1, -1, W, -1, -1) for x in pair) for pair in own]
        state, own = net.step(memory, own, table[items][:, :, level - 1], level)
        found.append(log_p(net, state, level))
    for beam in range(W):
        whole = read(histories, 6, table)
        whole[torch.arange(12), lengths] = table[items[:, beam]]
        states, targets = net.taught(whole)
        if not kind.startswith("encoder"):
            last = torch.from_numpy(np.cumsum(histories.lengths + 1) - 1)
            states, targets = states[last], targets[last]
        assert torch.equal(targets, table[items[:, beam]][..., 0])
        for level in range(3):
            assert torch.allclose(found[level][:, beam], log_p(net, states[:, level], level), atol=1e-5)


def test_codes_have_rows_of_their_own_level():
    table = toy_net().code
    assert table.weight.shape == (13, 16) and table.starts == [1, 4, 8] and not table.weight[0].any()
    codes = torch.arange(5)
    assert torch.equal(table(table.rows(codes, codes, 2)), table.weight[8:13])
    states = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(table.logits(states, 1), states @ table.weight[4:8].T)


def test_prefixes_have_rows_of_their_own_too():
    """Two items with the same last code under other prefixes are read differently, those of one group alike."""
    net = toy_net(prefixes=CODES.prefixes)
    table, group = catalogue(net, CODES), CODES.trie.group
    assert net.code.weight.shape == (13 + sum(CODES.prefixes), 16) and not table[0].any()
    assert (table[1:, 0, 1] == 0).all(), "a first code is its own prefix"
    for level in (1, 2):
        own = table[1:, level, 1].numpy()
        assert np.array_equal(np.unique(own, return_inverse=True)[1], CODES.trie.node[1:, level + 1])
    inputs = net.code(table[:, 2]).detach().numpy()
    same = np.isclose(inputs[1:, None], inputs[None, 1:]).all(-1)
    assert np.array_equal(same, group[1:, None] == group[None, 1:])
    assert torch.equal(net.code.rows(torch.tensor([1]), torch.tensor([-1]), 2)[0, 1], torch.tensor(0)), "off the trie"


@pytest.mark.parametrize("kind", ["decoder", "encoder-decoder"])
def test_dropout_is_for_training(kind):
    net, tokens = toy_net(kind), read(rows([4, 9, 2]))
    assert torch.equal(net.taught(tokens)[0], net.taught(tokens)[0])
    net.train()
    assert not torch.equal(net.taught(tokens)[0], net.taught(tokens)[0])


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

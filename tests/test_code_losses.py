"""Losses of semantic IDs on a toy trie, against values worked out by hand and by enumeration."""
import math

import numpy as np
import pytest
import torch

from workbench.losses import code_sequences, prefixes
from workbench.tokens.trie import build_trie

SIZES = (3, 4, 2)


@pytest.fixture
def toy():
    """12 items with distinct codes of three levels: logits (N, K) for six targets, their codes, a trie."""
    rng = np.random.default_rng(0)
    every = np.array([(a, b, c) for a in range(3) for b in range(4) for c in range(2)])
    codes = every[np.sort(rng.permutation(len(every))[:12])]
    trie = build_trie(np.concatenate([np.full((1, 3), -1), codes]), SIZES)
    targets = torch.from_numpy(codes[rng.permutation(12)[:6]])
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(6, size, generator=generator, requires_grad=True) for size in SIZES]
    return logits, targets, [torch.from_numpy(table) for table in trie.children]


def test_cross_entropy_is_the_mean_over_levels(toy):
    logits, targets, children = toy
    by_hand = np.mean([
        -math.log(math.exp(each[n, targets[n, level]]) / sum(map(math.exp, each[n].tolist())))
        for level, each in enumerate(each.detach() for each in logits) for n in range(6)
    ])  # fmt: skip
    assert code_sequences.code_cross_entropy(logits, targets, children).item() == pytest.approx(by_hand, rel=1e-5)


def test_temperature_one_is_cross_entropy_and_below_one_sharpens(toy):
    logits, targets, children = toy
    assert code_sequences.tempered_cross_entropy(1) is code_sequences.code_cross_entropy
    tempered = code_sequences.tempered_cross_entropy(0.5)(logits, targets, children)
    doubled = code_sequences.code_cross_entropy([2 * each for each in logits], targets, children)
    assert torch.equal(tempered, doubled)


def test_softmax_over_the_trie_is_never_above_and_has_no_gradient_on_what_it_forbids(toy):
    logits, targets, children = toy
    masked = code_sequences.trie_cross_entropy(logits, targets, children)
    assert masked < code_sequences.code_cross_entropy(logits, targets, children)
    masked.backward()
    nodes, forbidden = code_sequences.target_nodes(targets, children), 0
    for level, (each, table) in enumerate(zip(logits, children)):
        allowed = table[nodes[:, level]] >= 0
        forbidden += int((~allowed).sum())
        assert allowed.gather(1, targets[:, level, None]).all()
        assert (each.grad[~allowed] == 0).all() and (each.grad[allowed].abs() > 0).any()
    assert forbidden


def test_without_weight_the_prefix_loss_is_cross_entropy_itself():
    assert prefixes.prefix_aware(beta=0, form="pairwise", eta=0) is code_sequences.code_cross_entropy


def test_pairwise_prefix_losses_are_the_exact_likelihood_of_prefixes(toy):
    """The product of e^{-t L_t} over t is that of the prefix among all of the trie, enumerated code by code."""
    logits, targets, children = toy
    losses = prefixes.pairwise(logits, targets, children)
    nodes = code_sequences.target_nodes(targets, children)
    for n in range(6):
        likelihood, exact = 1.0, 1.0
        for t in (1, 2):
            likelihood *= math.exp(-t * losses[n, t - 1].item())
            allowed = [code for code in range(SIZES[t - 1]) if children[t - 1][nodes[n, t - 1], code] >= 0]
            weights = {code: math.exp(logits[t - 1][n, code].item()) for code in allowed}
            exact *= weights[targets[n, t - 1].item()] / sum(weights.values())
            assert likelihood == pytest.approx(exact, rel=1e-5)


def test_pointwise_prefix_losses_are_mean_negative_log_probabilities(toy):
    logits, targets, _ = toy
    losses = prefixes.pointwise(logits, targets)
    first = -torch.log_softmax(logits[0], 1).gather(1, targets[:, :1])[:, 0]
    second = -torch.log_softmax(logits[1], 1).gather(1, targets[:, 1:2])[:, 0]
    assert torch.allclose(losses, torch.stack([first, (first + second) / 2], 1))


@pytest.mark.parametrize("form", prefixes.FORMS)
def test_the_worst_prefix_weighs_most(toy, form):
    logits, targets, children = toy
    plain = code_sequences.code_cross_entropy(logits, targets, children)
    each = prefixes.pointwise(logits, targets) if form == "pointwise" else prefixes.pairwise(logits, targets, children)
    adaptive = prefixes.prefix_aware(beta=0.5, form=form, eta=0)(logits, targets, children)
    weights = each / each.sum(1, keepdim=True)
    assert torch.allclose(adaptive, plain + 0.5 * (weights * each).sum(1).mean())
    uniform = prefixes.prefix_aware(beta=0.5, form=form, eta=0, uniform=True)(logits, targets, children)
    assert torch.allclose(uniform, plain + 0.5 * each.mean())
    assert adaptive > uniform, "more weight on larger losses"
    assert prefixes.prefix_aware(beta=0.5, form=form, eta=4)(logits, targets, children) > adaptive
